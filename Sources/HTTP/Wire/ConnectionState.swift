/// What one connection may do next. Pure: it is told what happened (bytes, answers, time) and says what to do; it owns no
/// socket, no queue and no clock. `Connection` performs what it says.
///
/// One request is in work at a time; later ones wait as bytes, so responses keep their order. The phases:
///
///     head ──> handling ──> responding ──> head            the usual round
///                 │             ├────────> draining ──> head   a small rest of a body is dropped
///              reading          └────────> lingering          the connection ends, but the client may still send
///
/// Times are monotonic nanoseconds.
struct ConnectionState {
    enum Phase: Equatable {
        case head
        /// A handler has the request; the body waits.
        case handling
        /// The handler reads the body.
        case reading
        case responding
        case draining
        case lingering
        case closed
    }

    enum Action {
        /// More bytes are needed.
        case wait
        /// Bytes must wait until the request in work is answered.
        case hold
        case dispatch(RequestHead)
        /// Answer with this and end the connection.
        case refuse(Refusal)
        /// The handler's body read fails with this.
        case failBody(HTTPError)
        /// The handler's body read is done.
        case bodyComplete
        case close
    }

    enum AfterResponse: Equatable { case next, drain, linger, close }

    /// How an answer is framed and what becomes of the connection.
    struct ResponsePlan: Equatable {
        enum Framing: Equatable {
            case noContent
            case sized(Int64)
            case chunked
            /// HTTP/1.0: the end of the connection ends the content.
            case untilClose
        }

        let framing: Framing
        /// False for HEAD and for statuses without content.
        let sendsContent: Bool
        let keepsAlive: Bool
        /// HTTP/1.0 wants to be told that the connection stays.
        let saysKeepAlive: Bool
    }

    private let limits: Limits
    private(set) var phase = Phase.head
    /// When `timedOut` is due.
    private(set) var deadline: UInt64

    private var parser: RequestParser
    private var body: BodyDecoder
    private var pace: BodyPace
    private var lastBodyBytes: UInt64 = 0
    private var head: (isHead: Bool, version: RequestHead.Version, keepsAlive: Bool) = (false, .http11, true)
    private var awaitsContinue = false
    private var bodyFailed = false
    private var peerEnded = false
    private var keepsAlive = true
    private var lingerEnd: UInt64 = 0
    private var drainAllowance: Int64 = 0
    /// While output waits for the client.
    private var writeDeadline = UInt64.max

    /// Too many connections: the first request is answered with 503.
    var isOverloaded = false
    /// Every response ends its connection.
    var isStopping = false

    init(limits: Limits, now: UInt64) {
        self.limits = limits
        parser = RequestParser(limits: limits)
        body = BodyDecoder(.none, limit: 0)
        pace = BodyPace(limits)
        deadline = now + limits.headerTimeout.nanoseconds
    }

    /// Between requests, with no byte of the next one.
    var isIdle: Bool { phase == .head && !parser.hasBegun }
    var bodyBytesDelivered: Int64 { body.delivered }
    var bodyBytesRemaining: Int64? { body.remaining }
    /// Once answered: the connection ends with this response.
    var isLastResponse: Bool { !keepsAlive }
    var isWriteBlocked: Bool { writeDeadline != .max }
    var dueTime: UInt64 { min(deadline, writeDeadline) }

    /// True when bytes from the peer are of use now.
    var wantsBytes: Bool {
        switch phase {
        case .head, .reading, .draining, .lingering: !peerEnded
        case .handling, .responding, .closed: false
        }
    }
}

// MARK: Bytes

extension ConnectionState {
    /// Uses bytes as far as the phase allows. `deliver` gets body bytes that a handler is reading.
    mutating func received(
        _ bytes: UnsafeRawBufferPointer, now: UInt64, deliver: (UnsafeRawBufferPointer) throws -> Void = { _ in }
    ) -> (consumed: Int, action: Action) {
        switch phase {
        case .head: return receivedHead(bytes, now)
        case .handling, .responding: return (0, .hold)
        case .reading: return receivedBody(bytes, now, deliver)
        case .draining: return drained(bytes, now)
        case .lingering:
            deadline = min(now + limits.lingerTimeout.nanoseconds, lingerEnd)
            return (bytes.count, .wait)
        case .closed: return (bytes.count, .close)
        }
    }

