import Domain
import Foundation
import Storage
import Synchronization

/// What is happening to jobs right now: progress that the catalogue learns only now and then, and bells for those who wait
/// for a job to change.
final class JobNews: Sendable {
    /// How far a running attempt is.
    struct Live: Sendable {
        /// That of the attempt's claim. An attempt that lost its lease may go on for a while beside the next one.
        var token: Int64
        var phase: Stage?
        var progress: Double = 0
        /// When the attempt started.
        var since: Date
        /// When watchers last heard of progress, by the monotonic clock.
        var rung = 0.0
    }
    private struct Entry {
        var bell = Bell()
        var live: Live?
        var watchers = 0
        var cancel: (@Sendable () -> Void)?
    }
    private struct State {
        var entries: [String: Entry] = [:]
        var closed = false
    }
    private let state = Mutex(State())
    private static let ringEvery = 0.25

    func live(_ job: String) -> Live? { state.withLock { $0.entries[job]?.live } }

    /// Calls `body` with a bell that rings whenever something about the job changes.
    func watching<R: Sendable>(_ job: String, _ body: @Sendable (Bell) async throws -> R) async rethrows -> R {
        let bell = watch(job)
        defer { unwatch(job) }
        return try await body(bell)
    }

    /// Each `watch` needs an `unwatch`.
    func watch(_ job: String) -> Bell {
        state.withLock { state in
            var entry = state.entries[job] ?? Entry()
            entry.watchers += 1
            state.entries[job] = entry
            if state.closed { entry.bell.close() }
            return entry.bell
        }
    }

    func unwatch(_ job: String) {
        change(job) { $0.watchers -= 1 }
    }

    /// An attempt starts. `cancel` is called when somebody wants the job stopped.
    func began(_ claim: Claim, at now: Date, cancel: @escaping @Sendable () -> Void) {
        change(claim.job.id) { entry in
            entry.live = Live(token: claim.token, since: now)
            entry.cancel = cancel
        }
        ring(claim.job.id)
    }

    /// The fraction never goes back within an attempt.
    func progressed(_ claim: Claim, _ stage: Stage, _ fraction: Double) {
        guard fraction.isFinite else { return }
        let now = Clock.monotonic
        let bell = change(claim.job.id) { entry -> Bell? in
            guard let live = entry.live, live.token == claim.token else { return nil }
            entry.live?.phase = stage
            entry.live?.progress = max(live.progress, min(max(fraction, 0), 1))
            // A worker may count quickly; those who watch look at the catalogue each time.
            guard live.phase != stage || now - live.rung > Self.ringEvery else { return nil }
            entry.live?.rung = now
            return entry.bell
        }
        bell?.ring()
    }

    func ended(_ claim: Claim) {
        change(claim.job.id) { entry in
            guard entry.live?.token == claim.token else { return }
            entry.live = nil
            entry.cancel = nil
        }
        ring(claim.job.id)
    }

    func ring(_ job: String) { state.withLock { $0.entries[job]?.bell }?.ring() }

    func cancel(_ job: String) {
        state.withLock { $0.entries[job]?.cancel }?()
        ring(job)
    }

    /// Nobody waits any more: the server is going to stop.
    func close() {
        let bells = state.withLock { state in
            state.closed = true
            return state.entries.values.map(\.bell)
        }
        for bell in bells { bell.close() }
    }

    private func change<R: Sendable>(_ job: String, _ edit: (inout Entry) -> R) -> R {
        state.withLock { state in
            var entry = state.entries[job] ?? Entry()
            defer {
                let needed = entry.watchers > 0 || entry.live != nil
                state.entries[job] = needed ? entry : nil
            }
            return edit(&entry)
        }
    }
}
