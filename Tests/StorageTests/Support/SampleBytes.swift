import Domain
import Storage

/// Seeded contents of every compressibility.
enum SampleBytes: String, CaseIterable, Sendable {
    /// As fp32 weights: three noisy bytes and an exponent; not worth compressing.
    case weights
    /// Int8 values around zero: Huffman coding saves a tenth or more.
    case quantized
    case zeros
    /// Repeats over distances that only match search finds.
    case text
    /// Incompressible and compressible blocks by turns.
    case mixed

    func make(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func word() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            for index in 0..<count { buffer[index] = byte(index, word) }
            filled = count
        }
    }

    private func byte(_ index: Int, _ word: () -> UInt64) -> UInt8 {
        switch self {
        case .weights:
            let noise = word()
            // A sign and eight exponents: 4 bits of entropy, about as in real weights.
            return index & 3 == 3 ? 0x38 | UInt8(noise >> 56 & 0x87) : UInt8(truncatingIfNeeded: noise >> 24)
        case .quantized:
            let noise = word()
            return UInt8(truncatingIfNeeded: Int(noise & 63) + Int(noise >> 20 & 63) - 63)
        case .zeros: return 0
        case .text: return UInt8(truncatingIfNeeded: (index % 997) * 31 + index / 65536)
        case .mixed: return index >> 20 & 1 == 0 ? UInt8(truncatingIfNeeded: word() >> 24) : UInt8(index & 7)
        }
    }
}

extension BlobStore {
    /// Stores bytes in pieces of an odd size.
    func put(_ bytes: [UInt8], _ hint: ContentHint = .weights, piece: Int = 700_001) throws -> StoredBlob {
        let writer = try makeWriter(hint)
        try bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            for start in stride(from: 0, to: bytes.count, by: piece) {
                try writer.write(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + piece, bytes.count)]))
            }
        }
        return try writer.finish()
    }
}

extension BlobBytes {
    func all() throws -> [UInt8] {
        var result: [UInt8] = []
        while let bytes = try next() { result += bytes }
        return result
    }
}

extension BlobReader {
    func all() throws -> [UInt8] { try bytes(0..<size).all() }
}
