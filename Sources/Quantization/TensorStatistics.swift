/// What calibration keeps of one tensor: exact extremes and a histogram whose bins are powers of two wide.
///
/// The histogram spans `[-2^exponent, 2^exponent)` in `2 * half` equal bins. When a larger value comes, the exponent
/// grows and neighbouring bins merge in pairs; since bins nest around zero, the result depends only on the values, never
/// on their order or on how they were shared out among threads.
package struct TensorStatistics: Equatable, Sendable {
    /// Bins on each side of zero.
    package static let half = 4096

    package var minimum: Float = .infinity
    package var maximum: Float = -.infinity
    /// Mean of the samples' minima and mean of their maxima, each over the samples with a finite value; of several tensors the
    /// widest. Nil before the first.
    package var meanExtremes: ValueRange?
    /// NaN and infinite values seen; they are in no bin.
    package var nonFinite: UInt64 = 0
    package var exponent: Int = 0
    /// `2 * half` counts, or empty before the first value.
    package var bins: [UInt64] = []

    package init() {}

    package init(
        minimum: Float, maximum: Float, meanExtremes: ValueRange? = nil, nonFinite: UInt64, exponent: Int,
        bins: [UInt64]
    ) {
        self.minimum = minimum
        self.maximum = maximum
        self.meanExtremes = meanExtremes
        self.nonFinite = nonFinite
        self.exponent = exponent
        self.bins = bins
    }

    package var isEmpty: Bool { !(minimum <= maximum) }
    package var range: ValueRange { isEmpty ? ValueRange(low: 0, high: 0) : ValueRange(low: minimum, high: maximum) }

    /// Width of a bin in real units.
    package var binWidth: Double { Double(sign: .plus, exponent: exponent - 12, significand: 1) }

    /// Adds what was seen of another tensor. Commutative and associative, bit for bit.
    package mutating func merge(_ other: TensorStatistics) {
        nonFinite += other.nonFinite
        guard !other.isEmpty else { return }
        guard !isEmpty else {
            let seen = nonFinite
            self = other
            nonFinite = seen
            return
        }
        minimum = min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
        if let seen = other.meanExtremes {
            meanExtremes = ValueRange(
                low: min(meanExtremes?.low ?? seen.low, seen.low), high: max(meanExtremes?.high ?? seen.high, seen.high)
            )
        }
        let common = max(exponent, other.exponent)
        let wide = other.bins(at: common)
        bins = bins(at: common)
        exponent = common
        for i in bins.indices { bins[i] += wide[i] }
    }

    /// The same values, so many times each.
    func repeated(_ times: UInt64) -> TensorStatistics {
        var more = self
        for i in more.bins.indices { more.bins[i] *= times }
        return more
    }

    /// The counts at a coarser resolution.
    private func bins(at target: Int) -> [UInt64] {
        var current = bins
        for _ in exponent..<target {
            var merged = [UInt64](repeating: 0, count: current.count)
            let quarter = Self.half / 2
            for i in 0..<Self.half { merged[quarter + i] = current[2 * i] + current[2 * i + 1] }
            current = merged
            if current.allSatisfy({ $0 == 0 }) { break }
        }
        return current
    }

    /// Non-empty bins as (centre, count), in rising order; at most `limit` of them, neighbours joined when there are more.
    package func points(limit: Int = 2048) -> [Point] {
        guard !isEmpty else { return [] }
        let occupied = bins.indices.filter { bins[$0] > 0 }
        guard let first = occupied.first, let last = occupied.last else { return [] }
        var stride = 1
        while (last - first) / stride + 1 > limit { stride *= 2 }
        var points: [Point] = []
        var i = first - first % stride
        while i <= last {
            let count = bins[i..<min(i + stride, bins.count)].reduce(0, +)
            if count > 0 {
                let centre = (Double(i - Self.half) + Double(stride) / 2) * binWidth
                let value = min(max(centre, Double(minimum)), Double(maximum))
                points.append(Point(value: value, count: Double(count), width: Double(stride) * binWidth))
            }
            i += stride
        }
        return points
    }

    /// A value and how often it, or one within half of `width` of it, occurred.
    package struct Point: Equatable, Sendable {
        package var value: Double
        package var count: Double
        package var width: Double
    }

    /// Mean of the squared values about their mean, from the histogram.
    package var variance: Double {
        let points = points()
        let total = points.reduce(0) { $0 + $1.count }
        guard total > 0 else { return 0 }
        let mean = points.reduce(0) { $0 + $1.value * $1.count } / total
        return points.reduce(0) { $0 + ($1.value - mean) * ($1.value - mean) * $1.count } / total
    }
}
