import Foundation

extension TensorStatistics {
    /// The range that keeps most of the distribution's information: the threshold on the magnitudes for which the histogram,
    /// with all that lies beyond counted at the threshold, is closest to itself in 8 bits by Kullback-Leibler divergence
    /// (Migacz 2017, "8-bit Inference with TensorRT", GTC). The magnitudes have 2048 to 4096 bins; a one-sided tensor has
    /// 256 levels for them, a two-sided one 128.
    func entropy() -> RangeChoice {
        let magnitudes = self.magnitudes
        let levels = minimum >= 0 || maximum <= 0 ? 256 : 128
        guard magnitudes.count > levels else {
            return RangeChoice(range: range, reason: "extremes: too few distinct values for entropy")
        }
        let step = max(1, magnitudes.count / 256)
        var best = (count: magnitudes.count, divergence: Double.infinity)
        for count in Swift.stride(from: magnitudes.count, through: levels, by: -step) {
            let divergence = Self.divergence(magnitudes, keeping: count, levels: levels)
            if divergence < best.divergence { best = (count, divergence) }
        }
        let threshold = Float(Double(best.count) * binWidth)
        let kept = ValueRange(low: max(minimum, -threshold), high: min(maximum, threshold))
        return RangeChoice(
            range: kept, reason: kept == range ? "extremes, already the least divergence" : "least divergence")
    }

    /// Counts by magnitude, up to the largest. Exact zeros are left out of the first bin: every grid holds them.
    private var magnitudes: [Double] {
        guard !isEmpty else { return [] }
        let largest = Double(max(abs(minimum), abs(maximum)))
        let count = min(Self.half, max(1, Int((largest / binWidth).rounded(.up))))
        return (0..<count).map { k in
            k == 0 ? Double(bins[Self.half - 1]) : Double(bins[Self.half + k] + bins[Self.half - 1 - k])
        }
    }

    /// What Q holds at least where P holds anything: without it a single value beyond a threshold would rule that out.
    private static let smoothing = 1e-4

    /// KL(P || Q) where P is the first `count` bins with the rest added to the last, and Q the first `count` bins merged into
    /// `levels` and spread over those of their bins that hold anything in P.
    private static func divergence(_ bins: [Double], keeping count: Int, levels: Int) -> Double {
        var p = Array(bins[..<count])
        p[count - 1] += bins[count...].reduce(0, +)
        let total = p.reduce(0, +)
        let kept = bins[..<count].reduce(0, +)
        guard total > 0, kept > 0 else { return .infinity }
        var divergence = 0.0
        for level in 0..<levels {
            let places = (level * count / levels)..<((level + 1) * count / levels)
            let occupied = places.count { p[$0] > 0 }
            let mean = occupied > 0 ? places.reduce(0) { $0 + bins[$1] } / Double(occupied) / kept : 0
            for place in places where p[place] > 0 {
                divergence += p[place] / total * log(p[place] / total / max(mean, smoothing))
            }
        }
        return divergence
    }
}
