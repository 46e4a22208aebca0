import Synchronization

/// Bytes to be pulled, a block at a time: 1 MiB, in a coding a little more. An error means that what came before must not be used as complete.
package final class BlobBytes: Sendable {
    /// How many bytes come in all.
    package let length: Int64
    private let source: Mutex<any ByteSource>

    init(length: Int64, source: sending any ByteSource) {
        self.length = length
        self.source = Mutex(source)
    }

    /// The next bytes, never empty; nil at the end. Blocks on the disk.
    package func next() throws -> [UInt8]? {
        try source.withLock { try $0.next() }
    }
}

/// Produces a coding of a blob piece by piece.
protocol ByteSource {
    mutating func next() throws -> [UInt8]?
}
