import Domain

/// What is known about a blob's file: where each block lies and what its bytes must be.
///
/// It is kept beside the blob as `<hex>.index`, little-endian: magic, flags, identity size, CRC-32 and Adler-32 of the
/// identity bytes, three digests (identity, zlib stream, gzip form; zeros where the flag is missing), 12 bytes per block,
/// and the SHA-256 of all of that. Offsets are not stored but summed up, so they cannot contradict each other.
struct BlockIndex: Equatable, Sendable {
    struct Block: Equatable, Sendable {
        /// Stored as it is, inside stored deflate blocks.
        var isRaw: Bool
        /// Bytes in the file.
        var codedCount: Int
        /// CRC-32 of the identity bytes.
        var crc: UInt32
        /// CRC-32 of the compressed bytes; for a raw block the same as `crc`.
        var codedCRC: UInt32
    }

    var digest: Digest
    var size: Int64
    var sums: Checksums
    var deflateDigest: Digest?
    var gzipDigest: Digest?
    var blocks: [Block]
    /// Offset of each block in the file, and of the trailer.
    let offsets: [Int64]

    init(
        digest: Digest, size: Int64, sums: Checksums, deflateDigest: Digest?, gzipDigest: Digest?, blocks: [Block]
    ) {
        self.digest = digest
        self.size = size
        self.sums = sums
        self.deflateDigest = deflateDigest
        self.gzipDigest = gzipDigest
        self.blocks = blocks
        var position = Int64(Framing.zlibHeader.count)
        offsets =
            [position]
            + blocks.map { block in
                position += Int64(block.codedCount)
                return position
            }
    }

    /// Bytes of the zlib stream.
    var storedSize: Int64 { (offsets.last ?? 0) + Int64(Framing.zlibTrailerSize) }
    var gzipSize: Int64 {
        storedSize - Int64(Framing.zlibHeader.count + Framing.zlibTrailerSize)
            + Int64(Framing.gzipHeader.count + Framing.gzipTrailerSize)
    }
    var stored: StoredBlob { StoredBlob(digest: digest, size: size, storedSize: storedSize) }

    /// Identity bytes of a block: full ones, and the rest in the last.
    func identityRange(of block: Int) -> Range<Int64> {
        let start = Int64(block) * Int64(Framing.blockSize)
        return start..<min(start + Int64(Framing.blockSize), size)
    }
}

extension BlockIndex {
    private static let magic = Array("OCTAVOX1".utf8)
    private static let fixedSize = 8 + 4 + 8 + 4 + 4 + 3 * 32
    private static let entrySize = 12
    private static let digestSize = 32
    private static let rawFlag: UInt32 = 1 << 31
    /// A longer index is not read; blobs of 5 TiB have one of this size.
    static let largestFile: Int64 = 64 << 20

    func encoded() throws -> [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(Self.fixedSize + blocks.count * Self.entrySize + Self.digestSize)
        func put(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        put(UInt32((deflateDigest == nil ? 0 : 1) | (gzipDigest == nil ? 0 : 2)))
        put(size)
        put(sums.crc)
        put(sums.adler)
        for digest in [digest, deflateDigest, gzipDigest] {
            bytes += digest?.bytes ?? [UInt8](repeating: 0, count: Self.digestSize)
        }
        for block in blocks {
            put(UInt32(block.codedCount) | (block.isRaw ? Self.rawFlag : 0))
            put(block.crc)
            put(block.codedCRC)
        }
        return bytes + (try Digest(sha256: bytes)).bytes
    }

    /// Throws `.corruptBlob` for anything but what `encoded` gives for this digest.
    init(_ bytes: [UInt8], of expected: Digest) throws {
        func damaged(_ what: String) -> StorageError {
            .corruptBlob(expected, detail: "The block index \(what).")
        }
        let bodySize = bytes.count - Self.digestSize
        guard bodySize >= Self.fixedSize else { throw damaged("is cut off") }
        guard try Digest(sha256: Array(bytes[..<bodySize])).bytes.elementsEqual(bytes[bodySize...]) else {
            throw damaged("does not have its checksum")
        }
        guard bytes.starts(with: Self.magic) else { throw damaged("has an unknown format") }
        var position = Self.magic.count
        func take<T: FixedWidthInteger>(_: T.Type) -> T {
            defer { position += MemoryLayout<T>.size }
            return bytes.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: T.self)) }
        }
        func takeDigest() -> Digest {
            defer { position += Self.digestSize }
            return Digest(bytes: bytes[position..<(position + Self.digestSize)])
        }
        let flags = take(UInt32.self)
        let size = take(Int64.self)
        var sums = Checksums()
        sums.crc = take(UInt32.self)
        sums.adler = take(UInt32.self)
        let (digest, deflate, gzip) = (takeDigest(), takeDigest(), takeDigest())
        guard digest == expected else { throw damaged("belongs to \(digest)") }
        let entries = bodySize - Self.fixedSize
        guard size >= 0, entries % Self.entrySize == 0, Self.blockCount(of: size) == Int64(entries / Self.entrySize)
        else { throw damaged("has not one entry per block") }
        let blocks = (0..<(entries / Self.entrySize)).map { _ in
            let word = take(UInt32.self)
            return Block(
                isRaw: word & Self.rawFlag != 0, codedCount: Int(word & ~Self.rawFlag), crc: take(UInt32.self),
                codedCRC: take(UInt32.self))
        }
        self.init(
            digest: digest, size: size, sums: sums, deflateDigest: flags & 1 != 0 ? deflate : nil,
            gzipDigest: flags & 2 != 0 ? gzip : nil, blocks: blocks)
        guard blocks.indices.allSatisfy(hasPlausibleSize) else { throw damaged("has a block of an impossible size") }
    }

    private static func blockCount(of size: Int64) -> Int64 {
        size / Int64(Framing.blockSize) + (size % Int64(Framing.blockSize) == 0 ? 0 : 1)
    }

    private func hasPlausibleSize(_ index: Int) -> Bool {
        let block = blocks[index]
        let range = identityRange(of: index)
        let raw = Framing.storedSize(of: Int(range.upperBound - range.lowerBound))
        return block.isRaw ? block.codedCount == raw : (1...raw).contains(block.codedCount)
    }
}
