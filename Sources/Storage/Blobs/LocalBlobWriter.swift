import Domain

/// Cuts what comes into blocks for the pipeline and lets the store publish the result.
final class LocalBlobWriter: BlobWriter, @unchecked Sendable {
    // @unchecked: calls do not overlap, by the protocol's contract.
    private let store: LocalBlobStore
    private let file: TemporaryFile
    /// Nil when finished, failed or abandoned.
    private var pipeline: BlockPipeline?
    private var block: Buffer?

    init(store: LocalBlobStore, pipeline: BlockPipeline, file: TemporaryFile) {
        self.store = store
        self.file = file
        self.pipeline = pipeline
    }

    deinit { abandon() }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let room = try room()
            let count = min(rest.count, room.count)
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            try filled(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    func room() throws -> UnsafeMutableRawBufferPointer {
        guard let pipeline else { throw StorageError.writerClosed }
        let block = block ?? pipeline.buffer()
        self.block = block
        return UnsafeMutableRawBufferPointer(rebasing: block.all[block.count..<Framing.blockSize])
    }

    func filled(_ count: Int) throws {
        try guarded { pipeline in
            guard let block, count <= Framing.blockSize - block.count else { throw StorageError.writerClosed }
            block.count += count
            if block.count == Framing.blockSize { try submitBlock(to: pipeline) }
        }
    }

    func finish() throws -> StoredBlob {
        let stored = try guarded { pipeline in
            try submitBlock(to: pipeline)
            return try store.publish(file, try pipeline.finish())
        }
        abandon()
        return stored
    }

    func abandon() {
        pipeline?.discard()
        pipeline = nil
        block = nil
    }

    private func submitBlock(to pipeline: BlockPipeline) throws {
        guard let full = block else { return }
        block = nil
        try pipeline.submit(full)
    }

    /// An error ends the writer and removes its file.
    private func guarded<T>(_ body: (BlockPipeline) throws -> T) throws -> T {
        guard let pipeline else { throw StorageError.writerClosed }
        do {
            return try body(pipeline)
        } catch {
            abandon()
            throw error
        }
    }
}
