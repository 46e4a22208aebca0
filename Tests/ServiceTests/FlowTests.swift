import Domain
import Synchronization
import Testing

@testable import Service

/// A number that several tasks change.
private final class Counter: Sendable {
    private let value = Mutex((now: 0, most: 0))
    var now: Int { value.withLock { $0.now } }
    var most: Int { value.withLock { $0.most } }

    @discardableResult
    func add(_ step: Int) -> Int {
        value.withLock { value in
            value.now += step
            value.most = max(value.most, value.now)
            return value.now
        }
    }
}

@Suite struct FlowTests {
    @Test func aTurnstileLetsOnlySoManyThroughAtOnce() async {
        let turnstile = Turnstile(width: 3)
        let inside = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await turnstile.pass {
                        inside.add(1)
                        await Task.yield()
                        inside.add(-1)
                    }
                }
            }
        }
        #expect((1...3).contains(inside.most))
    }

    @Test func whoHoldsTheGateAloneIsAlone() async {
        let gate = Gate()
        let (sharing, alone, broken) = (Counter(), Counter(), Counter())
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    if index % 5 == 0 {
                        await gate.exclusive {
                            if alone.add(1) != 1 || sharing.now != 0 { broken.add(1) }
                            await Task.yield()
                            alone.add(-1)
                        }
                    } else {
                        await gate.shared {
                            sharing.add(1)
                            if alone.now != 0 { broken.add(1) }
                            await Task.yield()
                            sharing.add(-1)
                        }
                    }
                }
            }
        }
        #expect(broken.now == 0)
    }

    @Test func aRingBetweenLookingAndWaitingIsNotMissed() async {
        let bell = Bell()
        let seen = bell.count
        bell.ring()
        await bell.wait(after: seen, seconds: 1000)
        let again = bell.count
        Task { bell.ring() }
        await bell.wait(after: again, seconds: 1000)
        bell.close()
        await bell.wait(after: bell.count, seconds: 1000)
    }

    @Test func aWaitEndsByItself() async {
        await Bell().wait(after: 0, seconds: 0.01)
    }

    @Test func aLogKeepsBothEnds() {
        let log = WorkerLog(limit: 100)
        for index in 0..<1000 { log.append(line: "line \(index)") }
        let text = String(decoding: log.bytes, as: UTF8.self)
        #expect(text.hasPrefix("line 0\n"))
        #expect(text.hasSuffix("line 999\n"))
        #expect(text.contains("bytes left out"))
        #expect(text.utf8.count < 400)
        #expect(log.lastLines(1) == "line 999")
    }

    @Test func retriesAreForWhatMayPass() {
        let policy = RetryPolicy(delay: .seconds(2))
        let crash = Failure(.engineCrash, detail: "")
        #expect(policy.pause(after: crash, attempt: 1, maxAttempts: 3) == .seconds(2))
        #expect(policy.pause(after: crash, attempt: 2, maxAttempts: 3) == .seconds(8))
        #expect(policy.pause(after: crash, attempt: 3, maxAttempts: 3) == nil)
        #expect(policy.pause(after: .init(.corruptModel, detail: ""), attempt: 1, maxAttempts: 3) == nil)
    }
}
