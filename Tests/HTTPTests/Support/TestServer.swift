import Synchronization

@testable import HTTP

/// A server on a free port, stopped when the closure returns.
struct TestServer: Sendable {
    let server: Server
    let port: Int
    let exchanges: Log<Exchange>

    static func run<T: Sendable>(
        limits: Limits = Limits(), uploads: Int = 4, _ router: Router, _ use: @Sendable (TestServer) async throws -> T
    ) async throws -> T {
        var configuration = ServerConfiguration()
        configuration.limits = limits
        configuration.lanes = 2
        configuration.uploads = uploads
        let log = Log<Exchange>()
        let server = Server(
            configuration: configuration, inline: router.handleInline, handler: router.handle,
            refusal: { .text($0.status, $0.code + "\n") }, observer: log.append)
        let address = try server.start()
        do {
            let result = try await use(TestServer(server: server, port: address.port, exchanges: log))
            await server.stop(grace: .seconds(5))
            return result
        } catch {
            await server.stop(grace: .zero)
            throw error
        }
    }

    /// Talks to the server on a thread of its own.
    func talk<T: Sendable>(_ work: @escaping @Sendable (RawClient) throws -> T) async throws -> T {
        try await blocking { [port] in try work(RawClient(port: port)) }
    }
}

/// Collects values from any thread.
final class Log<Value: Sendable>: Sendable {
    private let held = Mutex<[Value]>([])
    var values: [Value] { held.withLock { $0 } }
    @Sendable func append(_ value: Value) { held.withLock { $0.append(value) } }
}

/// A gate that handlers wait at until a test opens it.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension Router {
    /// The routes that most socket tests use.
    static func sample() -> Router {
        var router = Router()
        router.onInline(.get, "/livez") { _ in .text(.ok, "ok\n") }
        router.on(.get, "/slow/{name}") { request in
            await Task.yield()
            return .text(.ok, request.parameters["name"] ?? "")
        }
        router.on(.post, "/collect") { request in
            let body = try await request.body.collect(limit: 1000)
            return Response(.ok, content: .bytes(body))
        }
        router.on(.put, "/count") { request in
            let sum = Mutex<UInt64>(0)
            let bytes = try await request.body.forEachChunk { piece in
                let part = piece.reduce(0 as UInt64) { $0 &+ UInt64($1) }
                sum.withLock { $0 &+= part }
            }
            return .text(.ok, "\(bytes) \(sum.withLock { $0 })")
        }
        router.on(.post, "/ignore") { _ in .text(.ok, "ignored") }
        return router
    }
}
