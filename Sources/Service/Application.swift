import Domain
import Foundation
package import HTTP
package import Logging
import Storage

/// The serving half put together: stores, queue, workers and the routes over them. It owns the data directory.
package final class Application: Sendable {
    package let router: Router
    package let metrics = Metrics()
    private let api: API
    private let pool: WorkerPool
    private let rescuer: Rescuer
    private let queue: JobQueue
    private let shelf: Shelf
    private let readiness = Readiness()
    private let lock: DirectoryLock
    private let log: Logger

    /// Opens the data directory. Throws `ServiceError.dataDirectoryInUse` while another server has it, and
    /// `.dataDirectoryUnusable` when it cannot be made.
    package convenience init(_ configuration: ServiceConfiguration, log: Logger) throws {
        let directory = configuration.dataDirectory
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            // Foundation's words are for other people.
            let reason = mkdir(directory, 0o777) == 0 ? "\(error)" : String(cString: strerror(errno))
            throw ServiceError.dataDirectoryUnusable(directory, reason: reason)
        }
        let lock = try DirectoryLock(directory)
        try self.init(
            configuration, lock: lock, catalogue: SQLiteCatalogue(path: directory + "/catalogue.sqlite"),
            store: LocalBlobStore(directory: directory + "/blobs"), log: log)
    }

    init(
        _ configuration: ServiceConfiguration, lock: DirectoryLock, catalogue: any Catalogue, store: any BlobStore,
        log: Logger
    ) throws {
        self.lock = lock
        self.log = log
        let desk = Desk(label: "octavo.files", width: 8)
        let shelf = Shelf(store: store, catalogue: catalogue, desk: desk)
        let queue = JobQueue(catalogue: catalogue, lease: configuration.lease, limit: configuration.queueLimit)
        let scratch = try Scratch(root: configuration.dataDirectory + "/scratch")
        let staging = Staging(store: store, desk: desk)
        let key = try SigningKey(directory: configuration.dataDirectory)
        if key.wasExposed {
            log.warning(
                "others could read the key that statements are signed with", metadata: ["key": "\(key.identifier)"])
        }
        // Both before anybody writes: what is there was left by a server that died.
        try store.sweepTemporary()
        try scratch.sweep()
        let room = MeasuringRoom()
        let inspector = Inspector(
            staging: staging, scratch: scratch, room: room, turnstile: Turnstile(width: configuration.inspections),
            configuration: configuration)
        api = API(
            configuration: configuration, catalogue: catalogue, shelf: shelf,
            readers: Desk(label: "octavo.downloads", width: 8), queue: queue, inspector: inspector, key: key,
            metrics: metrics, readiness: readiness, log: log)
        let run = JobRun(
            queue: queue, shelf: shelf, staging: staging, scratch: scratch, room: room, key: key,
            configuration: configuration, metrics: metrics, log: log)
        pool = WorkerPool(queue: queue, width: configuration.workers, log: log, mayWork: { !shelf.isBroken }) { run }
        rescuer = Rescuer(queue: queue, log: log)
        self.queue = queue
        self.shelf = shelf
        router = api.makeRouter()
    }

    /// Starts the workers. Every running job is an orphan of this directory's last server, which is gone, for its lock
    /// was free.
    package func start() async throws {
        try await rescuer.adoptOrphans()
        pool.start()
        Task { [rescuer, lease = api.configuration.lease] in await rescuer.run(every: lease / 2) }
        Task { [shelf, log] in
            do {
                try await shelf.sweep()
            } catch {
                log.error("the sweep for unnamed blobs failed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// `/readyz` turns 503, and those who wait for a job get their answer. Requests are still served.
    package func drain() {
        readiness.stop()
        queue.news.close()
    }

    /// Stops the workers; running jobs go back to the queue without losing an attempt.
    package func stop() async {
        drain()
        await pool.stop()
        rescuer.stop()
    }

    /// Gives the data directory free for another server of the same process, when no request is served any more. A process
    /// that ends need not: its end gives it free, and only then surely nobody writes any more.
    package func release() { lock.release() }

    /// What the HTTP server refuses by itself.
    package static func refusal(_ refusal: Refusal) -> Response {
        let trace = String(UInt64.random(in: .min ... .max), radix: 16)
        return Problem(refusal).response(instance: nil, trace: trace)
    }
}
