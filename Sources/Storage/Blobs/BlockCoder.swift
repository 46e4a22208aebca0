import CZlib

/// Compresses blocks, each so that it can be inflated alone. One per thread at a time.
final class BlockCoder {
    private let stream: UnsafeMutablePointer<z_stream>
    private let hint: ContentHint

    init(_ hint: ContentHint) throws {
        self.hint = hint
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let level: Int32 = hint == .text ? 6 : 1
        let strategy = hint == .text ? Z_DEFAULT_STRATEGY : Z_RLE
        // Negative window bits: bare deflate, since the frame is written around all blocks.
        let code = deflateInit2_(
            stream, level, Z_DEFLATED, -15, 9, strategy, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            stream.deallocate()
            throw StorageError.storeFailed(detail: "zlib's deflateInit2 gave \(code)")
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Compressed bytes written to `output`, which has room for `Framing.codedLimit`; nil when the block is better stored
    /// as it is.
    func compress(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        guard pays(input, scratch: output) else { return nil }
        let limit = input.count - Int(Double(input.count) * Compressibility.leastActualSaving)
        guard limit > 0, limit <= output.count else { return nil }
        return deflate(input, into: UnsafeMutableRawBufferPointer(rebasing: output[..<limit]))
    }

    private func pays(_ input: UnsafeRawBufferPointer, scratch: UnsafeMutableRawBufferPointer) -> Bool {
        if Compressibility.predictedSaving(input) >= Compressibility.leastSaving { return true }
        guard hint == .text else { return false }
        // Order-0 frequencies do not see matches: try one sixteenth.
        let probe = UnsafeRawBufferPointer(rebasing: input[..<min(input.count, input.count / 16 + 4096)])
        guard let size = deflate(probe, into: scratch) else { return false }
        return Double(size) < Double(probe.count) * (1 - Compressibility.leastSaving)
    }

    /// Deflates up to a full flush, which ends on a byte and forgets the window. Nil when it does not fit.
    private func deflate(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        guard deflateReset(stream) == Z_OK, let inputCount = uInt(exactly: input.count),
            let outputCount = uInt(exactly: output.count)
        else { return nil }
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = inputCount
        stream.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = outputCount
        let code = CZlib.deflate(stream, Z_FULL_FLUSH)
        // With room left the flush is complete (zlib.h on avail_out).
        guard code == Z_OK, stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 else { return nil }
        return output.count - Int(stream.pointee.avail_out)
    }
}

/// Inflates one block at a time.
final class BlockDecoder {
    private let stream: UnsafeMutablePointer<z_stream>

    init() throws {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            stream.deallocate()
            throw StorageError.storeFailed(detail: "zlib's inflateInit2 gave \(code)")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Whether `coded` inflates to exactly the bytes that fill `output`.
    func inflate(_ coded: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Bool {
        guard inflateReset(stream) == Z_OK, let inputCount = uInt(exactly: coded.count),
            let outputCount = uInt(exactly: output.count)
        else { return false }
        stream.pointee.next_in = UnsafeMutablePointer(mutating: coded.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = inputCount
        stream.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = outputCount
        let code = CZlib.inflate(stream, Z_SYNC_FLUSH)
        return (code == Z_OK || code == Z_BUF_ERROR) && stream.pointee.avail_out == 0 && stream.pointee.avail_in == 0
    }

    /// CRC-32 of the identity bytes in a block of stored pieces; nil when a header is not what it must be.
    static func storedCRC(_ coded: UnsafeRawBufferPointer) -> UInt32? {
        var crc: UInt32 = 0
        for (header, piece) in storedPieces(coded) {
            guard coded[header].elementsEqual(Framing.storedHeader(piece.count)) else { return nil }
            crc = Checksums.crc32(UnsafeRawBufferPointer(rebasing: coded[piece]), after: crc)
        }
        return crc
    }

    /// Takes the stored pieces, which were found sound, out of their headers.
    static func unwrap(_ coded: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
        var position = 0
        for (_, piece) in storedPieces(coded) {
            let target = UnsafeMutableRawBufferPointer(rebasing: output[position..<(position + piece.count)])
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: coded[piece]))
            position += piece.count
        }
    }

    /// The identity bytes of a block of stored pieces, which were found sound, where they lie.
    static func pieces(_ coded: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
        storedPieces(coded).map { UnsafeRawBufferPointer(rebasing: coded[$0.piece]) }
    }

    /// Where headers and pieces lie in a block whose index entry says that it is stored.
    private static func storedPieces(_ coded: UnsafeRawBufferPointer) -> [(header: Range<Int>, piece: Range<Int>)] {
        let stride = Framing.storedHeaderSize + Framing.storedLimit
        return Swift.stride(from: 0, to: coded.count, by: stride).map { start in
            let middle = min(start + Framing.storedHeaderSize, coded.count)
            return (start..<middle, middle..<min(start + stride, coded.count))
        }
    }
}
