import Dispatch
import Domain
import Glibc
import Synchronization

/// Writes the identity bytes of a blob to a file, on all cores: while a window of blocks is inflated and written, the one
/// before it is hashed.
final class Staging: Sendable {
    private static let window = min(coreCount, 8) * 2

    private let file: OpenFile
    private let index: BlockIndex
    private let readers: Pool<BlockReader>
    private let hash: Mutex<SHA256>
    /// Two threads writing to one file spin on its inode's lock, and together are slower than one; those that wait sleep.
    private let writing = DispatchSemaphore(value: 1)

    init(_ file: OpenFile, _ index: BlockIndex) throws {
        self.file = file
        self.index = index
        readers = Pool { BlockReader(file, index) }
        hash = Mutex(try SHA256())
    }

    func copy(to path: String, verifying: Verification) throws {
        let target = try OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o640)
        do {
            switch verifying {
            case .blocks: try copyBlocks(to: target)
            case .whole: try copyHashing(to: target)
            }
        } catch {
            unlink(path)
            throw error
        }
    }

    /// The blocks are read and checked side by side and written one at a time.
    private func copyBlocks(to target: OpenFile) throws {
        let next = Atomic<Int>(0)
        let failure = Mutex<(any Error)?>(nil)
        DispatchQueue.concurrentPerform(iterations: min(coreCount, 8)) { _ in
            while failure.withLock({ $0 == nil }) {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < index.blocks.count else { return }
                do {
                    let place = index.identityRange(of: number).lowerBound
                    try readers.with { reader in
                        try reader.withPieces(number) { pieces in
                            try alone { try target.write(pieces, at: place) }
                        }
                    }
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }

    private func copyHashing(to target: OpenFile) throws {
        var previous: [[UInt8]] = []
        for start in stride(from: 0, to: index.blocks.count, by: Self.window) {
            let numbers = start..<min(start + Self.window, index.blocks.count)
            previous = try stage(numbers, to: target, hashing: previous)
        }
        try append(previous)
        guard try hash.withLock({ try $0.finish() }) == index.digest else {
            throw StorageError.corruptBlob(index.digest, detail: "The content does not have its digest.")
        }
    }

    private func append(_ blocks: [[UInt8]]) throws {
        try hash.withLock { hash in
            for bytes in blocks { try hash.update(bytes) }
        }
    }

    /// Inflates and writes some blocks, while one thread hashes the blocks before them.
    private func stage(_ numbers: Range<Int>, to target: OpenFile, hashing previous: [[UInt8]]) throws -> [[UInt8]] {
        let results = Mutex([Result<[UInt8], any Error>](repeating: .success([]), count: numbers.count))
        let hashed = Mutex(Result<Void, any Error>.success(()))
        DispatchQueue.concurrentPerform(iterations: numbers.count + 1) { iteration in
            if iteration == 0 {
                let result = Result { try append(previous) }
                hashed.withLock { $0 = result }
            } else {
                let result = Result { try stage(numbers.lowerBound + iteration - 1, to: target) }
                results.withLock { $0[iteration - 1] = result }
            }
        }
        try hashed.withLock { try $0.get() }
        return try results.withLock { try $0.map { try $0.get() } }
    }

    private func stage(_ number: Int, to target: OpenFile) throws -> [UInt8] {
        try readers.with { reader in
            let bytes = try reader.identity(number)
            try bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
                let place = index.identityRange(of: number).lowerBound
                try alone { try target.write(bytes, at: place) }
            }
            return bytes
        }
    }

    private func alone(_ body: () throws -> Void) rethrows {
        writing.wait()
        defer { writing.signal() }
        try body()
    }
}
