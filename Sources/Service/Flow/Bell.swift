import Dispatch
import Synchronization

/// Wakes those who wait for something to change. A waiter remembers the count it has seen, so that a ring between looking
/// and waiting is never missed.
package final class Bell: Sendable {
    private struct State {
        var count: UInt64 = 0
        var closed = false
        var nextWaiter: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }
    private let state = Mutex(State())
    private static let timers = DispatchQueue(label: "octavo.bell")

    package init() {}

    package var count: UInt64 { state.withLock { $0.count } }
    package var isClosed: Bool { state.withLock { $0.closed } }

    package func ring() {
        wakeAll { $0.count += 1 }
    }

    /// Rings a last time; from now on nobody waits.
    package func close() {
        wakeAll { state in
            state.count += 1
            state.closed = true
        }
    }

    /// Returns when the bell has rung after `seen`, when `seconds` have passed, or when it is closed.
    package func wait(after seen: UInt64, seconds: Double) async {
        await withCheckedContinuation { continuation in
            let waiter = state.withLock { state -> UInt64? in
                guard state.count == seen, !state.closed, seconds > 0 else { return nil }
                state.nextWaiter += 1
                state.waiting[state.nextWaiter] = continuation
                return state.nextWaiter
            }
            guard let waiter else { return continuation.resume() }
            Self.timers.asyncAfter(deadline: .now() + seconds) { self.wake(waiter) }
        }
    }

    private func wake(_ waiter: UInt64) {
        state.withLock { $0.waiting.removeValue(forKey: waiter) }?.resume()
    }

    private func wakeAll(_ change: (inout sending State) -> Void) {
        let woken = state.withLock { state in
            change(&state)
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in woken { continuation.resume() }
    }
}
