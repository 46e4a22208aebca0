package import Domain

/// Contents by their SHA-256, compressed at rest. A blob is there completely and durably, or not at all.
/// All functions block; call them on a queue that may.
package protocol BlobStore: Sendable {
    /// With `copy` the identity bytes also go to that new file, as they come.
    func makeWriter(_ hint: ContentHint, copy: BlobCopy?) throws -> any BlobWriter
    /// Throws `.missingBlob`, or `.corruptBlob` when the file or its index is damaged in a way that shows at once.
    func reader(_ digest: Digest) throws -> any BlobReader
    func contains(_ digest: Digest) -> Bool
    /// Gives the bytes freed on disk, 0 when there was no such blob. Open readers keep working.
    func delete(_ digest: Digest) throws -> Int64
    func digests() throws -> [Digest]
    /// Removes what interrupted writes left behind. Only while no writer is open.
    func sweepTemporary() throws
    func freeBytes() throws -> Int64
}

extension BlobStore {
    package func makeWriter(_ hint: ContentHint) throws -> any BlobWriter { try makeWriter(hint, copy: nil) }
}

/// What the bytes are, which decides how they are compressed.
package enum ContentHint: Sendable {
    /// Tensors: Huffman coding and runs only, since match search finds nothing in weights.
    case weights
    /// JSON, logs, reports: level 6.
    case text
}

/// One content on its way in. Calls must not overlap.
package protocol BlobWriter: AnyObject, Sendable {
    /// May block until earlier bytes are compressed. After an error only `abandon` is of use.
    func write(_ bytes: UnsafeRawBufferPointer) throws
    /// Memory that the next bytes may be put into, at least one byte of it; good until the next call. Saves the copy that
    /// `write` makes.
    func room() throws -> UnsafeMutableRawBufferPointer
    /// The first `count` bytes of `room` are the next of the content. May block, and fail, like `write`.
    func filled(_ count: Int) throws
    /// The blob is durable when this returns. The same content stored before is kept and returned.
    func finish() throws -> StoredBlob
    /// Forgets everything; harmless after `finish`. A writer that is dropped without `finish` does the same.
    func abandon()
}

package struct StoredBlob: Equatable, Sendable {
    package var digest: Digest
    /// Identity bytes.
    package var size: Int64
    /// Bytes of the zlib stream.
    package var storedSize: Int64

    package init(digest: Digest, size: Int64, storedSize: Int64) {
        self.digest = digest
        self.size = size
        self.storedSize = storedSize
    }
}

/// A stored content, open for reading.
package protocol BlobReader: Sendable {
    var digest: Digest { get }
    /// Identity bytes.
    var size: Int64 { get }
    /// Bytes of the zlib stream, the `deflate` coding.
    var storedSize: Int64 { get }
    /// The file that holds exactly the zlib stream.
    var path: String { get }
    /// SHA-256 of the zlib stream; nil where it was not worth computing because compression saves (next to) nothing, so
    /// that the identity coding is the better answer anyway.
    var deflateDigest: Digest? { get }
    /// SHA-256 of what `gzip()` gives; nil as above.
    var gzipDigest: Digest? { get }
    /// Bytes of what `gzip()` gives.
    var gzipSize: Int64 { get }

    /// Identity bytes of the range, which is clamped to the content. Blocks are verified before their bytes are given,
    /// the whole digest at the end of a whole read.
    func bytes(_ range: Range<Int64>) -> BlobBytes
    /// The zlib stream, verified block by block.
    func deflated() -> BlobBytes
    /// The same deflate blocks in gzip's frame, without recompression; verified block by block.
    func gzip() -> BlobBytes
    /// Writes the identity bytes to a new file. On an error nothing is left there.
    func copy(to path: String, verifying: Verification) throws
}

/// How closely bytes are checked on their way out.
package enum Verification: Sendable {
    /// Block by block by CRC-32: enough for what this process hashed itself a moment ago.
    case blocks
    /// The digest of the whole as well.
    case whole
}
