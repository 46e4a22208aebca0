import Dispatch
import Synchronization

/// Calls `body` for each of `count` places, which `threads` threads take in rising order; `thread` numbers them from 0.
/// After an error no further place is taken, and the first one is thrown.
func shareOut(
    _ count: Int, over threads: Int, _ body: @Sendable (_ place: Int, _ thread: Int) throws -> Void
) throws {
    let next = Atomic(0)
    let failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: max(1, min(threads, count))) { thread in
        while failure.withLock({ $0 == nil }) {
            let place = next.add(1, ordering: .relaxed).oldValue
            guard place < count else { return }
            do { try body(place, thread) } catch { failure.withLock { $0 = $0 ?? error } }
        }
    }
    if let error = failure.withLock({ $0 }) { throw error }
}