    private mutating func receivedHead(_ bytes: UnsafeRawBufferPointer, _ now: UInt64) -> (Int, Action) {
        let wasIdle = !parser.hasBegun
        do {
            let (consumed, head) = try parser.feed(bytes)
            guard let head else {
                if wasIdle { deadline = now + limits.headerTimeout.nanoseconds }
                return (consumed, .wait)
            }
            return (consumed, begin(head))
        } catch {
            return (bytes.count, refuseHead(error))
        }
    }

    /// There is no request, so nothing of the one before may shape the answer.
    private mutating func refuseHead(_ refusal: Refusal) -> Action {
        head = (false, .http11, true)
        body = BodyDecoder(.none, limit: 0)
        return refuse(refusal)
    }

    private mutating func begin(_ head: RequestHead) -> Action {
        self.head = (head.method == .head, head.version, head.keepsAlive)
        body = BodyDecoder(head.framing, limit: limits.bodyBytes)
        awaitsContinue = head.expectsContinue
        bodyFailed = false
        if isOverloaded {
            return refuse(
                Refusal(.serviceUnavailable, "too-many-connections", "The server has too many connections; try again."))
        }
        if case .sized(let length) = head.framing, length > limits.bodyBytes {
            return refuse(HTTPError.bodyTooLarge(limit: limits.bodyBytes).refusal ?? .requestLine(""))
        }
        phase = .handling
        deadline = .max
        return .dispatch(head)
    }

    private mutating func refuse(_ refusal: Refusal) -> Action {
        keepsAlive = false
        bodyFailed = true
        phase = .handling
        deadline = .max
        return .refuse(refusal)
    }

    private mutating func receivedBody(
        _ bytes: UnsafeRawBufferPointer, _ now: UInt64, _ deliver: (UnsafeRawBufferPointer) throws -> Void
    ) -> (Int, Action) {
        let isQuickEnough = pace.took(now - min(now, lastBodyBytes), for: bytes.count)
        lastBodyBytes = now
        deadline = now + limits.bodyTimeout.nanoseconds
        do {
            let consumed = try body.decode(bytes, deliver)
            if body.isComplete { return (consumed, finishBody()) }
            guard isQuickEnough else { throw HTTPError.bodyTimedOut(received: body.delivered) }
            return (consumed, .wait)
        } catch {
            // After bad framing nothing that follows can be trusted.
            return (bytes.count, failBody((error as? HTTPError) ?? .malformedBody("The body could not be read.")))
        }
    }

    private mutating func finishBody() -> Action {
        phase = .handling
        deadline = .max
        return .bodyComplete
    }

    private mutating func failBody(_ error: HTTPError) -> Action {
        bodyFailed = true
        phase = .handling
        deadline = .max
        return .failBody(error)
    }

    private mutating func drained(_ bytes: UnsafeRawBufferPointer, _ now: UInt64) -> (Int, Action) {
        let before = body.delivered
        guard let consumed = try? body.decode(bytes, { _ in }) else { return (bytes.count, .close) }
        drainAllowance -= body.delivered - before
        if body.isComplete {
            awaitHead(now)
            return (consumed, .wait)
        }
        return drainAllowance < 0 ? (bytes.count, .close) : (consumed, .wait)
    }

    private mutating func awaitHead(_ now: UInt64) {
        phase = .head
        deadline = now + limits.idleTimeout.nanoseconds
    }
}

// MARK: Body reads

extension ConnectionState {
    /// The handler starts to read on the lane. Says whether 100 must be sent first and whether anything is to come.
    mutating func beginReading(now: UInt64) throws(HTTPError) -> (sendsContinue: Bool, isComplete: Bool) {
        guard phase == .handling, !bodyFailed else { throw .bodyAlreadyRead }
        let sendsContinue = takeContinue()
        if body.isComplete { return (sendsContinue, true) }
        phase = .reading
        lastBodyBytes = now
        pace = BodyPace(limits)
        deadline = now + limits.bodyTimeout.nanoseconds
        return (sendsContinue, false)
    }

