import Synchronization

/// Many may hold it together, or one alone; first come, first served, so neither side starves. Holders are stories, not
/// threads: nothing blocks.
final class Gate: Sendable {
    private enum Side { case shared, exclusive }
    private struct State {
        var sharing = 0
        var closed = false
        var waiting: [(side: Side, continuation: CheckedContinuation<Void, Never>)] = []

        func admits(_ side: Side) -> Bool { !closed && (side == .shared || sharing == 0) }

        mutating func enter(_ side: Side) {
            if side == .shared { sharing += 1 } else { closed = true }
        }
    }
    private let state = Mutex(State())

    func shared<R: Sendable>(_ body: @Sendable () async throws -> R) async rethrows -> R {
        await enter(.shared)
        defer { leave(.shared) }
        return try await body()
    }

    func exclusive<R: Sendable>(_ body: @Sendable () async throws -> R) async rethrows -> R {
        await enter(.exclusive)
        defer { leave(.exclusive) }
        return try await body()
    }

    private func enter(_ side: Side) async {
        await withCheckedContinuation { continuation in
            let passes = state.withLock { state in
                guard state.waiting.isEmpty, state.admits(side) else {
                    state.waiting.append((side, continuation))
                    return false
                }
                state.enter(side)
                return true
            }
            if passes { continuation.resume() }
        }
    }

    private func leave(_ side: Side) {
        let next = state.withLock { state in
            if side == .shared { state.sharing -= 1 } else { state.closed = false }
            var admitted: [CheckedContinuation<Void, Never>] = []
            while let first = state.waiting.first, state.admits(first.side) {
                state.enter(first.side)
                admitted.append(state.waiting.removeFirst().continuation)
            }
            return admitted
        }
        for continuation in next { continuation.resume() }
    }
}
