package import Domain
import Glibc

/// The statistics used in reports. Each says where its formula is from.
package enum Statistics {
    /// The 97.5 % point of the normal distribution, for two-sided 95 % intervals.
    static let z = 1.959963984540054

    /// Wilson's 95 % score interval of a share (Wilson 1927). `total` of 0 gives 0...1.
    package static func wilson(_ successes: Int, of total: Int) -> Report.Interval {
        guard total > 0 else { return Report.Interval(low: 0, high: 1) }
        return wilson(share: Double(successes) / Double(total), of: Double(total))
    }

    private static func wilson(share p: Double, of n: Double) -> Report.Interval {
        let middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        return Report.Interval(
            low: p == 0 ? 0 : max(0, middle - half), high: p == 1 ? 1 : min(1, middle + half))
    }

    /// 95 % interval of a share counted over many places of each sample, which are no independent draws: Wilson's for as many
    /// draws as would vary as much as the samples do, at most one for each place and, where they do not vary, one for each
    /// sample (Korn and Graubard 1998, with the ratio estimator's variance).
    static func clusteredShare(_ samples: [(successes: Int, total: Int)]) -> Report.Interval {
        let total = Double(samples.reduce(0) { $0 + $1.total })
        guard total > 0 else { return Report.Interval(low: 0, high: 1) }
        let n = Double(samples.count)
        let p = Double(samples.reduce(0) { $0 + $1.successes }) / total
        let squares = samples.reduce(0.0) { sum, sample in
            let residual = Double(sample.successes) - p * Double(sample.total)
            return sum + residual * residual
        }
        let variance = n > 1 ? n / (n - 1) * squares / (total * total) : 0
        return wilson(share: p, of: variance > 0 ? min(total, p * (1 - p) / variance) : n)
    }

    /// 95 % interval of the difference (gained - lost) / total of two shares measured on the same samples: Wald's interval
    /// after half a count is added to each cell of the 2x2 table (Agresti and Min 2005, "Wald+2").
    package static func pairedDifference(lost: Int, gained: Int, total: Int) -> Report.Interval {
        let n = Double(total) + 2
        let (b, c) = (Double(lost) + 0.5, Double(gained) + 0.5)
        let difference = (c - b) / n
        let half = z * ((b + c) - (c - b) * (c - b) / n).squareRoot() / n
        return Report.Interval(low: max(-1, difference - half), high: min(1, difference + half))
    }

    /// Two-sided exact McNemar test: under no difference the flips fall either way like a fair coin (McNemar 1947, exact
    /// binomial form). 1 without flips.
    package static func mcnemar(lost: Int, gained: Int) -> Double {
        let flips = lost + gained
        let fewer = min(lost, gained)
        guard flips > 0, lost != gained else { return 1 }
        let all = lgamma(Double(flips) + 1) - Double(flips) * 0.6931471805599453
        let tail = (0...fewer).reduce(0.0) { sum, k in
            sum + exp(all - lgamma(Double(k) + 1) - lgamma(Double(flips - k) + 1))
        }
        return min(1, 2 * tail)
    }

    /// Nearest-rank quantile of values in ascending order; 0 without values.
    package static func quantile(_ share: Double, ofSorted values: [Double]) -> Double {
        guard let last = values.indices.last else { return 0 }
        let rank = Int((share * Double(values.count)).rounded(.up)) - 1
        return values[min(last, max(0, rank))]
    }

    /// Mean of the middle two for an even count; 0 without values.
    package static func median(_ values: some Collection<Double>) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, seedable, the same on every machine and compiler.
package struct SplitMix64: Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    /// A number in 0..<bound. The bias of the multiplication is below 2^-32 for the counts used here.
    package mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(max(1, bound))).high)
    }

    package mutating func shuffle<T>(_ values: inout [T]) {
        for i in stride(from: values.count - 1, to: 0, by: -1) { values.swapAt(i, below(i + 1)) }
    }
}
