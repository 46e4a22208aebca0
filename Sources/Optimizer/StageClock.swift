import Domain
import Synchronization

/// Knows which stage runs, how long each took and how much memory it peaked at, and tells progress as it goes.
final class StageClock: Sendable {
    private struct State {
        var current: Stage?
        var times: [Report.StageTime] = []
        var phases: [Report.Memory.Phase] = []
        var peak: Int64?
        var told = -1.0
        var toldStage: Stage?
    }
    private let state = Mutex(State())
    private let tell: @Sendable (WorkEvent) -> Void

    init(_ tell: @escaping @Sendable (WorkEvent) -> Void) { self.tell = tell }

    var current: Stage? { state.withLock { $0.current } }
    var times: [Report.StageTime] { state.withLock { $0.times } }
    var phases: [Report.Memory.Phase] { state.withLock { $0.phases } }

    /// Largest resident size of the process so far, in bytes. The kernel's own mark can be set back (`InferenceMemory`), so
    /// it is noted before that.
    @discardableResult
    func peak() -> Int64? {
        let now = HostEnvironment.peakResidentBytes()
        return state.withLock { state in
            state.peak = [state.peak, now].compactMap { $0 }.max()
            return state.peak
        }
    }

    /// Runs `body` as `stage`. A stage may be entered again: times add up.
    func time<T>(_ stage: Stage, _ body: () throws -> T) throws -> T {
        state.withLock { $0.current = stage }
        progress(0)
        let start = ContinuousClock.now
        let result = try body()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let peak = peak()
        state.withLock { state in
            if let i = state.times.firstIndex(where: { $0.stage == stage }) {
                state.times[i].seconds += seconds
            } else {
                state.times.append(Report.StageTime(stage: stage, seconds: seconds))
            }
            if let peak {
                state.phases.removeAll { $0.stage == stage }
                state.phases.append(Report.Memory.Phase(stage: stage, peakRssBytes: peak))
            }
        }
        return result
    }

    func log(_ line: String) { tell(.log(line)) }
    func announce(_ statistics: StatisticsFiles) { tell(.measuredStatistics(statistics)) }

    /// Share done of the current stage, 0...1. Steps below half a percent of the job are not told, unless the stage is new.
    func progress(_ share: Double) {
        let event: WorkEvent? = state.withLock { state in
            guard let stage = state.current, let span = Self.spans[stage] else { return nil }
            let whole = span.lowerBound + (span.upperBound - span.lowerBound) * min(max(share, 0), 1)
            guard stage != state.toldStage || whole >= state.told + 0.005 else { return nil }
            state.told = max(whole, state.told)
            state.toldStage = stage
            return .progress(stage: stage, fraction: state.told)
        }
        if let event { tell(event) }
    }

    /// Share of the whole job that each stage takes on the usual model.
    private static let spans: [Stage: ClosedRange<Double>] = [
        .load: 0...0.02, .prepare: 0.02...0.1, .calibrate: 0.1...0.4, .quantize: 0.4...0.6, .verify: 0.6...0.8,
        .measure: 0.8...0.98, .publish: 0.98...1,
    ]
}
