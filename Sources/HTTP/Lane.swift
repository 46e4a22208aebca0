import CLinux
import Dispatch
import Glibc
import Synchronization

/// A serial queue that serves its share of the connections. All of them stand in one epoll set behind a single
/// `DispatchSource`: Dispatch wakes the lane once and the lane takes every event there is, which is what makes this twice
/// as fast as a source for each connection. Nothing on a lane may block.
final class Lane: @unchecked Sendable {
    // Everything mutable is only touched on `queue`.
    let queue: DispatchQueue
    let core: ServerCore
    var writer = ResponseWriter()
    /// Monotonic nanoseconds, read once per wake-up.
    private(set) var now: UInt64 = 0
    /// Where sockets are read into before anybody knows what the bytes are.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)

    private let set: Int32
    private let source: any DispatchSourceRead
    private let timer: any DispatchSourceTimer
    private var events = [octavo_event](repeating: octavo_event(), count: 128)
    private var slots: [Connection?] = []
    private var freeSlots: [Int] = []
    private var generation: UInt32 = 0
    private var count = 0
    private let tick: DispatchTimeInterval
    /// Request numbers of a lane are its own: the lane's index stands in the high bits.
    private var nextNumber: UInt64

    private static let rounds = 32

    init(index: Int, core: ServerCore) throws {
        let set = octavo_epoll_create()
        guard set >= 0 else { throw HTTPError.system(call: "epoll_create1", code: -set) }
        self.set = set
        self.core = core
        queue = DispatchQueue(label: "http.lane.\(index)")
        source = DispatchSource.makeReadSource(fileDescriptor: set, queue: queue)
        timer = DispatchSource.makeTimerSource(queue: queue)
        nextNumber = UInt64(index) << 48
        let limits = core.limits
        let shortest = [
            limits.headerTimeout, limits.idleTimeout, limits.bodyTimeout, limits.writeTimeout, limits.lingerTimeout,
        ].map(\.nanoseconds).min()
        tick = .milliseconds(Int(min(500, max(5, (shortest ?? 0) / 4_000_000))))
        source.setEventHandler { [unowned self] in poll() }
        timer.setEventHandler { [unowned self] in checkTimes() }
        timer.schedule(deadline: .distantFuture)
        source.activate()
        timer.activate()
    }

    deinit { scratch.deallocate() }

    /// Runs on the lane, later.
    func perform(_ work: @escaping @Sendable () -> Void) {
        queue.async {
            self.now = octavo_now()
            work()
        }
    }

    /// The clock now, for durations.
    func time() -> UInt64 { octavo_now() }

    func number() -> UInt64 {
        nextNumber += 1
        return nextNumber
    }

    private func poll() {
        now = octavo_now()
        for _ in 0..<Lane.rounds {
            let found = events.withUnsafeMutableBufferPointer {
                octavo_epoll_poll(set, $0.baseAddress, Int32($0.count))
            }
            guard found > 0 else { return }
            for index in 0..<Int(found) {
                let event = events[index]
                connection(event.token)?.ready(event.readiness)
            }
        }
    }

    private func checkTimes() {
        now = octavo_now()
        for connection in slots { connection?.checkTime() }
    }
}

// MARK: Connections

extension Lane {
    func adopt(_ transport: any Transport, peer: String, isOverloaded: Bool) {
        dispatchPrecondition(condition: .onQueue(queue))
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count { slots.append(nil) }
        generation &+= 1
        let token = UInt64(generation) << 32 | UInt64(slot)
        let connection = Connection(
            lane: self, transport: transport, peer: peer, token: token, isOverloaded: isOverloaded)
        slots[slot] = connection
        count += 1
        if count == 1 { timer.schedule(deadline: .now() + tick, repeating: tick, leeway: .milliseconds(5)) }
        connection.begin()
    }

    /// The connection's descriptor is closed.
    func forget(_ token: UInt64) {
        let slot = Int(token & 0xFFFF_FFFF)
        slots[slot] = nil
        freeSlots.append(slot)
        count -= 1
        if count == 0 { timer.schedule(deadline: .distantFuture) }
        core.connectionClosed()
    }

    /// Nil for an event of a connection that was closed earlier in the same round.
    private func connection(_ token: UInt64) -> Connection? {
        let slot = Int(token & 0xFFFF_FFFF)
        guard slot < slots.count, let connection = slots[slot], connection.token == token else { return nil }
        return connection
    }

    func watch(_ descriptor: Int32, _ readiness: UInt32, _ token: UInt64, isNew: Bool) -> Bool {
        isNew
            ? octavo_epoll_add(set, descriptor, readiness, token) == 0
            : octavo_epoll_modify(set, descriptor, readiness, token) == 0
    }

    func unwatch(_ descriptor: Int32) { _ = octavo_epoll_remove(set, descriptor) }
}

// MARK: The end

extension Lane {
    func closeIdle() { for connection in slots { connection?.closeIfIdle() } }
    func closeAll() { for connection in slots { connection?.close() } }

    func stop() {
        let set = set
        source.setCancelHandler { close(set) }
        source.cancel()
        timer.cancel()
    }
}
