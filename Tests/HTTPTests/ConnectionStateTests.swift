import Testing

@testable import HTTP

@Suite struct ConnectionStateTests {
    private var limits = Limits()
    private let second: UInt64 = 1_000_000_000

    private func state(_ change: (inout Limits) -> Void = { _ in }) -> ConnectionState {
        var limits = limits
        change(&limits)
        return ConnectionState(limits: limits, now: 0)
    }

    /// Feeds text; the bytes used, the name of the action, and the body bytes delivered.
    private func feed(_ state: inout ConnectionState, _ text: String, now: UInt64 = 0) -> (Int, String, String) {
        var delivered: [UInt8] = []
        let (used, action) = Array(text.utf8).withUnsafeBytes {
            state.received($0, now: now) { delivered.append(contentsOf: $0) }
        }
        return (used, name(action), String(decoding: delivered, as: UTF8.self))
    }

    private func name(_ action: ConnectionState.Action) -> String {
        switch action {
        case .wait: "wait"
        case .hold: "hold"
        case .dispatch(let head): "dispatch \(head.target.path)"
        case .refuse(let refusal): "refuse \(refusal.status.rawValue)"
        case .failBody(let error): "fail \(error)"
        case .bodyComplete: "complete"
        case .close: "close"
        }
    }

    private let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
    private func post(_ fields: String, version: String = "1.1") -> String {
        "POST /p HTTP/\(version)\r\nHost: h\r\n\(fields)\r\n\r\n"
    }

    @Test func pipelinedRequestsAreHandedOutOneByOne() {
        var state = state()
        let both = get + get
        let (used, action, _) = feed(&state, both)
        #expect(used == get.utf8.count && action == "dispatch /a")
        #expect(feed(&state, get).1 == "hold")
        #expect(!state.wantsBytes)
        #expect(state.answer(.ok, length: 0, saysClose: false).keepsAlive)
        #expect(feed(&state, get).1 == "hold")
        #expect(state.responded(now: 0) == .next)
        #expect(feed(&state, get).1 == "dispatch /a")
    }

    @Test func framingFollowsStatusLengthAndVersion() {
        func plan(_ text: String, _ status: Status, _ length: Int64?) -> ConnectionState.ResponsePlan {
            var state = state()
            _ = feed(&state, text)
            return state.answer(status, length: length, saysClose: false)
        }
        #expect(plan(get, .ok, 5).framing == .sized(5))
        #expect(plan(get, .ok, nil).framing == .chunked)
        #expect(plan(get, .noContent, 0).framing == .noContent)
        #expect(plan(get, .notModified, 0).framing == .noContent)
        let head = plan("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n", .ok, 5)
        #expect(head.framing == .sized(5) && !head.sendsContent)
        let old = plan("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", .ok, nil)
        #expect(old.framing == .untilClose && !old.keepsAlive)
        let kept = plan("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", .ok, 1)
        #expect(kept.keepsAlive && kept.saysKeepAlive)
    }

