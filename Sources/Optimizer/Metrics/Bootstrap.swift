import Domain

/// Intervals by resampling the rounds of a latency measurement. Sorted ranks are counted instead of sorting each resample,
/// which keeps a thousand resamples of a thousand rounds within milliseconds.
struct Bootstrap {
    private let numerator: Ranked
    private let denominator: Ranked
    private var random: SplitMix64

    /// Two series of equal length, measured in pairs.
    init(_ numerator: [Double], _ denominator: [Double], seed: UInt64) {
        precondition(numerator.count == denominator.count && !numerator.isEmpty, "a bootstrap resamples pairs")
        self.numerator = Ranked(numerator)
        self.denominator = Ranked(denominator)
        random = SplitMix64(seed: seed)
    }

    /// Percentile bootstrap (Efron 1979) of the ratio of medians: whole rounds are drawn with replacement.
    mutating func ratioOfMedians(resamples: Int = 1000) -> Report.Interval {
        let rounds = numerator.ranks.count
        var ratios: [Double] = []
        for _ in 0..<resamples {
            var counts = ([Int](repeating: 0, count: rounds), [Int](repeating: 0, count: rounds))
            for _ in 0..<rounds {
                let round = random.below(rounds)
                counts.0[numerator.ranks[round]] += 1
                counts.1[denominator.ranks[round]] += 1
            }
            ratios.append(numerator.median(counts.0) / denominator.median(counts.1))
        }
        ratios.sort()
        return Report.Interval(
            low: Statistics.quantile(0.025, ofSorted: ratios), high: Statistics.quantile(0.975, ofSorted: ratios))
    }

    /// The relative difference that 95 % of random halvings of one series stay within: what "no difference" looks like.
    static func noiseFloor(_ values: [Double], seed: UInt64, halvings: Int = 200) -> Double {
        guard values.count >= 2 else { return 0 }
        var random = SplitMix64(seed: seed)
        var order = values
        var spread: [Double] = []
        for _ in 0..<halvings {
            random.shuffle(&order)
            let half = order.count / 2
            let (a, b) = (Statistics.median(order[..<half]), Statistics.median(order[half...]))
            spread.append(max(a, b) / min(a, b) - 1)
        }
        return Statistics.quantile(0.95, ofSorted: spread.sorted())
    }

    private struct Ranked {
        let sorted: [Double]
        /// Position of each value in `sorted`.
        let ranks: [Int]

        init(_ values: [Double]) {
            let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
            sorted = order.map { values[$0] }
            var ranks = [Int](repeating: 0, count: values.count)
            for (rank, index) in order.enumerated() { ranks[index] = rank }
            self.ranks = ranks
        }

        /// The median when value `sorted[i]` occurs `counts[i]` times.
        func median(_ counts: [Int]) -> Double {
            let (lower, upper) = ((sorted.count - 1) / 2, sorted.count / 2)
            var seen = 0
            var low: Double?
            for (rank, count) in counts.enumerated() {
                seen += count
                if low == nil, seen > lower { low = sorted[rank] }
                if let low, seen > upper { return (low + sorted[rank]) / 2 }
            }
            return low ?? 0
        }
    }
}
