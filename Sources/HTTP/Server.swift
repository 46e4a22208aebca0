import Dispatch
import Glibc
import Synchronization

/// The HTTP/1.1 server: listeners give connections to lanes, lanes give requests to the handler.
package final class Server: Sendable {
    private struct Running {
        var lanes: [Lane] = []
        var listeners: [Listener] = []
        var isStarted = false
    }

    private let configuration: ServerConfiguration
    private let core: ServerCore
    private let queue = DispatchQueue(label: "http.listen")
    private let running = Mutex(Running())

    /// `handler` runs in tasks, off the lanes; `inline` (usually `router.handleInline`) and `refusal` run on lanes.
    package init(
        configuration: ServerConfiguration,
        inline: (@Sendable (Request) -> Response?)? = nil,
        handler: @escaping @Sendable (Request) async -> Response,
        refusal: @escaping @Sendable (Refusal) -> Response,
        observer: (@Sendable (Exchange) -> Void)? = nil
    ) {
        self.configuration = configuration
        core = ServerCore(
            configuration: configuration, inline: inline, handler: handler, refusal: refusal, observer: observer)
    }

    /// Binds and serves; gives the first address bound. A server starts once. SIGPIPE is ignored for the process from
    /// here on: sendfile raises it when a client leaves.
    package func start() throws -> BoundAddress {
        signal(SIGPIPE, SIG_IGN)
        return try running.withLock { running in
            precondition(!running.isStarted, "a server starts once")
            running.isStarted = true
            let sockets = try ListeningSocket.open(
                host: configuration.host, port: configuration.port, backlog: configuration.backlog)
            let lanes = try (0..<max(1, configuration.lanes)).map { try Lane(index: $0, core: core) }
            running.lanes = lanes
            running.listeners = sockets.enumerated().map { index, socket in
                Listener(socket: socket, index: index, core: core, lanes: lanes, queue: queue)
            }
            return sockets[0].address
        }
    }

    /// Open connections.
    package var connectionCount: Int { core.connectionCount }

    /// From now on responses say `Connection: close`; new connections are still taken.
    package func drain() { core.isDraining.store(true, ordering: .relaxed) }

    /// Stops accepting, closes idle connections, lets running requests finish for up to `grace`, then cuts the rest.
    package func stop(grace: Duration) async {
        drain()
        let (lanes, listeners) = running.withLock { running in
            defer { (running.lanes, running.listeners) = ([], []) }
            return (running.lanes, running.listeners)
        }
        for listener in listeners { await listener.stop() }
        for lane in lanes { lane.perform { lane.closeIdle() } }
        await core.waitUntilEmpty(grace, on: queue)
        for lane in lanes { lane.perform { lane.closeAll() } }
        // Workers that hold a cut connection return from their call; what they then do is not ours to hurry.
        await core.waitUntilEmpty(.seconds(2), on: queue)
        for lane in lanes { lane.perform { lane.stop() } }
    }
}
