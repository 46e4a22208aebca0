package import Domain

/// Times two models against each other on a machine that others use too.
///
/// A measurement is a series of rounds. A round times both models in random order, so drift and neighbours hit both
/// alike and the ratio stays honest even when the absolute times do not. Before each timing the model runs once unclocked,
/// so that its weights are back in the caches that the other one used: the numbers are those of a process that serves one
/// model. Models too short for the clock are run several times per timing.
package struct LatencyMeter {
    package struct Settings: Sendable {
        /// Seconds to spend on rounds. Up to four times as much when that is what `leastTimings` takes.
        package var budget = 3.0
        package var leastTimings = 64
        package var mostTimings = 2000
        /// A timing lasts at least this long, in seconds.
        package var shortestTiming = 200e-6
        package var seed: UInt64 = 1
        /// Where a decision asks only which model is faster: the ratio beyond which fewer than `leastTimings` will do.
        package var clearRatio: Double?
        /// Engine threads of both models, for the report.
        package var threads = 1

        package init() {}
    }

    /// Rounds below which nothing is said, whatever the budget.
    static let fewestRounds = 5
    /// Numbers of rounds after which a decision may be clear: few, as each look is a chance to be wrong.
    private static let looks: Set<Int> = [8, 16, 32]

    private let settings: Settings
    private let clock: () -> Int64
    private let counters: () -> HostCounters

    /// `clock` counts nanoseconds and never goes back; `counters` reads what else the machine does.
    package init(
        settings: Settings = Settings(), clock: @escaping () -> Int64 = LatencyMeter.monotonic,
        counters: @escaping () -> HostCounters = { HostCounters.read() }
    ) {
        self.settings = settings
        self.clock = clock
        self.counters = counters
    }

    /// Each closure runs its model once, on the same input every time and with nothing but the run in it. Rethrows what
    /// they throw.
    package func measure(fp32: () throws -> Void, int8: () throws -> Void) throws -> Report.Latency {
        let before = counters()
        let start = clock()
        let warmup = try warmUp(fp32, int8)
        let plan = rounds(warmup.fp32, warmup.int8)
        var random = SplitMix64(seed: settings.seed)
        var times = Times()
        let roundsStart = clock()
        while times.fp32.count < plan.rounds {
            // The plan came from the warm-up; a machine that got slower since must not stretch it without end.
            let spent = seconds(since: roundsStart) / settings.budget
            if spent > 1.5, times.fp32.count >= settings.leastTimings { break }
            if spent > 4, times.fp32.count >= Self.fewestRounds { break }
            if spent > 0.5, Self.looks.contains(times.fp32.count), times.isClear(beyond: settings.clearRatio) { break }
            if random.next() & 1 == 0 {
                times.fp32.append(try time(fp32, plan.runs))
                times.int8.append(try time(int8, plan.runs))
            } else {
                times.int8.append(try time(int8, plan.runs))
                times.fp32.append(try time(fp32, plan.runs))
            }
        }
        let conditions = counters().conditions(since: before)
        return times.report(
            settings: settings, runs: plan.runs, warmupRuns: warmup.runs, seconds: seconds(since: start),
            conditions: conditions)
    }

    /// Milliseconds per run.
    private func time(_ run: () throws -> Void, _ runs: Int, leadIn: Bool = true) throws -> Double {
        if leadIn { try run() }
        let start = clock()
        for _ in 0..<runs { try run() }
        // A clock too coarse to see the run must not make a ratio of 0.
        return Double(max(1, clock() - start)) / 1e6 / Double(runs)
    }

    private struct Warmup {
        var runs = 0
        /// Seconds of one run, from the last few.
        var fp32 = 0.0
        var int8 = 0.0
    }

    /// Runs both in turn until the medians of the last five runs and of the five before agree within 3 % for both, for at
    /// least 5 % and at most 25 % of the budget.
    private func warmUp(_ fp32: () throws -> Void, _ int8: () throws -> Void) throws -> Warmup {
        let start = clock()
        var times = Times()
        func recent(_ values: [Double]) -> Double { Statistics.median(values.suffix(5)) }
        func settled(_ values: [Double]) -> Bool {
            values.count >= 10 && abs(recent(values) / recent(values.dropLast(5)) - 1) < 0.03
        }
        while true {
            times.fp32.append(try time(fp32, 1, leadIn: false) / 1e3)
            times.int8.append(try time(int8, 1, leadIn: false) / 1e3)
            let elapsed = seconds(since: start) / settings.budget
            let enough = times.fp32.count >= 3 || elapsed > 1
            if enough, elapsed > 0.25 || elapsed > 0.05 && settled(times.fp32) && settled(times.int8) { break }
        }
        return Warmup(runs: times.fp32.count, fp32: recent(times.fp32), int8: recent(times.int8))
    }

    /// How many rounds fit, and how many runs make a timing long enough for the clock.
    private func rounds(_ fp32: Double, _ int8: Double) -> (rounds: Int, runs: Int) {
        let runs = Int(min(10_000, max(1, (settings.shortestTiming / min(fp32, int8)).rounded(.up))))
        let round = (fp32 + int8) * Double(runs + 1)
        let affordable = settings.budget / round
        let least = min(Double(settings.leastTimings), 4 * affordable)
        let wanted = min(Double(settings.mostTimings), max(affordable, least))
        return (max(Self.fewestRounds, Int(wanted)), runs)
    }

    private func seconds(since start: Int64) -> Double { Double(clock() - start) / 1e9 }
}

