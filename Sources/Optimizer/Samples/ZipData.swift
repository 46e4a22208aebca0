import CZlib
import Domain

/// The bytes of one zip member, in pieces of bounded size, with its checksum.
struct ZipData {
    let file: SampleFile
    let member: ZipDirectory.Member

    private static let pieceLength = 1 << 18

    /// The first bytes, at most `count`, without looking at the rest.
    func prefix(_ count: Int) throws -> [UInt8] {
        var found: [UInt8] = []
        try read { piece in
            found.append(contentsOf: piece.prefix(count - found.count))
            return found.count < count
        }
        return found
    }

    /// Every byte through `consume`, then the checksum compared. Memory stays the same whatever the size.
    func readAll(_ consume: (UnsafeRawBufferPointer) throws -> Void) throws {
        var sum = crc32(0, nil, 0)
        var total = 0
        try read { piece in
            sum = crc32(sum, piece.bindMemory(to: UInt8.self).baseAddress, uInt(piece.count))
            total += piece.count
            try consume(piece)
            return true
        }
        guard total == member.size, UInt32(truncatingIfNeeded: sum) == member.crc else { throw damaged() }
    }

    /// Stops when `consume` says false or at the end of the data; never delivers more than the member claims.
    private func read(_ consume: (UnsafeRawBufferPointer) throws -> Bool) throws {
        switch member.method {
        case .stored: try readStored(consume)
        case .deflated: try inflate(consume)
        }
    }

    private func readStored(_ consume: (UnsafeRawBufferPointer) throws -> Bool) throws {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceLength, alignment: 16)
        defer { piece.deallocate() }
        var done = 0
        while done < member.size {
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(piece.count, member.size - done)])
            try file.read(at: member.dataOffset + done, into: part)
            done += part.count
            guard try consume(UnsafeRawBufferPointer(part)) else { return }
        }
    }

    private func inflate(_ consume: (UnsafeRawBufferPointer) throws -> Bool) throws {
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceLength, alignment: 16)
        let output = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceLength, alignment: 16)
        defer {
            input.deallocate()
            output.deallocate()
        }
        var stream = z_stream()
        // Negative window bits: a raw deflate stream, without zlib's wrapper (zlib.h, inflateInit2).
        guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw Failure(.outOfMemory, stage: .load, detail: "There is no memory left to unpack the samples.")
        }
        defer { inflateEnd(&stream) }
        var (taken, given) = (0, 0)
        while true {
            if stream.avail_in == 0, taken < member.compressedSize {
                let part = UnsafeMutableRawBufferPointer(
                    rebasing: input[..<min(input.count, member.compressedSize - taken)])
                try file.read(at: member.dataOffset + taken, into: part)
                taken += part.count
                stream.next_in = part.bindMemory(to: UInt8.self).baseAddress
                stream.avail_in = uInt(part.count)
            }
            stream.next_out = output.bindMemory(to: UInt8.self).baseAddress
            stream.avail_out = uInt(output.count)
            let status = CZlib.inflate(&stream, Z_NO_FLUSH)
            let made = output.count - Int(stream.avail_out)
            given += made
            guard status == Z_OK || status == Z_STREAM_END, given <= member.size else { throw damaged() }
            if made > 0, try !consume(UnsafeRawBufferPointer(rebasing: output[..<made])) { return }
            if status == Z_STREAM_END { return }
            // Z_OK without progress at the end of the input: the stream is cut off.
            if made == 0, stream.avail_in == 0, taken == member.compressedSize { throw damaged() }
        }
    }

    private func damaged() -> Failure {
        .samples(
            "Member '\(member.name)' is damaged: its bytes do not match its checksum. Post the archive again.",
            array: member.name)
    }
}
