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

    func copy(to path: String, verifying: Verification) throws {
        try Staging(file, index).copy(to: path, verifying: verifying)
    }
}
