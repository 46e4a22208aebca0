import Dispatch
import Synchronization

/// What every lane and connection of a server shares.
final class ServerCore: Sendable {
    let limits: Limits
    let inline: (@Sendable (Request) -> Response?)?
    let handler: @Sendable (Request) async -> Response
    let refusal: @Sendable (Refusal) -> Response
    let observer: (@Sendable (Exchange) -> Void)?
    /// Bodies on their way in.
    let uploads: WorkerPool
    /// Bodies on their way in whose clients are slow, which wait without a worker.
    let pausedUploads = Atomic<Int>(0)
    private let mostPausedUploads: Int
    /// Files on their way out.
    let files: WorkerPool
    /// Every response ends its connection.
    let isDraining = Atomic<Bool>(false)

    private let open = Mutex<(count: Int, waiter: EmptyWaiter?)>((0, nil))

    init(
        configuration: ServerConfiguration,
        inline: (@Sendable (Request) -> Response?)?,
        handler: @escaping @Sendable (Request) async -> Response,
        refusal: @escaping @Sendable (Refusal) -> Response,
        observer: (@Sendable (Exchange) -> Void)?
    ) {
        limits = configuration.limits
        self.inline = inline
        self.handler = handler
        self.refusal = refusal
        self.observer = observer
        uploads = WorkerPool(label: "http.upload", count: configuration.uploads)
        mostPausedUploads = 4 * configuration.uploads
        files = WorkerPool(label: "http.file", count: configuration.fileReaders)
    }

    /// Each has a handler that holds memory for it; so there are not as many as connections.
    var mayPauseUpload: Bool { pausedUploads.load(ordering: .relaxed) < mostPausedUploads }

    enum Admission { case serve, refuse, drop }

    /// A little above the limit there is a polite 503; far above it nothing.
    func admit() -> Admission {
        open.withLock { open in
            guard open.count < limits.connections + limits.connections / 8 + 16 else { return .drop }
            open.count += 1
            return open.count > limits.connections ? .refuse : .serve
        }
    }

    func connectionClosed() {
        let waiter = open.withLock { open -> EmptyWaiter? in
            open.count -= 1
            guard open.count == 0 else { return nil }
            defer { open.waiter = nil }
            return open.waiter
        }
        waiter?.resume()
    }

    var connectionCount: Int { open.withLock { $0.count } }

    /// Returns when no connection is left, or after the time.
    func waitUntilEmpty(_ time: Duration, on queue: DispatchQueue) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let waiter = EmptyWaiter(continuation)
            let isEmpty = open.withLock { open in
                open.waiter = waiter
                return open.count == 0
            }
            if isEmpty { waiter.resume() }
            let delay = Int(clamping: time.nanoseconds)
            queue.asyncAfter(deadline: .now() + .nanoseconds(delay)) { waiter.resume() }
        }
    }
}

/// A continuation that two sides may resume; the first wins.
final class EmptyWaiter: Sendable {
    private let continuation: Mutex<CheckedContinuation<Void, Never>?>

    init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = Mutex(continuation) }

    func resume() {
        let taken = continuation.withLock { held in
            defer { held = nil }
            return held
        }
        taken?.resume()
    }
}
