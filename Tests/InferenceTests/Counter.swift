import Inference
import Synchronization

/// Counts what it sees, by slot.
final class Counter: TensorObserver {
    private let counts = Mutex<[Int: Int]>([:])
    var slots: [Int: Int] { counts.withLock { $0 } }

    func observe(slot: Int, context: UnsafeMutableRawPointer?, values: [ObservedTensor]) {
        counts.withLock { $0[slot, default: 0] += values.reduce(0) { $0 + $1.count } }
    }
}
