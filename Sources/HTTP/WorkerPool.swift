import Dispatch
import Synchronization

/// A fixed number of serial queues for calls that block; what finds no free queue waits in line. Serial queues, since
/// Dispatch gives each of them a thread at once, while the global ones grow by one thread a second.
final class WorkerPool: Sendable {
    typealias Job = @Sendable () -> Void

    private struct State {
        var idle: [DispatchQueue]
        var waiting: [Job] = []
        var firstWaiting = 0

        mutating func next() -> Job? {
            guard firstWaiting < waiting.count else { return nil }
            let job = waiting[firstWaiting]
            firstWaiting += 1
            if firstWaiting == waiting.count {
                waiting.removeAll(keepingCapacity: true)
                firstWaiting = 0
            }
            return job
        }
    }

    private let state: Mutex<State>

    init(label: String, count: Int) {
        precondition(count > 0, "a pool needs a worker")
        state = Mutex(State(idle: (0..<count).map { DispatchQueue(label: "\(label).\($0)") }))
    }

    /// Somebody waits for a worker.
    var isCrowded: Bool { state.withLock { $0.firstWaiting < $0.waiting.count } }

    func run(_ job: @escaping Job) {
        let queue = state.withLock { state in
            let queue = state.idle.popLast()
            if queue == nil { state.waiting.append(job) }
            return queue
        }
        if let queue { start(job, on: queue) }
    }

    private func start(_ job: @escaping Job, on queue: DispatchQueue) {
        queue.async {
            job()
            let next = self.state.withLock { state in
                let next = state.next()
                if next == nil { state.idle.append(queue) }
                return next
            }
            if let next { self.start(next, on: queue) }
        }
    }
}
