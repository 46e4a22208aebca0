import Domain

/// SHA-256 of the zlib stream and of its gzip form while it is written; a third of the processor time of a blob that is
/// stored raw, so they are given up where compression saves next to nothing: such a blob is best sent as it is.
struct StreamDigests {
    /// Identity bytes after which it is decided, and the share that must be saved from there on.
    static let probation = 8 * Framing.blockSize
    static let leastSaving = 1.0 / 32

    private var zlib: SHA256?
    private var gzip: SHA256?
    private var identityCount = 0
    private var codedCount = 0

    init() throws {
        zlib = try SHA256()
        gzip = try SHA256()
        try zlib?.update(Framing.zlibHeader)
        try gzip?.update(Framing.gzipHeader)
    }

    mutating func append(_ parts: [UnsafeRawBufferPointer], identityCount: Int, codedCount: Int) throws {
        self.identityCount += identityCount
        self.codedCount += codedCount
        if self.identityCount >= Self.probation,
            Double(self.codedCount) > Double(self.identityCount) * (1 - Self.leastSaving)
        {
            zlib = nil
            gzip = nil
        }
        for part in parts {
            try zlib?.update(part)
            try gzip?.update(part)
        }
    }

    func finish(zlib zlibTrailer: [UInt8], gzip gzipTrailer: [UInt8]) throws -> (deflate: Digest?, gzip: Digest?) {
        try zlib?.update(zlibTrailer)
        try gzip?.update(gzipTrailer)
        return (try zlib?.finish(), try gzip?.finish())
    }
}
