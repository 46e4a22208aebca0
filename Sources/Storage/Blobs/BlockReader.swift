import Domain

/// Reads single blocks, verified. Used by one thread at a time.
final class BlockReader {
    let index: BlockIndex
    private let file: OpenFile
    private var decoder: BlockDecoder?
    /// For a block as it is in the file, on its way to what it means.
    private let scratch: UnsafeMutableRawBufferPointer

    init(_ file: OpenFile, _ index: BlockIndex) {
        self.file = file
        self.index = index
        scratch = .allocate(byteCount: Framing.codedLimit, alignment: 64)
    }

    deinit { scratch.deallocate() }

    /// The bytes of a block as they are in the file.
    func coded(_ number: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: index.blocks[number].codedCount) { buffer, filled in
            try read(number, into: UnsafeMutableRawBufferPointer(buffer))
            filled = buffer.count
        }
    }

    /// The identity bytes of a block.
    func identity(_ number: Int) throws -> [UInt8] {
        let coded = UnsafeMutableRawBufferPointer(rebasing: scratch[..<index.blocks[number].codedCount])
        try read(number, into: coded)
        return try [UInt8](unsafeUninitializedCapacity: index.identityRange(of: number).count) { buffer, filled in
            try decode(number, UnsafeRawBufferPointer(coded), into: UnsafeMutableRawBufferPointer(buffer))
            filled = buffer.count
        }
    }

    /// Gives the identity bytes of a block in pieces; those of a block that is stored as it is lie where they were read.
    func withPieces(_ number: Int, _ body: ([UnsafeRawBufferPointer]) throws -> Void) throws {
        let block = index.blocks[number]
        guard block.isRaw else { return try identity(number).withUnsafeBytes { try body([$0]) } }
        let coded = UnsafeMutableRawBufferPointer(rebasing: scratch[..<block.codedCount])
        try read(number, into: coded)
        try body(BlockDecoder.pieces(UnsafeRawBufferPointer(coded)))
    }

    private func read(_ number: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        guard try file.read(into: buffer, at: index.offsets[number]) else { throw damaged(number, "is cut off") }
        let block = index.blocks[number]
        let bytes = UnsafeRawBufferPointer(buffer)
        let crc = block.isRaw ? BlockDecoder.storedCRC(bytes) : Checksums.crc32(bytes)
        guard crc == block.codedCRC else { throw damaged(number, "does not have its checksum") }
    }

    private func decode(
        _ number: Int, _ coded: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws {
        let block = index.blocks[number]
        if block.isRaw { return BlockDecoder.unwrap(coded, into: output) }
        let inflater = try decoder ?? BlockDecoder()
        decoder = inflater
        guard inflater.inflate(coded, into: output), Checksums.crc32(UnsafeRawBufferPointer(output)) == block.crc else {
            throw damaged(number, "does not inflate to what was stored")
        }
    }

    private func damaged(_ number: Int, _ what: String) -> StorageError {
        .corruptBlob(index.digest, detail: "Block \(number) \(what).")
    }
}
