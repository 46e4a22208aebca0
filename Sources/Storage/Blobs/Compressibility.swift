import Glibc

/// Whether compressing a block is worth its time, found out for far less than compressing it.
///
/// Weights: match search finds nothing in them, so what Huffman coding can save is what the frequencies of the bytes tell.
/// A sample of 16 KiB gives the order-0 entropy H in bits per byte; the predicted saving is 1 - H / 8. FP32 weights come to
/// 7-8 %, at the price of 150 MB/s per core where the disk takes several times that; INT8 weights to 11-18 %, sparse
/// ones to more. The line is drawn between them.
///
/// Text: matches matter, so a sample is compressed at the fastest level.
enum Compressibility {
    static let leastSaving = 0.095
    /// A compressed block that saves less than this is stored as it is, which reads faster.
    static let leastActualSaving = 1.0 / 32
    private static let slices = 16
    private static let slice = 1024

    static func predictedSaving(_ bytes: UnsafeRawBufferPointer) -> Double {
        1 - entropy(sample(bytes)) / 8
    }

    /// Slices spread evenly over the block, or all of a small one.
    static func sample(_ bytes: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
        guard bytes.count > slices * slice else { return [bytes] }
        let step = bytes.count / slices
        return (0..<slices).map { UnsafeRawBufferPointer(rebasing: bytes[($0 * step)..<($0 * step + slice)]) }
    }

    /// Bits per byte when each byte is coded by its frequency alone.
    static func entropy(_ parts: [UnsafeRawBufferPointer]) -> Double {
        let counts = histogram(parts)
        let total = Double(counts.reduce(0, &+))
        guard total > 0 else { return 0 }
        return counts.reduce(0) { sum, count in
            guard count > 0 else { return sum }
            let share = Double(count) / total
            return sum - share * log2(share)
        }
    }

    private static func histogram(_ parts: [UnsafeRawBufferPointer]) -> [UInt32] {
        [UInt32](unsafeUninitializedCapacity: 256) { counts, filled in
            counts.initialize(repeating: 0)
            filled = 256
            for part in parts {
                for byte in part { counts[Int(byte)] &+= 1 }
            }
        }
    }
}
