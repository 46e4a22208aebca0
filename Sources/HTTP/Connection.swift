import CLinux
import Dispatch
import Synchronization

/// One client. Performs what `ConnectionState` decides: receives, hands requests out, sends responses.
///
/// The transport has one user at a time. Usually that is the lane. While a body is streamed in or a file is streamed out it
/// is lent to a worker (`isLent`), and the lane keeps its hands off until `regain`.
final class Connection: @unchecked Sendable {
    // Only touched on `lane.queue`, except that a worker uses the transport while it is lent.
    let lane: Lane
    let transport: any Transport
    let peer: String
    let token: UInt64
    var state: ConnectionState
    var output = OutputQueue()
    /// Bytes that came before they can be used, from `heldStart` on.
    var held: [UInt8] = []
    var heldStart = 0
    var isLent = false
    private(set) var isClosed = false

    /// What the epoll set watches for; nil while the descriptor is not in it.
    private var watched: UInt32?

    // The request in work.
    var number: UInt64 = 0
    var task: Task<Void, Never>?
    var record: ExchangeRecord?
    var collector: BodyCollector?
    var paused: PausedReception?
    var outgoing: Outgoing?
    /// An answer that must wait until a worker gives the transport back.
    var waitingResponse: Response?
    var endsWhenDrained = false
    /// Waits until the client has taken all output; also runs at the close.
    var afterDrain: (() -> Void)?

    init(lane: Lane, transport: any Transport, peer: String, token: UInt64, isOverloaded: Bool) {
        self.lane = lane
        self.transport = transport
        self.peer = peer
        self.token = token
        state = ConnectionState(limits: lane.core.limits, now: lane.now)
        state.isOverloaded = isOverloaded
    }

    func begin() { settle() }

    // MARK: Events

    func ready(_ readiness: UInt32) {
        guard !isClosed, !isLent else {
            // Lent for sending a file: the worker learns from its own call; the event would only repeat itself here.
            if !isClosed { leaveLane() }
            return
        }
        if paused != nil, readiness & (OCTAVO_READABLE.mask | OCTAVO_BROKEN.mask) != 0 { return resumeReception() }
        if readiness & OCTAVO_BROKEN.mask != 0, !state.wantsBytes { return close() }
        if readiness & OCTAVO_WRITABLE.mask != 0 { writable() }
        if readiness & (OCTAVO_READABLE.mask | OCTAVO_BROKEN.mask) != 0, !isClosed, !isLent { readable() }
        settle()
    }

    func checkTime() {
        guard !isClosed, !isLent else { return }
        checkReception()
        perform(state.timedOut(now: lane.now))
        settle()
    }

    /// At the stop of the server. Bytes that already came make the connection not idle.
    func closeIfIdle() {
        guard state.isIdle, output.isEmpty, !isLent, !isClosed else { return }
        readable()
        if state.isIdle, output.isEmpty, !isClosed { close() } else { settle() }
    }

    // MARK: Receiving

    private var canReceive: Bool {
        state.wantsBytes && !isLent && !isClosed && heldStart == held.count && (state.phase != .head || output.isEmpty)
    }

    private func readable() {
        // Fairness: a client that sends without pause gets its next turn after the others.
        for _ in 0..<4 where canReceive {
            switch transport.receive(into: lane.scratch) {
            case .moved(let count):
                take(UnsafeRawBufferPointer(rebasing: lane.scratch[0..<count]))
                if count < lane.scratch.count { return }
            case .wouldBlock: return
            case .ended: return perform(state.receivedEnd())
            case .failed: return close()
            }
        }
        // Bytes wait that nobody wants yet: do not be told about them again and again.
        if !canReceive, !isClosed { setWatched((watched ?? 0) & ~OCTAVO_READABLE.mask) }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        let used = process(bytes)
        if used < bytes.count, !isClosed {
            held = Array(bytes.part(used..<bytes.count))
            heldStart = 0
        }
    }

    /// Uses held bytes as far as they are wanted now.
    private func processHeld() {
        guard heldStart < held.count, state.wantsBytes, !isLent, !isClosed else { return }
        let bytes = held
        let used = bytes.withUnsafeBytes { process($0.part(heldStart..<bytes.count)) }
        guard !isClosed, !held.isEmpty else { return }
        heldStart += used
        if heldStart == held.count {
            held = []
            heldStart = 0
        }
    }

