import Domain
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

/// Identity bytes of a range, block by block.
struct IdentityBytes: ByteSource {
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
struct CodedBytes: ByteSource {
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
        return try reader.coded(number)
    }
}
