import Dispatch
import Domain
import Synchronization

/// Takes blocks in order, compresses them on all cores, and gives them to the file in order; meanwhile the identity bytes
/// are hashed. So the time for a blob is the longest of receiving, hashing, compressing / cores, and writing, not their sum.
///
/// Per block: `hashing` (serial) and `coding` (any thread) work on the same bytes at once; when both are done and it is the
/// block's turn, `output` (serial) writes it. At most `depth` blocks are on the way, then `submit` waits.
final class BlockPipeline: @unchecked Sendable {
    // @unchecked: `identity` is only touched on `hashing`; `file`, `copy`, `stream` and `blocks` only on `output`, or when
    // nothing runs any more; everything else is immutable or behind a lock.

    /// A class of service of its own: callers that wait in `submit` on queues of the default class must not use up the threads
    /// that would let them go on.
    private static let workers = DispatchQueue(label: "octavo.blocks", qos: .utility, attributes: .concurrent)
    static let depth = min(coreCount, 8) + 3

    private let hashing = DispatchQueue(label: "octavo.blocks.hash", target: workers)
    private let output = DispatchQueue(label: "octavo.blocks.write", target: workers)
    private let room = DispatchSemaphore(value: depth)
    private let running = DispatchGroup()
    private let state = Mutex(State())
    private let buffers: BufferPool
    private let coders: Pool<BlockCoder>

    private let identity: SHA256
    private let file: TemporaryFile
    /// Where the identity bytes go as well.
    private let copy: CopyFile?
    private var stream: StreamDigests
    private var blocks: [BlockIndex.Block] = []
    private var sums = Checksums()
    private var size: Int64 = 0

    private struct State {
        var failure: (any Error)?
        var submitted = 0
        /// Blocks that are hashed or coded, but not yet both, or whose turn it is not.
        var waiting: [Int: Work] = [:]
        var nextToWrite = 0
    }

    private struct Work {
        var isHashed = false
        var coded: CodedBlock?
    }

    private struct CodedBlock: Sendable {
        var input: Buffer
        /// Nil when the block is stored as it is.
        var compressed: Buffer?
        var sums: Checksums
        var codedCRC: UInt32
    }

    init(into file: TemporaryFile, copy: CopyFile? = nil, hint: ContentHint, _ buffers: BufferPool) throws {
        self.buffers = buffers
        self.file = file
        self.copy = copy
        coders = Pool { try BlockCoder(hint) }
        identity = try SHA256()
        stream = try StreamDigests()
        try file.append(Framing.zlibHeader)
    }

    /// An empty buffer of a block's size.
    func buffer() -> Buffer { buffers.take() }

    /// Takes a filled buffer over. Waits while too many are on the way; throws what an earlier block failed with.
    func submit(_ input: Buffer) throws {
        room.wait()
        let index: Int
        do {
            index = try state.withLock { state in
                if let failure = state.failure { throw failure }
                defer { state.submitted += 1 }
                return state.submitted
            }
        } catch {
            room.signal()
            throw error
        }
        hashing.async(group: running) { [self] in
            attempt { try identity.update(input.bytes) }
            arrive(index) { $0.isHashed = true }
        }
        Self.workers.async(group: running) { [self] in
            let coded = attempt { try code(input) }
            arrive(index) { $0.coded = coded ?? CodedBlock(input: input, sums: Checksums(), codedCRC: 0) }
        }
    }

    /// Waits for every block and closes the stream.
    func finish() throws -> BlockIndex {
        running.wait()
        if let failure = state.withLock({ $0.failure }) { throw failure }
        let zlib = Framing.zlibTrailer(adler: sums.adler)
        let gzip = Framing.gzipTrailer(crc: sums.crc, size: size)
        try file.append(zlib)
        try copy?.finish()
        let digests = try stream.finish(zlib: zlib, gzip: gzip)
        return BlockIndex(
            digest: try identity.finish(), size: size, sums: sums, deflateDigest: digests.deflate,
            gzipDigest: digests.gzip, blocks: blocks)
    }

    /// Stops as soon as possible and removes the file.
    func discard() {
        state.withLock { if $0.failure == nil { $0.failure = StorageError.writerClosed } }
        running.wait()
        file.discard()
    }

    private func code(_ input: Buffer) throws -> CodedBlock {
        let sums = Checksums(input.bytes)
        let output = buffers.take()
        let size = try coders.with { $0.compress(input.bytes, into: output.all) }
        guard let size else {
            return CodedBlock(input: input, compressed: nil, sums: sums, codedCRC: sums.crc)
        }
        output.count = size
        return CodedBlock(input: input, compressed: output, sums: sums, codedCRC: Checksums.crc32(output.bytes))
    }

    /// Notes a finished step; the block whose turn it is goes to `output`.
    private func arrive(_ index: Int, _ step: (inout Work) -> Void) {
        state.withLock { state in
            var work = state.waiting[index] ?? Work()
            step(&work)
            state.waiting[index] = work
            while let next = state.waiting[state.nextToWrite], next.isHashed, let coded = next.coded {
                state.waiting[state.nextToWrite] = nil
                state.nextToWrite += 1
                output.async(group: running) { [self] in
                    attempt { try write(coded) }
                    room.signal()
                }
            }
        }
    }

    private func write(_ block: CodedBlock) throws {
        try Self.withParts(of: block) { parts in
            try file.append(parts)
            try copy?.append(block.input.bytes)
            let identityCount = block.input.count
            let codedCount = parts.reduce(0) { $0 + $1.count }
            size += Int64(identityCount)
            sums.append(block.sums, count: identityCount)
            try stream.append(parts, identityCount: identityCount, codedCount: codedCount)
            blocks.append(
                .init(
                    isRaw: block.compressed == nil, codedCount: codedCount, crc: block.sums.crc,
                    codedCRC: block.codedCRC))
        }
    }

    /// A block's bytes in the file: what was compressed, or the identity bytes between headers of stored blocks.
    private static func withParts(of block: CodedBlock, _ body: ([UnsafeRawBufferPointer]) throws -> Void) rethrows {
        if let compressed = block.compressed {
            return try withExtendedLifetime(compressed) { try body([$0.bytes]) }
        }
        let pieces = Framing.storedPieces(of: block.input.count)
        let headers = pieces.flatMap { Framing.storedHeader($0.count) }
        try headers.withUnsafeBytes { (headers: UnsafeRawBufferPointer) in
            let parts = pieces.enumerated().flatMap { number, piece in
                let start = number * Framing.storedHeaderSize
                return [
                    UnsafeRawBufferPointer(rebasing: headers[start..<(start + Framing.storedHeaderSize)]),
                    UnsafeRawBufferPointer(rebasing: block.input.bytes[piece]),
                ]
            }
            try withExtendedLifetime(block.input) { _ in try body(parts) }
        }
    }

    /// Runs a step unless an earlier one failed; the first error is kept.
    @discardableResult
    private func attempt<T>(_ step: () throws -> T) -> T? {
        guard state.withLock({ $0.failure == nil }) else { return nil }
        do {
            return try step()
        } catch {
            state.withLock { if $0.failure == nil { $0.failure = error } }
            return nil
        }
    }
}
