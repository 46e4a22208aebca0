import Glibc

/// How large a blob store would make a file, found out without storing it.
package enum PackedSize {
    /// Bytes of the zlib stream of the file at `path`, which is what lies on disk and what the coding `deflate` sends, and
    /// bytes of what the coding `gzip` sends. For tensors; exact, by the coder that the store itself uses.
    @Sendable
    package static func ofWeights(_ path: String) throws -> (stored: Int64, gzip: Int64) {
        let file = try OpenFile(path, O_RDONLY)
        let coder = try BlockCoder(.weights)
        let pool = BufferPool(count: Framing.codedLimit)
        let (input, output) = (pool.take(), pool.take())
        var rest = Int64(try file.status().st_size)
        var (offset, blocks) = (Int64(0), Int64(0))
        while rest > 0 {
            let count = Int(min(rest, Int64(Framing.blockSize)))
            let block = UnsafeMutableRawBufferPointer(rebasing: input.all[..<count])
            guard try file.read(into: block, at: offset) else {
                throw StorageError.storeFailed(detail: "\(path) became shorter while it was read")
            }
            let coded = coder.compress(UnsafeRawBufferPointer(block), into: output.all)
            blocks += Int64(coded ?? Framing.storedSize(of: count))
            offset += Int64(count)
            rest -= Int64(count)
        }
        return (
            Int64(Framing.zlibHeader.count + Framing.zlibTrailerSize) + blocks,
            Int64(Framing.gzipHeader.count + Framing.gzipTrailerSize) + blocks
        )
    }
}
