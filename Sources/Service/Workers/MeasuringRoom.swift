import Dispatch
import Domain
import Pages
import Synchronization

/// Lets one worker at a time measure while the others of this server are held still.
///
/// Latencies mean nothing while other conversions compete for cores, caches and memory. Workers could agree among
/// themselves when to pause, but then every long step of theirs would need a place to do so, and one that hangs, or that a
/// hostile model has taken over, would hold up or disturb all others. So nothing is asked of those that have to be still:
/// the server stops their process groups (SIGSTOP), wherever they are and with all of the engine's threads, and lets them go
/// on afterwards (SIGCONT). The one that measures says when, on fd 3, and learns on fd 0 when the others stand and, at the
/// end, who did not.
///
/// Why nothing stays stopped for ever:
/// - A worker that measures and dies, or is stopped by us, leaves the room in `share`; the others go on.
/// - A worker that measures and never ends has an allowance (`Stillness`).
/// - A server that dies takes its workers with it, held or not: they asked the kernel for a SIGKILL at the end of the
///   thread that spawned them (PR_SET_PDEATHSIG).
/// - A held worker that is to end gets SIGCONT behind its SIGTERM.
///
/// Inspections are held as well, but for a few seconds at most, since an upload waits for them; then they run and the report
/// counts them. What the server itself does meanwhile (taking in uploads, compressing) is not held back; the report says how
/// busy the processors were. Time for which a job is held counts as its own: its stages take longer, its deadline stays.
// `@unchecked`: but for the numbers, everything is only touched on `queue`.
final class MeasuringRoom: @unchecked Sendable {
    private let queue = DispatchQueue(label: "octavo.measuring")
    private let numbers = Atomic<Int>(0)
    private var rules: Stillness
    private var processes: [Stillness.Worker: WorkerProcess] = [:]
    private var heldSince: [Stillness.Worker: Double] = [:]

    init(_ limits: Stillness.Limits = .init()) { rules = Stillness(limits) }

    /// Runs `body`, which runs `process` and passes on what it says. Nothing here waits for the room.
    func share<R: Sendable>(
        with process: WorkerProcess, as role: Stillness.Role,
        _ body: @Sendable (_ heard: @escaping @Sendable (WorkEvent) -> Void) async -> R
    ) async -> R {
        let worker = numbers.add(1, ordering: .relaxed).newValue
        change { room in
            room.processes[worker] = process
            return room.rules.enters(worker, as: role, at: Clock.monotonic)
        }
        defer { leave(worker) }
        return await body { event in
            switch event {
            case .progress, .log, .measuredStatistics: break
            case .measuring: self.change { $0.rules.asks(worker, at: Clock.monotonic) }
            case .measured: self.change { $0.rules.isDone(worker, at: Clock.monotonic) }
            // Only its exit is left, for which it has little time.
            case .inspectedModel, .inspectedSamples, .lintedModel, .finished, .failed: self.leave(worker)
            }
        }
    }

    private func leave(_ worker: Stillness.Worker) {
        change { room in
            let actions = room.rules.leaves(worker, at: Clock.monotonic)
            room.perform(actions)
            room.processes[worker] = nil
            return []
        }
    }

    private func change(_ happen: @escaping @Sendable (MeasuringRoom) -> [Stillness.Action]) {
        queue.async { self.perform(happen(self)) }
    }

    private func perform(_ actions: [Stillness.Action]) {
        for action in actions {
            switch action {
            case .hold(let worker):
                processes[worker]?.hold()
                heldSince[worker] = Clock.monotonic
            case .release(let worker):
                if let since = heldSince.removeValue(forKey: worker) { note(worker, heldSince: since) }
                processes[worker]?.release()
            case .tell(let worker, let answer): processes[worker]?.tell(answer)
            case .set(let alarm, let seconds):
                queue.asyncAfter(deadline: .now() + seconds) {
                    self.perform(self.rules.rings(alarm, at: Clock.monotonic))
                }
            }
        }
    }

    /// The job's log explains the gap in its times.
    private func note(_ worker: Stillness.Worker, heldSince since: Double) {
        let seconds = Clock.monotonic - since
        processes[worker]?.log.append(line: "held still for \(Number.fixed(seconds, 3)) s while another job measured")
    }
}
