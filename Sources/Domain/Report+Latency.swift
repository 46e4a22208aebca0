extension Report {
    /// Single-inference latency of both models, measured in randomly interleaved rounds: each round times both, in random
    /// order, so that drift of the machine hits both alike.
    package struct Latency: Equatable, Sendable, Codable {
        /// Milliseconds per inference. A percentile is only there when the number of timings supports it (p50 from 11,
        /// p90 from 64, p95 from 130, p99 from 662: binomial, 99 % confidence).
        package struct Series: Equatable, Sendable, Codable {
            package var timings: Int
            /// Inferences in one timing; above 1 for models too short to be timed alone, and then the percentiles are
            /// those of means over so many runs.
            package var runsPerTiming: Int
            package var minMs: Double
            package var meanMs: Double
            package var p50Ms: Double?
            package var p90Ms: Double?
            package var p95Ms: Double?
            package var p99Ms: Double?

            package init(
                timings: Int, runsPerTiming: Int, minMs: Double, meanMs: Double, p50Ms: Double? = nil,
                p90Ms: Double? = nil, p95Ms: Double? = nil, p99Ms: Double? = nil
            ) {
                self.timings = timings
                self.runsPerTiming = runsPerTiming
                self.minMs = minMs
                self.meanMs = meanMs
                self.p50Ms = p50Ms
                self.p90Ms = p90Ms
                self.p95Ms = p95Ms
                self.p99Ms = p99Ms
            }
        }
        /// How often which latency was seen: bins of one width for both models. What lies beyond the last bin is counted apart.
        package struct Distribution: Equatable, Sendable, Codable {
            package var fromMs: Double
            package var binMs: Double
            package var fp32: [Int]
            package var int8: [Int]
            package var fp32Above: Int
            package var int8Above: Int

            package init(fromMs: Double, binMs: Double, fp32: [Int], int8: [Int], fp32Above: Int, int8Above: Int) {
                self.fromMs = fromMs
                self.binMs = binMs
                self.fp32 = fp32
                self.int8 = int8
                self.fp32Above = fp32Above
                self.int8Above = int8Above
            }
        }
        package enum Stability: String, Sendable, Codable {
            /// Medians of consecutive windows differ by at most 5 %.
            case stable
            /// By at most 15 %.
            case drifting
            case unstable
            /// Other workers of the server ran meanwhile, however alike the windows are.
            case disturbed
        }
        package var fp32: Series
        package var int8: Series
        package var distribution: Distribution?
        /// Median of FP32 over median of INT8.
        package var speedup: Double
        /// Percentile bootstrap over rounds.
        package var speedupInterval: Interval
        /// 2nd percentile of FP32 over that of INT8: what the fastest runs say, which other work on the machine disturbs least.
        /// Nil in what older versions stored.
        package var undisturbedSpeedup: Double?
        /// FP32 against itself: 95 % of random halvings of its timings give medians whose ratio is within 1 ± this.
        package var noiseFloor: Double
        package var stability: Stability
        /// Largest relative difference between medians of consecutive windows, for the less steady of the two models.
        package var drift: Double
        package var rounds: Int
        package var warmupRuns: Int
        package var threads: Int
        package var seconds: Double
        package var conditions: Conditions
        /// Likely causes of noise, as sentences.
        package var notes: [String]

        package init(
            fp32: Series, int8: Series, distribution: Distribution? = nil, speedup: Double, speedupInterval: Interval,
            undisturbedSpeedup: Double? = nil, noiseFloor: Double,
            stability: Stability, drift: Double, rounds: Int, warmupRuns: Int, threads: Int, seconds: Double,
            conditions: Conditions, notes: [String]
        ) {
            self.fp32 = fp32
            self.int8 = int8
            self.distribution = distribution
            self.speedup = speedup
            self.speedupInterval = speedupInterval
            self.undisturbedSpeedup = undisturbedSpeedup
            self.noiseFloor = noiseFloor
            self.stability = stability
            self.drift = drift
            self.rounds = rounds
            self.warmupRuns = warmupRuns
            self.threads = threads
            self.seconds = seconds
            self.conditions = conditions
            self.notes = notes
        }

        /// What else went on while the clock ran.
        package struct Conditions: Equatable, Sendable, Codable {
            package var cores: Int
            /// Share of processor time taken by the hypervisor, from /proc/stat.
            package var stealShare: Double?
            /// Share of processor time in use by everything, this measurement included.
            package var busyShare: Double?
            /// Share of processor time in use by anything but this process; nil in what older versions stored.
            package var otherShare: Double?
            package var loadBefore: Double?
            package var loadAfter: Double?
            /// Share of scheduling periods in which the cgroup's processor quota was used up.
            package var throttledShare: Double?
            /// What the server's other workers did, loading included; nil without a server. Of several measurements, the most,
            /// and their waits together.
            package var neighbours: Neighbours?

            package init(
                cores: Int, stealShare: Double? = nil, busyShare: Double? = nil, otherShare: Double? = nil,
                loadBefore: Double? = nil, loadAfter: Double? = nil, throttledShare: Double? = nil,
                neighbours: Neighbours? = nil
            ) {
                self.cores = cores
                self.stealShare = stealShare
                self.busyShare = busyShare
                self.otherShare = otherShare
                self.loadBefore = loadBefore
                self.loadAfter = loadAfter
                self.throttledShare = throttledShare
                self.neighbours = neighbours
            }
        }
    }
}

extension Report.Latency {
    /// Where the speed-up lies as far as the clock can tell: the interval of the medians' ratio, widened to what the fastest
    /// runs say. Other work on the machine can double one model's median and not the other's, and then every interval of
    /// medians is sure of what is not so: FP32 against itself came out as 0.74 and as 1.17, beside a loop on one of two cores.
    package var credibleSpeedup: Report.Interval {
        Report.Interval(
            low: min(speedupInterval.low, fastestSpeedup), high: max(speedupInterval.high, fastestSpeedup))
    }

    /// What the fastest runs say, or the medians where an older version did not ask them.
    package var fastestSpeedup: Double { undisturbedSpeedup ?? speedup }
}
