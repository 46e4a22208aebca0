import Domain
import Foundation
import Storage
import Synchronization

/// The blob store as uploads, results and deletions share it.
///
/// A blob is stored before the row that names it, and removed after the last row that did. Between the two it is pinned, so
/// that somebody else's deletion of the same content leaves it alone. Finishing and pinning is one step for deletions
/// (`gate`): a writer that found its content already stored can rely on it.
final class Shelf: Sendable {
    let store: any BlobStore
    private let catalogue: any Catalogue
    let desk: Desk
    private let gate = Gate()
    private struct Pins {
        var counts: [Digest: Int] = [:]
        /// Pinned when somebody wanted them removed; looked at again when the last pin is given back.
        var unwanted: Set<Digest> = []

        /// True when a removal has been put off until now.
        mutating func giveBack(_ digest: Digest) -> Bool {
            guard let count = counts[digest] else { return false }
            counts[digest] = count > 1 ? count - 1 : nil
            return count == 1 && unwanted.remove(digest) != nil
        }
    }
    private let pins = Mutex(Pins())
    /// Set when the disk failed: nothing is stored any more until the next start.
    private let broken = Mutex(false)

    init(store: any BlobStore, catalogue: any Catalogue, desk: Desk) {
        self.store = store
        self.catalogue = catalogue
        self.desk = desk
    }

    var isBroken: Bool { broken.withLock { $0 } }

    func makeWriter(_ hint: ContentHint, copy: BlobCopy? = nil) async throws -> any BlobWriter {
        try await noting { [store, desk] in try await desk.run { try store.makeWriter(hint, copy: copy) } }
    }

    /// Makes the writer's content durable and pins it. Every pin is given back by `settle` or `abandon`.
    func finish(_ writer: any BlobWriter) async throws -> StoredBlob {
        try await noting { [self] in
            try await gate.shared {
                let blob = try await self.desk.run { try writer.finish() }
                self.pins.withLock { $0.counts[blob.digest, default: 0] += 1 }
                return blob
            }
        }
    }

    /// Keeps contents that are stored already where they are while `body` writes a row that names them.
    func holding<R: Sendable>(_ digests: [Digest], _ body: @Sendable () async throws -> R) async throws -> R {
        await gate.shared { [self] in
            pins.withLock { pins in
                for digest in digests { pins.counts[digest, default: 0] += 1 }
            }
        }
        do {
            let result = try await body()
            await release(digests)
            return result
        } catch {
            await release(digests)
            throw error
        }
    }

    /// The row is stored: the pin is no longer needed.
    func settle(_ blobs: [StoredBlob]) async { await release(blobs.map(\.digest)) }

    private func release(_ digests: [Digest]) async {
        let unwanted = pins.withLock { pins in digests.filter { pins.giveBack($0) } }
        if !unwanted.isEmpty { await discard(unwanted) }
    }

    /// There will be no row: the pin goes, and the blob with it unless somebody else needs it.
    func abandon(_ blobs: [StoredBlob]) async {
        let digests = blobs.map(\.digest)
        pins.withLock { pins in
            for digest in digests { _ = pins.giveBack(digest) }
        }
        await discard(digests)
    }

    /// Removes contents that nobody needs any more; gives the bytes freed on disk.
    @discardableResult
    func discard(_ digests: [Digest]) async -> Int64 {
        var freed: Int64 = 0
        for digest in Set(digests) {
            // A blob that cannot be removed now is found by the sweep at the next start.
            freed += (try? await gate.exclusive { try await self.removeUnneeded(digest) }) ?? 0
        }
        return freed
    }

    private func removeUnneeded(_ digest: Digest) async throws -> Int64 {
        let isPinned = pins.withLock { pins in
            guard pins.counts[digest] != nil else { return false }
            pins.unwanted.insert(digest)
            return true
        }
        guard !isPinned, try await !catalogue.isReferenced(digest) else { return 0 }
        return try await desk.run { [store] in try store.delete(digest) }
    }

    /// Removes what no row names: what was stored when a server died before it wrote the row.
    func sweep() async throws {
        let stored = try await desk.run { [store] in try store.digests() }
        let referenced = try await catalogue.referencedBlobs()
        await discard(stored.filter { !referenced.contains($0) })
    }

    private func noting<R>(_ body: @Sendable () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch {
            if case StorageError.storeFailed = error { broken.withLock { $0 = true } }
            throw error
        }
    }
}
