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
    private let pins = Mutex<[Digest: Int]>([:])
    /// Set when the disk failed: nothing is stored any more until the next start.
    private let broken = Mutex(false)

    init(store: any BlobStore, catalogue: any Catalogue, desk: Desk) {
        self.store = store
        self.catalogue = catalogue
        self.desk = desk
    }

    var isBroken: Bool { broken.withLock { $0 } }

    func makeWriter(_ hint: ContentHint) async throws -> any BlobWriter {
        try await noting { [store, desk] in try await desk.run { try store.makeWriter(hint) } }
    }

    /// Makes the writer's content durable and pins it. Every pin is given back by `settle` or `abandon`.
    func finish(_ writer: any BlobWriter) async throws -> StoredBlob {
        try await noting { [self] in
            try await gate.shared {
                let blob = try await self.desk.run { try writer.finish() }
                self.pins.withLock { $0[blob.digest, default: 0] += 1 }
                return blob
            }
        }
    }

    /// The row is stored: the pin is no longer needed.
    func settle(_ blobs: [StoredBlob]) {
        pins.withLock { pins in
            for blob in blobs {
                guard let count = pins[blob.digest] else { continue }
                pins[blob.digest] = count > 1 ? count - 1 : nil
            }
        }
    }

    /// There will be no row: the pin goes, and the blob with it unless somebody else needs it.
    func abandon(_ blobs: [StoredBlob]) async {
        settle(blobs)
        await discard(blobs.map(\.digest))
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
        guard pins.withLock({ $0[digest] == nil }), try await !catalogue.isReferenced(digest) else { return 0 }
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
