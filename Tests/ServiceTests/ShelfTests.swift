import Domain
import Foundation
import HTTP
import Logging
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Service

/// A store whose disk can be made to fail.
private final class FailingStore: BlobStore {
    private final class Writer: BlobWriter {
        let writer: any BlobWriter
        let store: FailingStore

        init(_ writer: any BlobWriter, _ store: FailingStore) {
            self.writer = writer
            self.store = store
        }

        func write(_ bytes: UnsafeRawBufferPointer) throws { try writer.write(bytes) }
        func room() throws -> UnsafeMutableRawBufferPointer { try writer.room() }
        func filled(_ count: Int) throws { try writer.filled(count) }
        func finish() throws -> StoredBlob {
            if store.fails.withLock({ $0 }) { throw StorageError.storeFailed(detail: "fsync") }
            return try writer.finish()
        }
        func abandon() { writer.abandon() }
    }

    let fails = Mutex(false)
    /// What `freeBytes` gives, in turn; the last for good.
    let free = Mutex<[Int64]>([1 << 40])
    private let store: LocalBlobStore

    init(directory: String) throws { store = try LocalBlobStore(directory: directory) }

    func makeWriter(_ hint: ContentHint, copy: BlobCopy?) throws -> any BlobWriter {
        Writer(try store.makeWriter(hint, copy: copy), self)
    }
    func reader(_ digest: Digest) throws -> any BlobReader { try store.reader(digest) }
    func contains(_ digest: Digest) -> Bool { store.contains(digest) }
    func delete(_ digest: Digest) throws -> Int64 { try store.delete(digest) }
    func digests() throws -> [Digest] { try store.digests() }
    func sweepTemporary() throws { try store.sweepTemporary() }
    func freeBytes() throws -> Int64 { free.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] } }
}

@Suite struct ShelfTests {
    private let directory: TemporaryDirectory
    private let shelf: Shelf

    init() throws {
        directory = try TemporaryDirectory()
        shelf = Shelf(
            store: try LocalBlobStore(directory: directory.path + "/blobs"),
            catalogue: try SQLiteCatalogue(path: directory.path + "/catalogue.sqlite"),
            desk: Desk(label: "test", width: 2))
    }

    private func stored(_ text: String) async throws -> StoredBlob {
        let writer = try await shelf.makeWriter(.text)
        try Array(text.utf8).withUnsafeBytes { try writer.write($0) }
        return try await shelf.finish(writer)
    }

    @Test func aDeletionThatMeetsAPinIsMadeUpForWhenThePinGoes() async throws {
        let first = try await stored("one")
        let second = try await stored("one")
        #expect(await shelf.discard([first.digest]) == 0)
        await shelf.settle([first])
        #expect(shelf.store.contains(first.digest))
        await shelf.settle([second])
        #expect(!shelf.store.contains(first.digest))
    }

    @Test func whatIsHeldStaysUntilItIsNotHeldAnyMore() async throws {
        let blob = try await stored("two")
        await shelf.settle([blob])
        #expect(shelf.store.contains(blob.digest))
        try await shelf.holding([blob.digest]) {
            #expect(await shelf.discard([blob.digest]) == 0)
            #expect(shelf.store.contains(blob.digest))
        }
        #expect(!shelf.store.contains(blob.digest))
    }

    private func site(_ store: FailingStore, _ data: String) async throws -> Site {
        let worker = try FakeWorker.install(in: directory)
        var configuration = ServiceConfiguration(
            dataDirectory: data,
            command: .script(worker, ["work"]))
        configuration.diskReserve = 1 << 20
        configuration.maxAttempts = 1
        let application = try Application(
            configuration, lock: DirectoryLock(data), catalogue: SQLiteCatalogue(path: data + "/catalogue.sqlite"),
            store: store, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await application.start()
        return Site(directory, application)
    }

    private func store() throws -> (FailingStore, data: String) {
        let data = directory.path + "/data"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        return (try FailingStore(directory: data + "/blobs"), data)
    }

    @Test func anUploadStopsWhenItReachesTheReserve() async throws {
        let (store, data) = try store()
        let site = try await site(store, data)
        let large = FakeWorker.model() + [UInt8](repeating: 1, count: 17 << 20)
        store.free.withLock { $0 = [1 << 40, 1000] }
        let answer = try await site.send(.post, "/v1/models", large)
        #expect(answer.status == 507 && answer.code == "out-of-disk", "\(answer)")
        store.free.withLock { $0 = [1 << 40] }
        #expect(try await site.send(.post, "/v1/models", large).status == 201)
        await site.stop()
    }

    @Test func jobsWaitWhileNothingCanBeStored() async throws {
        let (store, data) = try store()
        let site = try await site(store, data)
        // The worker still runs when the disk fails.
        let job = try await site.job("slow")
        store.fails.withLock { $0 = true }
        var answer = try await site.send(.get, "/v1/jobs/\(job)")
        var isReady = true
        while isReady || answer.state != "queued" {
            try #require(["queued", "running"].contains(answer.state), "\(answer)")
            await Task.yield()
            isReady = try await site.send(.get, "/readyz").status == 200
            answer = try await site.send(.get, "/v1/jobs/\(job)")
        }
        #expect(answer.json["attempt"] as? Int == 0)
        await site.stop()
    }

    @Test func tooManyOpenFilesIsATemporaryProblem() {
        let problem = Problem(StorageError.io(operation: "open", path: "/x", errno: EMFILE))
        #expect(problem.status == .serviceUnavailable && problem.retryAfter == 2)
        #expect(Problem(StorageError.io(operation: "open", path: "/x", errno: EIO)).status == .internalServerError)
    }

    @Test func theSweepBearsAWorkerThatIsStillWriting() throws {
        let scratch = try Scratch(root: directory.path + "/scratch")
        let path = try scratch.makeDirectory("job").path
        let ready = DispatchSemaphore(value: 0), done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            for number in 0..<5000 {
                let file = open("\(path)/\(number)", O_WRONLY | O_CREAT, 0o600)
                if number == 100 { ready.signal() }
                guard file >= 0 else { break }
                close(file)
            }
            done.signal()
        }
        ready.wait()
        try scratch.sweep()
        done.wait()
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.root) == [])
    }
}
