import CLinux

/// A body whose bytes come from a connection. Valid for one request: later reads fail.
struct ConnectionBody: BodySource {
    private let connection: Connection
    private let number: UInt64

    init(_ connection: Connection, _ number: UInt64) {
        self.connection = connection
        self.number = number
    }

    func collect(limit: Int) async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { continuation in
            connection.lane.perform { connection.collect(number, limit, continuation) }
        }
    }

    func receive(into sink: any BodySink) async throws -> Int64 {
        try await withCheckedThrowingContinuation { continuation in
            connection.lane.perform { connection.lend(number, sink, continuation) }
        }
    }
}

/// A small body on its way into memory, received on the lane.
struct BodyCollector {
    private(set) var bytes: [UInt8] = []
    private let limit: Int
    let continuation: CheckedContinuation<[UInt8], any Error>

    init(limit: Int, expected: Int64?, continuation: CheckedContinuation<[UInt8], any Error>) {
        self.limit = limit
        self.continuation = continuation
        bytes.reserveCapacity(Int(min(expected ?? 0, 64 * 1024, Int64(limit))))
    }

    mutating func append(_ piece: UnsafeRawBufferPointer) throws {
        guard piece.count <= limit - bytes.count else { throw HTTPError.bodyTooLarge(limit: Int64(limit)) }
        bytes.append(contentsOf: piece)
    }
}

// MARK: Collecting

extension Connection {
    func collect(_ number: UInt64, _ limit: Int, _ continuation: CheckedContinuation<[UInt8], any Error>) {
        do {
            try checkReader(number)
            let (sendsContinue, isComplete) = try state.beginReading(now: lane.now)
            if sendsContinue { output.append(ResponseWriter.continueLine) }
            if isComplete { return continuation.resume(returning: []) }
            collector = BodyCollector(limit: limit, expected: state.bodyBytesRemaining, continuation: continuation)
        } catch {
            return continuation.resume(throwing: error)
        }
        settle()
    }

    func endCollecting(_ error: HTTPError?) {
        guard let collector else { return }
        self.collector = nil
        if let error {
            collector.continuation.resume(throwing: error)
        } else {
            collector.continuation.resume(returning: collector.bytes)
        }
    }

    private func checkReader(_ number: UInt64) throws {
        guard !isClosed else { throw HTTPError.bodyTruncated(received: state.bodyBytesDelivered) }
        guard number == self.number, !isLent, collector == nil, paused == nil else { throw HTTPError.bodyAlreadyRead }
    }
}

// MARK: Streaming

extension Connection {
    /// Leaves the lane: a worker receives the body in blocking calls and hands it to `sink`.
    func lend(_ number: UInt64, _ sink: any BodySink, _ continuation: CheckedContinuation<Int64, any Error>) {
        let decoder: BodyDecoder
        do {
            try checkReader(number)
            let lent = try state.lendBody()
            decoder = lent.decoder
            if lent.sendsContinue { output.append(ResponseWriter.continueLine) }
        } catch {
            return continuation.resume(throwing: error)
        }
        if decoder.isComplete { return continuation.resume(returning: 0) }
        let start = { self.startReception(decoder, sink, continuation) }
        flush()
        // The client can be gone by now, and nothing would start a reception any more.
        guard !isClosed else { return continuation.resume(throwing: HTTPError.bodyTruncated(received: 0)) }
        // Earlier responses may still wait for a client that sends before it reads.
        if output.isEmpty { start() } else { afterDrain = start }
        settle()
    }

    private func startReception(
        _ decoder: BodyDecoder, _ sink: any BodySink, _ continuation: CheckedContinuation<Int64, any Error>
    ) {
        guard !isClosed else { return continuation.resume(throwing: HTTPError.bodyTruncated(received: 0)) }
        let reception = BodyReception(
            transport: transport, limits: lane.core.limits,
            isCrowded: { [uploads = lane.core.uploads] in uploads.isCrowded },
            decoder: decoder, pace: BodyPace(lane.core.limits), held: Array(held[heldStart...]))
        held = []
        heldStart = 0
        receive(reception, sink, continuation)
    }

    private func receive(
        _ reception: BodyReception, _ sink: any BodySink, _ continuation: CheckedContinuation<Int64, any Error>
    ) {
        leaveLane()
        isLent = true
        lane.core.uploads.run {
            let outcome = reception.run(sink)
            self.lane.perform { self.received(outcome, reception, sink, continuation) }
        }
    }

    private func received(
        _ outcome: BodyReception.Outcome, _ reception: BodyReception, _ sink: any BodySink,
        _ continuation: CheckedContinuation<Int64, any Error>
    ) {
        var error = outcome.error
        if regain() {
            if outcome.isDry, waitingResponse == nil {
                paused = PausedReception(
                    reception: reception.continued(outcome), since: lane.now, sink: sink, continuation: continuation)
                return settle()
            }
            if outcome.isDry { error = HTTPError.bodyAlreadyRead }
            state.returnBody(outcome.decoder, failed: error != nil)
            held = outcome.rest
            if let response = waitingResponse {
                waitingResponse = nil
                respond(response)
            }
            settle()
        } else if outcome.isDry {
            error = HTTPError.bodyTruncated(received: outcome.decoder.delivered)
        }
        if let error {
            continuation.resume(throwing: error)
        } else {
            continuation.resume(returning: outcome.decoder.delivered)
        }
    }

