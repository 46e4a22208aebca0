import CLinux
import Dispatch
import Glibc
import Synchronization

/// A serial queue that serves its share of the connections. All of them stand in one epoll set behind a single
/// `DispatchSource`: Dispatch wakes the lane once and the lane takes every event there is, which is what makes this twice
/// as fast as a source for each connection. Nothing on a lane may block.
///
/// Going back to Dispatch costs two thread switches, so a lane that has just worked waits a moment in its own epoll set
/// before it does. Work from elsewhere comes through a mailbox that can end this wait (`perform`).
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
    private let bell: Int32
    private let mailbox = Mutex(Mailbox())
    private let source: any DispatchSourceRead
    private let timer: any DispatchSourceTimer
    private var events = [octavo_event](repeating: octavo_event(), count: 128)
    private var slots: [Connection?] = []
    private var freeSlots: [Int] = []
    private var generation: UInt32 = 0
    private var count = 0
    private var isStopped = false
    private let tick: DispatchTimeInterval
    /// Request numbers of a lane are its own: the lane's index stands in the high bits.
    private var nextNumber: UInt64

    private enum Attention {
        /// With Dispatch: a block must be put on the queue.
        case elsewhere
        /// Busy, or a block is already on the queue: the mailbox will be looked into.
        case awake
        /// In the epoll set: the bell ends the wait.
        case listening
    }

    private struct Mailbox {
        var work: [@Sendable () -> Void] = []
        var attention = Attention.elsewhere
    }

    /// How long a lane that has worked listens before it goes back to Dispatch.
    private static let patience: Int32 = 1
    /// Events taken before Dispatch gets its turn: timers stand on the same queue.
    private static let rounds = 512
    private static let bellToken = UInt64.max

    init(index: Int, core: ServerCore) throws {
        let set = octavo_epoll_create()
        guard set >= 0 else { throw HTTPError.system(call: "epoll_create1", code: -set) }
        bell = octavo_eventfd()
        guard bell >= 0, octavo_epoll_add(set, bell, OCTAVO_READABLE.mask, Lane.bellToken) == 0 else {
            close(set)
            throw HTTPError.system(call: "eventfd", code: errno)
        }
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
        source.setEventHandler { [unowned self] in turn() }
        timer.setEventHandler { [unowned self] in checkTimes() }
        timer.schedule(deadline: .distantFuture)
        source.activate()
        timer.activate()
    }

    deinit { scratch.deallocate() }

    /// Runs on the lane, soon.
    func perform(_ work: @escaping @Sendable () -> Void) {
        let needsBlock = mailbox.withLock { mailbox in
            mailbox.work.append(work)
            // Under the lock: while the lane listens, the bell is open for sure.
            if mailbox.attention == .listening { octavo_signal(bell) }
            defer { mailbox.attention = .awake }
            return mailbox.attention == .elsewhere
        }
        if needsBlock { queue.async { self.turn() } }
    }

    /// The clock now, for durations.
    func time() -> UInt64 { octavo_now() }

    func number() -> UInt64 {
        nextNumber += 1
        return nextNumber
    }

    /// Does everything there is to do, listens a moment for more, and ends when nothing comes.
    private func turn() {
        for _ in 0..<Lane.rounds {
            let hadMail = takeMail()
            // The descriptors are gone; late answers of handlers still come and find their connections closed.
            if isStopped {
                if changeAttention(to: .elsewhere) { return }
                continue
            }
            // While there was mail more is likely: look for events without listening.
            if hadMail || !changeAttention(to: .listening) {
                _ = takeEvents(waiting: 0)
            } else if !takeEvents(waiting: Lane.patience), changeAttention(to: .elsewhere) {
                return
            }
        }
        if !changeAttention(to: .elsewhere) { queue.async { self.turn() } }
    }

    private func takeMail() -> Bool {
        let work = mailbox.withLock { mailbox in
            mailbox.attention = .awake
            guard !mailbox.work.isEmpty else { return [@Sendable () -> Void]() }
            defer { mailbox.work = [] }
            return mailbox.work
        }
        guard !work.isEmpty else { return false }
        now = octavo_now()
        for piece in work { piece() }
        return true
    }

    /// False when there is mail: then the lane stays awake.
    private func changeAttention(to attention: Attention) -> Bool {
        mailbox.withLock { mailbox in
            guard mailbox.work.isEmpty else {
                mailbox.attention = .awake
                return false
            }
            mailbox.attention = attention
            return true
        }
    }

    private func takeEvents(waiting: Int32) -> Bool {
        let found = events.withUnsafeMutableBufferPointer {
            octavo_epoll_wait(set, $0.baseAddress, Int32($0.count), waiting)
        }
        guard found > 0 else { return false }
        now = octavo_now()
        for index in 0..<Int(found) {
            let event = events[index]
            if event.token == Lane.bellToken {
                octavo_quiet(bell)
            } else {
                connection(event.token)?.ready(event.readiness)
            }
        }
        return true
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
        isStopped = true
        source.setCancelHandler { [set, bell] in
            close(set)
            close(bell)
        }
        source.cancel()
        timer.cancel()
    }
}