    /// The handler's worker takes the connection over until `returnBody`.
    mutating func lendBody() throws(HTTPError) -> (sendsContinue: Bool, decoder: BodyDecoder) {
        guard phase == .handling, !bodyFailed else { throw .bodyAlreadyRead }
        return (takeContinue(), body)
    }

    /// `failed`: the framing is lost, or the peer is.
    mutating func returnBody(_ decoder: BodyDecoder, failed: Bool) {
        body = decoder
        if failed { bodyFailed = true }
    }

    /// A `collect` above its limit: the rest stays unread.
    mutating func stopReading() {
        guard phase == .reading else { return }
        phase = .handling
        deadline = .max
    }

    private mutating func takeContinue() -> Bool {
        defer { awaitsContinue = false }
        return awaitsContinue
    }
}

// MARK: Responses

extension ConnectionState {
    /// Decides framing and fate for an answer; `length` nil means that it is not known before the end.
    mutating func answer(_ status: Status, length: Int64?, saysClose: Bool) -> ResponsePlan {
        phase = .responding
        deadline = .max
        var keepsAlive = self.keepsAlive && head.keepsAlive && !saysClose && !isStopping && !peerEnded
        if !canDrain { keepsAlive = false }
        let framing: ResponsePlan.Framing
        if status.forbidsContent {
            framing = .noContent
        } else if let length {
            framing = .sized(length)
        } else if head.version == .http11 {
            framing = .chunked
        } else {
            framing = .untilClose
            keepsAlive = false
        }
        self.keepsAlive = keepsAlive
        return ResponsePlan(
            framing: framing, sendsContent: !head.isHead && framing != .noContent, keepsAlive: keepsAlive,
            saysKeepAlive: keepsAlive && head.version == .http10)
    }

    /// A client that still waits for 100 may or may not send its body: only a new connection is unambiguous.
    private var canDrain: Bool {
        if bodyFailed { return false }
        if body.isComplete { return true }
        if awaitsContinue { return false }
        return (body.remaining ?? 0) <= limits.drainBytes
    }

    /// The last byte of the response is with the kernel.
    mutating func responded(now: UInt64) -> AfterResponse {
        if keepsAlive {
            if body.isComplete {
                awaitHead(now)
                return .next
            }
            phase = .draining
            drainAllowance = limits.drainBytes
            deadline = now + limits.bodyTimeout.nanoseconds
            return .drain
        }
        let clientAskedForIt = !head.keepsAlive && body.isComplete && !bodyFailed
        guard !peerEnded, !clientAskedForIt else {
            phase = .closed
            return .close
        }
        phase = .lingering
        lingerEnd = now + 6 * limits.lingerTimeout.nanoseconds
        deadline = now + limits.lingerTimeout.nanoseconds
        return .linger
    }
}

// MARK: Time and ends

extension ConnectionState {
    /// The peer will send nothing more; it may still read.
    mutating func receivedEnd() -> Action {
        peerEnded = true
        switch phase {
        case .handling, .responding: return .hold
        case .reading: return failBody(.bodyTruncated(received: body.delivered))
        case .head, .draining, .lingering, .closed:
            phase = .closed
            return .close
        }
    }

    mutating func timedOut(now: UInt64) -> Action {
        guard now >= dueTime else { return .wait }
        if now >= writeDeadline {
            phase = .closed
            return .close
        }
        switch phase {
        case .head where parser.hasBegun:
            return refuseHead(
                Refusal(.requestTimeout, "header-timeout", "The head of the request did not come in time."))
        case .reading: return failBody(.bodyTimedOut(received: body.delivered))
        case .handling, .responding: return .wait
        case .head, .draining, .lingering, .closed:
            phase = .closed
            return .close
        }
    }

    /// Output waits for the client; `progressed` again whenever some of it went.
    mutating func writeProgressed(now: UInt64) { writeDeadline = now + limits.writeTimeout.nanoseconds }
    mutating func writeDrained() { writeDeadline = .max }
    mutating func close() { phase = .closed }
}