    @Test func aConnectionThatTheClientEndsIsClosedAtOnceOthersLinger() {
        var asked = state()
        _ = feed(&asked, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(!asked.answer(.ok, length: 0, saysClose: false).keepsAlive)
        #expect(asked.responded(now: 0) == .close)

        var stopping = state()
        _ = feed(&stopping, get)
        stopping.isStopping = true
        #expect(!stopping.answer(.ok, length: 0, saysClose: false).keepsAlive)
        #expect(stopping.responded(now: 0) == .linger)
        #expect(feed(&stopping, get).1 == "wait")
        #expect(name(stopping.receivedEnd()) == "close")
    }

    @Test func aRefusedExpectationIsAFinalStatusAndALingeringClose() {
        var state = state()
        #expect(feed(&state, post("Content-Length: 9\r\nExpect: 100-continue")).1 == "dispatch /p")
        #expect(!state.answer(.contentTooLarge, length: 0, saysClose: false).keepsAlive)
        #expect(state.responded(now: 0) == .linger)
    }

    @Test func theFirstReadSaysContinueOnce() throws {
        var state = state()
        _ = feed(&state, post("Content-Length: 3\r\nExpect: 100-continue"))
        let first = try state.beginReading(now: 0)
        #expect(first.sendsContinue && !first.isComplete)
        let (used, action, data) = feed(&state, "abcGET")
        #expect(used == 3 && action == "complete" && data == "abc")
        let second = try state.beginReading(now: 0)
        #expect(!second.sendsContinue && second.isComplete)
        #expect(state.answer(.ok, length: 0, saysClose: false).keepsAlive)
        #expect(state.responded(now: 0) == .next)
    }

    @Test func aSmallUnreadBodyIsDroppedALargeOneEndsTheConnection() {
        var small = state()
        _ = feed(&small, post("Content-Length: 5"))
        #expect(small.answer(.ok, length: 0, saysClose: false).keepsAlive)
        #expect(small.responded(now: 0) == .drain)
        #expect(feed(&small, "12345" + get).0 == 5)
        #expect(feed(&small, get).1 == "dispatch /a")

        var large = state()
        _ = feed(&large, post("Content-Length: \(limits.drainBytes + 1)"))
        #expect(!large.answer(.ok, length: 0, saysClose: false).keepsAlive)
        #expect(large.responded(now: 0) == .linger)

        var endless = state { $0.drainBytes = 10 }
        _ = feed(&endless, post("Transfer-Encoding: chunked"))
        #expect(endless.answer(.ok, length: 0, saysClose: false).keepsAlive)
        #expect(endless.responded(now: 0) == .drain)
        #expect(feed(&endless, "5\r\nabcde\r\n").1 == "wait")
        #expect(feed(&endless, "6\r\nabcdef\r\n").1 == "close")
    }

    @Test func aBodyAboveTheLimitIsRefusedBeforeTheHandler() {
        var sized = state { $0.bodyBytes = 10 }
        #expect(feed(&sized, post("Content-Length: 11")).1 == "refuse 413")
        #expect(!sized.answer(.contentTooLarge, length: 0, saysClose: false).keepsAlive)
        #expect(sized.responded(now: 0) == .linger)

        var chunked = state { $0.bodyBytes = 10 }
        _ = feed(&chunked, post("Transfer-Encoding: chunked"))
        _ = try? chunked.beginReading(now: 0)
        #expect(feed(&chunked, "b\r\nhello world\r\n").1 == "fail \(HTTPError.bodyTooLarge(limit: 10))")
        #expect(!chunked.answer(.contentTooLarge, length: 0, saysClose: false).keepsAlive)
    }

    @Test func badBytesAreRefusedAndTheRestIgnored() {
        var state = state()
        let (used, action, _) = feed(&state, "GET / HTTP/1.1\r\nHost: h\nX\r\n\r\n" + get)
        #expect(action == "refuse 400" && used > get.utf8.count)
        #expect(!state.answer(.badRequest, length: 3, saysClose: false).keepsAlive)
        #expect(state.responded(now: 0) == .linger)
        #expect(feed(&state, get).1 == "wait")
    }

    @Test func aRefusalDoesNotTakeAfterTheRequestBefore() {
        var state = state()
        _ = feed(&state, "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = state.answer(.ok, length: 0, saysClose: false)
        _ = state.responded(now: 0)
        #expect(feed(&state, "x\r\n").1 == "refuse 400")
        #expect(state.answer(.badRequest, length: 3, saysClose: false).sendsContent)
    }

    @Test func aSlowHeadTimesOutHoweverItDrips() {
        var state = state()
        #expect(state.dueTime == 10 * second)
        _ = feed(&state, "GET / H", now: second)
        #expect(state.dueTime == 11 * second)
        _ = feed(&state, "TTP/1.1\r\n", now: 9 * second)
        #expect(state.dueTime == 11 * second)
        #expect(name(state.timedOut(now: 10 * second)) == "wait")
        #expect(name(state.timedOut(now: 11 * second)) == "refuse 408")
    }

    @Test func anIdleConnectionClosesSilently() {
        var state = state()
        _ = feed(&state, get)
        #expect(state.dueTime == .max)
        _ = state.answer(.ok, length: 0, saysClose: false)
        _ = state.responded(now: 5 * second)
        #expect(state.isIdle && state.dueTime == 80 * second)
        #expect(name(state.timedOut(now: 80 * second)) == "close")
    }

    @Test func aSilentOrTricklingBodyFailsTheRead() throws {
        var silent = state()
        _ = feed(&silent, post("Content-Length: 5"))
        _ = try silent.beginReading(now: 0)
        _ = feed(&silent, "ab", now: second)
        #expect(name(silent.timedOut(now: 31 * second)) == "fail \(HTTPError.bodyTimedOut(received: 2))")
        #expect(!silent.answer(.requestTimeout, length: 0, saysClose: false).keepsAlive)

        var trickle = state { $0.bodyMinimumRate = 100 }
        _ = feed(&trickle, post("Content-Length: 5000"))
        _ = try trickle.beginReading(now: 0)
        var now: UInt64 = 0, outcome = "wait"
        while outcome == "wait", now < 100 * second {
            now += second
            outcome = feed(&trickle, "x", now: now).1
        }
        #expect(outcome == "fail \(HTTPError.bodyTimedOut(received: 31))" && now == 31 * second)
    }

    @Test func aClientThatLeavesFailsTheRead() throws {
        var state = state()
        _ = feed(&state, post("Content-Length: 5"))
        _ = try state.beginReading(now: 0)
        _ = feed(&state, "abc")
        #expect(name(state.receivedEnd()) == "fail \(HTTPError.bodyTruncated(received: 3))")
        #expect(throws: HTTPError.bodyAlreadyRead) { _ = try state.beginReading(now: 0) }
        #expect(!state.answer(.badRequest, length: 0, saysClose: false).keepsAlive)
        #expect(state.responded(now: 0) == .close)
    }

    @Test func aHalfClosedClientStillGetsItsAnswer() {
        var state = state()
        _ = feed(&state, get)
        #expect(name(state.receivedEnd()) == "hold")
        #expect(!state.answer(.ok, length: 0, saysClose: false).keepsAlive)
        #expect(state.responded(now: 0) == .close)
    }

    @Test func aClientThatTakesNothingIsCut() {
        var state = state()
        _ = feed(&state, get)
        _ = state.answer(.ok, length: 9, saysClose: false)
        state.writeProgressed(now: 0)
        state.writeProgressed(now: 20 * second)
        #expect(name(state.timedOut(now: 49 * second)) == "wait")
        #expect(name(state.timedOut(now: 50 * second)) == "close")
    }

    @Test func lingeringHasAnEndEvenIfTheClientNeverStops() {
        var state = state()
        _ = feed(&state, "bad\r\n")
        _ = state.answer(.badRequest, length: 0, saysClose: false)
        #expect(state.responded(now: 0) == .linger)
        for now in 1...40 { _ = feed(&state, "x", now: UInt64(now) * second) }
        #expect(state.dueTime == 30 * second)
        #expect(name(state.timedOut(now: 30 * second)) == "close")
    }

    @Test func oneConnectionTooManyIsToldSo() {
        var state = state()
        state.isOverloaded = true
        #expect(feed(&state, get).1 == "refuse 503")
    }
}
