import Synchronization

/// A bounded number of places for those who hold much memory at once. A place is free again when its holder lets go of it.
final class Seats: Sendable {
    final class Seat: Sendable {
        private let seats: Seats

        fileprivate init(_ seats: Seats) { self.seats = seats }
        deinit { seats.free.withLock { $0 += 1 } }
    }
    private let free: Mutex<Int>

    init(count: Int) { free = Mutex(count) }

    /// Nil when all are taken.
    func take() -> Seat? {
        let isFree = free.withLock { free in
            guard free > 0 else { return false }
            free -= 1
            return true
        }
        return isFree ? Seat(self) : nil
    }
}