/// Milliseconds per run, round by round.
private struct Times {
    var fp32: [Double] = []
    var int8: [Double] = []

    func report(
        settings: LatencyMeter.Settings, runs: Int, warmupRuns: Int, seconds: Double,
        conditions: Report.Latency.Conditions
    ) -> Report.Latency {
        var bootstrap = Bootstrap(fp32, int8, seed: settings.seed)
        let drift = max(Self.drift(fp32), Self.drift(int8))
        return Report.Latency(
            fp32: Self.series(fp32, runs), int8: Self.series(int8, runs), distribution: distribution,
            speedup: Statistics.median(fp32) / Statistics.median(int8), speedupInterval: bootstrap.ratioOfMedians(),
            undisturbedSpeedup: Self.fastest(fp32) / Self.fastest(int8),
            noiseFloor: Bootstrap.noiseFloor(fp32, seed: settings.seed),
            stability: drift <= 0.05 ? .stable : drift <= 0.15 ? .drifting : .unstable, drift: drift,
            rounds: fp32.count, warmupRuns: warmupRuns, threads: settings.threads, seconds: seconds,
            conditions: conditions, notes: conditions.notes())
    }

    /// Whether medians and fastest runs both have one model faster by more than `ratio`, outside the noise.
    func isClear(beyond ratio: Double?) -> Bool {
        guard let ratio else { return false }
        var bootstrap = Bootstrap(fp32, int8, seed: 1)
        let (medians, fastest) = (bootstrap.ratioOfMedians(), Self.fastest(fp32) / Self.fastest(int8))
        return min(medians.low, fastest) > ratio || max(medians.high, fastest) < 1 / ratio
    }

    /// Percentiles only from as many timings as bound them at 99 % confidence with one exceedance (binomial).
    private static func series(_ values: [Double], _ runs: Int) -> Report.Latency.Series {
        let sorted = values.sorted()
        func quantile(_ share: Double, from least: Int) -> Double? {
            sorted.count >= least ? Statistics.quantile(share, ofSorted: sorted) : nil
        }
        return Report.Latency.Series(
            timings: sorted.count, runsPerTiming: runs, minMs: sorted[0],
            meanMs: sorted.reduce(0, +) / Double(sorted.count),
            p50Ms: sorted.count >= 11 ? Statistics.median(sorted) : nil, p90Ms: quantile(0.90, from: 64),
            p95Ms: quantile(0.95, from: 130), p99Ms: quantile(0.99, from: 662))
    }

    private static func fastest(_ values: [Double]) -> Double { Statistics.quantile(0.02, ofSorted: values.sorted()) }

    private static let bins = 48

    /// From the least latency to the slower model's 99th percentile, so that a few outliers do not squeeze the rest.
    private var distribution: Report.Latency.Distribution? {
        let ends = [fp32.sorted(), int8.sorted()].map { (low: $0[0], high: Statistics.quantile(0.99, ofSorted: $0)) }
        let low = min(ends[0].low, ends[1].low)
        let width = (max(ends[0].high, ends[1].high) - low) / Double(Self.bins)
        guard width > 0 else { return nil }
        func count(_ values: [Double]) -> (bins: [Int], above: Int) {
            var bins = [Int](repeating: 0, count: Self.bins)
            var above = 0
            for value in values {
                let bin = Int(min((value - low) / width, Double(Self.bins) + 1))
                // The last bin holds its upper end too.
                if value <= low + width * Double(Self.bins) { bins[min(bin, Self.bins - 1)] += 1 } else { above += 1 }
            }
            return (bins, above)
        }
        let (a, b) = (count(fp32), count(int8))
        return .init(
            fromMs: low, binMs: width, fp32: a.bins, int8: b.bins, fp32Above: a.above, int8Above: b.above)
    }

    /// Spread of the medians of up to five consecutive windows, relative to the median of all.
    private static func drift(_ values: [Double]) -> Double {
        let windows = min(5, max(2, values.count / 8))
        let medians = (0..<windows).map { window in
            Statistics.median(values[(values.count * window / windows)..<(values.count * (window + 1) / windows)])
        }
        guard let low = medians.min(), let high = medians.max() else { return 0 }
        return (high - low) / Statistics.median(values)
    }
}