    /// The client has sent again.
    func resumeReception() {
        guard let paused = paused.take() else { return }
        var reception = paused.reception
        _ = reception.pace.took(lane.now - min(lane.now, paused.since), for: 0)
        receive(reception, paused.sink, paused.continuation)
    }

    /// Ends a reception that waits for its client.
    func endReception(_ error: HTTPError) {
        guard let paused = paused.take() else { return }
        state.returnBody(paused.reception.decoder, failed: true)
        paused.continuation.resume(throwing: error)
    }

    func checkReception() {
        guard let paused, lane.now - min(lane.now, paused.since) >= lane.core.limits.bodyTimeout.nanoseconds else {
            return
        }
        endReception(.bodyTimedOut(received: paused.reception.decoder.delivered))
    }
}

/// A reception that waits for its client in the epoll set, without a worker.
struct PausedReception {
    let reception: BodyReception
    let since: UInt64
    let sink: any BodySink
    let continuation: CheckedContinuation<Int64, any Error>
}

/// One body received by blocking calls, off the lane. A worker waits for its client only while no other body waits for a
/// worker, so that slow clients cannot hold all of them.
struct BodyReception: Sendable {
    struct Outcome: Sendable {
        var decoder: BodyDecoder
        var pace: BodyPace
        /// The client has sent nothing more yet, and the worker is wanted elsewhere.
        var isDry = false
        /// What came after the body.
        var rest: [UInt8] = []
        var error: (any Error)?
    }

    static let bufferBytes = 256 * 1024
    /// How long a worker waits before it looks whether others wait for it.
    private static let patience = Duration.milliseconds(100)

    let transport: any Transport
    let limits: Limits
    let isCrowded: @Sendable () -> Bool
    var decoder: BodyDecoder
    var pace: BodyPace
    /// Bytes that the lane had already received.
    var held: [UInt8]

    /// What is left to do after a dry end.
    func continued(_ outcome: Outcome) -> BodyReception {
        var rest = self
        rest.decoder = outcome.decoder
        rest.pace = outcome.pace
        rest.held = []
        return rest
    }

    func run(_ sink: any BodySink) -> Outcome {
        var outcome = Outcome(decoder: decoder, pace: pace)
        do {
            try held.withUnsafeBytes { try decode($0, &outcome, sink) }
            if !outcome.decoder.isComplete { try receive(&outcome, sink) }
        } catch {
            outcome.error = error
        }
        return outcome
    }

    private func receive(_ outcome: inout Outcome, _ sink: any BodySink) throws {
        let patience = min(limits.bodyTimeout, BodyReception.patience)
        guard transport.setBlocking(patience) else {
            throw HTTPError.bodyTruncated(received: outcome.decoder.delivered)
        }
        var isBlocking = true
        defer { if isBlocking { _ = transport.setBlocking(nil) } }
        var own: UnsafeMutableRawBufferPointer?
        defer { own?.deallocate() }
        var silence: UInt64 = 0
        while !outcome.decoder.isComplete {
            // Once others wait, the worker takes what is there and goes.
            if isBlocking, isCrowded() { isBlocking = !transport.setBlocking(nil) }
            // What frames chunks must not get into the sink's memory.
            let given = outcome.decoder.remaining == nil ? nil : try sink.room()
            let memory = given ?? own ?? .allocate(byteCount: Self.bufferBytes, alignment: 4096)
            if given == nil { own = memory }
            let wanted = min(memory.count, Int(clamping: outcome.decoder.remaining ?? .max))
            let began = octavo_now()
            switch transport.receive(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<wanted])) {
            case .moved(let count):
                silence = 0
                let isQuickEnough = outcome.pace.took(octavo_now() - began, for: count)
                if given == nil {
                    try decode(UnsafeRawBufferPointer(rebasing: memory[..<count]), &outcome, sink)
                } else {
                    outcome.decoder.pass(count)
                    try sink.filled(count)
                }
                guard isQuickEnough || outcome.decoder.isComplete else {
                    throw HTTPError.bodyTimedOut(received: outcome.decoder.delivered)
                }
            case .wouldBlock:
                guard isBlocking else { return outcome.isDry = true }
                silence += octavo_now() - began
                _ = outcome.pace.took(octavo_now() - began, for: 0)
                guard silence < limits.bodyTimeout.nanoseconds else {
                    throw HTTPError.bodyTimedOut(received: outcome.decoder.delivered)
                }
            case .ended, .failed: throw HTTPError.bodyTruncated(received: outcome.decoder.delivered)
            }
        }
    }

    private func decode(_ bytes: UnsafeRawBufferPointer, _ outcome: inout Outcome, _ sink: any BodySink) throws {
        let used = try outcome.decoder.decode(bytes, sink.take)
        if outcome.decoder.isComplete, used < bytes.count { outcome.rest = Array(bytes.part(used..<bytes.count)) }
    }
}
