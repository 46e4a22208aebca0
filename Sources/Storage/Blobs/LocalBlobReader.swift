import Domain
import Glibc

/// A blob's file held open, with its index. The bytes stay readable when the blob is deleted meanwhile.
final class LocalBlobReader: BlobReader {
    let index: BlockIndex
    let file: OpenFile

    /// Checks all that can be checked without reading the blocks: the index against its checksum, the file's size, its
    /// header and its trailer.
    init(store: LocalBlobStore, digest: Digest) throws {
        do {
            file = try OpenFile(store.path(of: digest), O_RDONLY)
        } catch StorageError.io(_, _, ENOENT) {
            throw StorageError.missingBlob(digest)
        }
        index = try BlockIndex(try Self.indexBytes(store.indexPath(of: digest), of: digest), of: digest)
        guard Int64(try file.status().st_size) == index.storedSize else {
            throw StorageError.corruptBlob(digest, detail: "The file does not have the size in its index.")
        }
        let trailer = Framing.zlibTrailer(adler: index.sums.adler)
        guard try file.read(Framing.zlibHeader.count, at: 0) == Framing.zlibHeader,
            try file.read(trailer.count, at: index.storedSize - Int64(trailer.count)) == trailer
        else { throw StorageError.corruptBlob(digest, detail: "The zlib header or trailer is damaged.") }
    }

    private static func indexBytes(_ path: String, of digest: Digest) throws -> [UInt8] {
        func damaged(_ what: String) -> StorageError { .corruptBlob(digest, detail: "The block index \(what).") }
        let file: OpenFile
        do {
            file = try OpenFile(path, O_RDONLY)
        } catch StorageError.io(_, _, ENOENT) {
            throw damaged("is missing")
        }
        let size = Int64(try file.status().st_size)
        guard size <= BlockIndex.largestFile, let bytes = try file.read(Int(size), at: 0) else {
            throw damaged("has an impossible size")
        }
        return bytes
    }

    var digest: Digest { index.digest }
    var size: Int64 { index.size }
    var storedSize: Int64 { index.storedSize }
    var path: String { file.path }
    var deflateDigest: Digest? { index.deflateDigest }
    var gzipDigest: Digest? { index.gzipDigest }
    var gzipSize: Int64 { index.gzipSize }

    func bytes(_ range: Range<Int64>) -> BlobBytes {
        let range = range.clamped(to: 0..<size)
        return BlobBytes(length: Int64(range.count), source: IdentityBytes(BlockReader(file, index), range))
    }

    func deflated() -> BlobBytes {
        let trailer = Framing.zlibTrailer(adler: index.sums.adler)
        return BlobBytes(
            length: storedSize,
            source: CodedBytes(BlockReader(file, index), header: Framing.zlibHeader, trailer: trailer))
    }

    func gzip() -> BlobBytes {
        let trailer = Framing.gzipTrailer(crc: index.sums.crc, size: size)
        return BlobBytes(
            length: gzipSize,
            source: CodedBytes(BlockReader(file, index), header: Framing.gzipHeader, trailer: trailer))
    }

    func copy(to path: String) throws {
        try Staging(file, index).copy(to: path)
    }
}

/// Reads single blocks, verified. Used by one thread at a time.
final class BlockReader {
    let index: BlockIndex
    private let file: OpenFile
    private var decoder: BlockDecoder?

    init(_ file: OpenFile, _ index: BlockIndex) {
        self.file = file
        self.index = index
    }

    /// The bytes of a block as they are in the file.
    func coded(_ number: Int) throws -> [UInt8] {
        let block = index.blocks[number]
        guard let bytes = try file.read(block.codedCount, at: index.offsets[number]) else {
            throw damaged(number, "is cut off")
        }
        let isIntact = bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            block.isRaw || Checksums.crc32(bytes) == block.codedCRC
        }
        guard isIntact else { throw damaged(number, "does not have its checksum") }
        return bytes
    }

    /// The identity bytes of a block.
    func identity(_ number: Int) throws -> [UInt8] {
        let coded = try coded(number)
        let range = index.identityRange(of: number)
        return try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
            try decode(number, coded, into: UnsafeMutableRawBufferPointer(buffer))
            filled = buffer.count
        }
    }

    /// Makes sure that a raw block of `coded` has sound headers and the bytes it should; others were checked when read.
    func verifyRaw(_ number: Int, _ coded: [UInt8]) throws {
        guard index.blocks[number].isRaw else { return }
        let scratch = UnsafeMutableRawBufferPointer.allocate(
            byteCount: index.identityRange(of: number).count, alignment: 64)
        defer { scratch.deallocate() }
        try decode(number, coded, into: scratch)
    }

    private func decode(_ number: Int, _ coded: [UInt8], into output: UnsafeMutableRawBufferPointer) throws {
        let block = index.blocks[number]
        let inflater = try decoder ?? BlockDecoder()
        decoder = inflater
        let isSound = coded.withUnsafeBytes { (coded: UnsafeRawBufferPointer) in
            block.isRaw ? BlockDecoder.unwrap(coded, into: output) : inflater.inflate(coded, into: output)
        }
        guard isSound else { throw damaged(number, "does not inflate") }
        guard Checksums.crc32(UnsafeRawBufferPointer(output)) == block.crc else {
            throw damaged(number, "does not have its checksum")
        }
    }

    private func damaged(_ number: Int, _ what: String) -> StorageError {
        .corruptBlob(index.digest, detail: "Block \(number) \(what).")
    }
}

/// Identity bytes of a range, block by block.
private struct IdentityBytes: ByteSource {
    private let reader: BlockReader
    private let end: Int64
    private var position: Int64
    /// For a read of the whole content.
    private let hash: SHA256?

    init(_ reader: BlockReader, _ range: Range<Int64>) {
        self.reader = reader
        position = range.lowerBound
        end = range.upperBound
        hash = range == 0..<reader.index.size ? try? SHA256() : nil
    }

    mutating func next() throws -> [UInt8]? {
        guard position < end else { return nil }
        let number = Int(position / Int64(Framing.blockSize))
        let range = reader.index.identityRange(of: number)
        var bytes = try reader.identity(number)
        let wanted = range.clamped(to: position..<end)
        if wanted != range {
            bytes = Array(bytes[Int(wanted.lowerBound - range.lowerBound)..<Int(wanted.upperBound - range.lowerBound)])
        }
        position = wanted.upperBound
        try verify(bytes)
        return bytes
    }

    /// On the last block of a whole read the digest must come out; that block is not given otherwise.
    private func verify(_ bytes: [UInt8]) throws {
        guard let hash else { return }
        try hash.update(bytes)
        guard position == end else { return }
        guard try hash.finish() == reader.index.digest else {
            throw StorageError.corruptBlob(reader.index.digest, detail: "The content does not have its digest.")
        }
    }
}

/// The deflate blocks of a blob between another header and trailer.
private struct CodedBytes: ByteSource {
    private let reader: BlockReader
    private let header: [UInt8]
    private let trailer: [UInt8]
    private var number = -1

    init(_ reader: BlockReader, header: [UInt8], trailer: [UInt8]) {
        self.reader = reader
        self.header = header
        self.trailer = trailer
    }

    mutating func next() throws -> [UInt8]? {
        defer { number += 1 }
        let count = reader.index.blocks.count
        guard number >= 0 else { return header }
        guard number < count else { return number == count ? trailer : nil }
        let bytes = try reader.coded(number)
        try reader.verifyRaw(number, bytes)
        return bytes
    }
}