    private func process(_ bytes: UnsafeRawBufferPointer) -> Int {
        var position = 0
        while position < bytes.count, !isClosed {
            if state.phase == .head, output.isLarge {
                flush()
                if !output.isEmpty { return position }
            }
            let (used, action) = state.received(bytes.part(position..<bytes.count), now: lane.now) { piece in
                try collector?.append(piece)
            }
            position += used
            if case .hold = action { return position }
            perform(action)
        }
        return position
    }

    private func perform(_ action: ConnectionState.Action) {
        switch action {
        case .wait, .hold: break
        case .dispatch(let head): dispatch(head)
        case .refuse(let refusal):
            record = ExchangeRecord(method: nil, began: lane.now)
            respond(lane.core.refusal(refusal))
        case .failBody(let error): endCollecting(error)
        case .bodyComplete: endCollecting(nil)
        case .close: close()
        }
    }

    private func dispatch(_ head: RequestHead) {
        number = lane.number()
        record = ExchangeRecord(method: head.method, began: lane.now)
        let body: RequestBody =
            switch head.framing {
            case .none: .empty
            case .sized(let length): RequestBody(length: length, source: ConnectionBody(self, number))
            case .chunked: RequestBody(length: nil, source: ConnectionBody(self, number))
            }
        var request = Request(method: head.method, target: head.target, fields: head.fields, body: body, peer: peer)
        request.number = number
        if let response = lane.core.inline?(request) { return respond(response) }
        task = Task { [request, number, handler = lane.core.handler] in
            let response = await handler(request)
            self.lane.perform { self.answered(response, number) }
        }
    }

    private func answered(_ response: Response, _ number: UInt64) {
        guard !isClosed, number == self.number else { return }
        task = nil
        // The handler left a read of the body running somewhere: its worker has the transport.
        if isLent { return waitingResponse = response }
        respond(response)
        settle()
    }

    // MARK: Balance

    /// At the end of every turn: sends what is ready, uses what is held, and asks the epoll set for what is missing.
    func settle() {
        guard !isClosed, !isLent else { return }
        flush()
        while heldStart < held.count, !isClosed, !isLent, state.wantsBytes, state.phase != .head || output.isEmpty {
            processHeld()
            flush()
        }
        guard !isClosed, !isLent else { return }
        var wanted = watched ?? 0
        if canReceive || paused != nil { wanted |= OCTAVO_READABLE.mask }
        if output.isEmpty, outgoing?.waitsForRoom != true {
            wanted &= ~OCTAVO_WRITABLE.mask
        } else {
            wanted |= OCTAVO_WRITABLE.mask
        }
        setWatched(wanted)
    }

    private func setWatched(_ readiness: UInt32) {
        guard readiness != watched else { return }
        let isNew = watched == nil
        watched = readiness
        if !lane.watch(transport.descriptor, readiness, token, isNew: isNew) { close() }
    }

    /// Takes the descriptor out of the epoll set, for as long as a worker receives from it.
    func leaveLane() {
        guard watched != nil else { return }
        watched = nil
        lane.unwatch(transport.descriptor)
    }

    /// The worker is done with the transport. False when the connection was closed meanwhile.
    func regain() -> Bool {
        isLent = false
        guard isClosed else { return true }
        release()
        return false
    }

    // MARK: The end

    /// Ends everything that hangs on the connection, now.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        state.close()
        finishRecord(isComplete: false)
        task?.cancel()
        task = nil
        endCollecting(.bodyTruncated(received: state.bodyBytesDelivered))
        endReception(.bodyTruncated(received: state.bodyBytesDelivered))
        abandonOutgoing()
        afterDrain?()
        afterDrain = nil
        held = []
        heldStart = 0
        guard isLent else { return release() }
        leaveLane()
        transport.cut()
    }

    private func release() {
        outgoing?.closeFile()
        outgoing = nil
        transport.close()
        lane.forget(token)
    }
}

extension Int {
    var mask: UInt32 { UInt32(truncatingIfNeeded: self) }
}
