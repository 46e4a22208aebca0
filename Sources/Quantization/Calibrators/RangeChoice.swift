import Foundation

/// How the range of a tensor is chosen from its statistics.
package enum RangeRule: Equatable, Sendable {
    /// The extremes seen: nothing is clipped.
    case minMax
    /// The mean over the samples of each one's minimum, and of each one's maximum.
    case meanMinMax
    /// The central `percent` of all values, in percent, split evenly between both tails.
    case percentile(Double)
    /// The range with the least mean squared error of the tensor itself.
    case leastError
    /// The range with the least loss of information.
    case entropy
    /// Min-max where it is already precise, least error elsewhere.
    case auto
}

/// A function the tensor goes through next; error is judged behind it.
package enum FollowingActivation: String, Equatable, Sendable {
    case none, silu, hardSwish = "hard-swish", gelu

    func callAsFunction(_ x: Double) -> Double {
        switch self {
        case .none: x
        case .silu: x / (1 + exp(-x))
        case .hardSwish: x * min(max(x / 6 + 0.5, 0), 1)
        case .gelu: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
        }
    }
}

/// A range and the words that explain it in the plan.
package struct RangeChoice: Equatable, Sendable {
    package var range: ValueRange
    package var reason: String
}

extension TensorStatistics {
    /// A min-max grid with at least this signal-to-noise ratio is left alone: a search gains nothing (measured on
    /// classifiers and detectors; 35 dB gives the same artifacts).
    private static let preciseEnough = 38.0

    /// The range for an unsigned 8-bit grid over this tensor.
    package func choose(_ rule: RangeRule, before activation: FollowingActivation = .none) -> RangeChoice {
        switch rule {
        case .minMax:
            return RangeChoice(range: range, reason: "extremes of the calibration samples")
        case .meanMinMax:
            return RangeChoice(range: meanExtremes ?? range, reason: "means of the extremes of each calibration sample")
        case .percentile(let percent):
            return RangeChoice(range: percentile(percent), reason: "central \(percent) % of the values")
        case .leastError:
            return leastError(behind: activation)
        case .entropy:
            return entropy()
        case .auto:
            if activation != .none { return leastError(behind: activation) }
            let sqnr = minMaxSQNR
            if sqnr >= Self.preciseEnough {
                return RangeChoice(range: range, reason: "extremes, \(decibels(sqnr)) as they are")
            }
            return leastError(behind: .none)
        }
    }

    /// Signal-to-noise ratio of the min-max grid in dB: variance over step²/12 (uniform rounding noise).
    package var minMaxSQNR: Double {
        let step = Double(Affine.unsigned(range).scale)
        let variance = variance
        guard variance > 0 else { return .infinity }
        return 10 * log10(variance / (step * step / 12))
    }

    private func percentile(_ percent: Double) -> ValueRange {
        let points = points(limit: bins.count)
        let total = points.reduce(0) { $0 + $1.count }
        let tail = total * (100 - percent) / 200
        var seen = 0.0
        let low =
            points.first {
                seen += $0.count; return seen > tail
            }?.value ?? 0
        seen = 0
        let high =
            points.last.map { _ in
                points.reversed().first {
                    seen += $0.count; return seen > tail
                }?.value ?? 0
            } ?? 0
        return ValueRange(low: max(minimum, Float(low - binWidth / 2)), high: min(maximum, Float(high + binWidth / 2)))
    }

    /// Coordinate descent over fractions of both ends. Two ends that touch zero have nothing to search.
    private func leastError(behind activation: FollowingActivation) -> RangeChoice {
        let points = points(limit: 1024)
        let targets = points.map { activation($0.value) }
        func error(_ range: ValueRange) -> Double {
            let grid = Affine.unsigned(range)
            let (low, high, step) = (Double(grid.range.low), Double(grid.range.high), Double(grid.scale))
            var sum = 0.0
            for (point, target) in zip(points, targets) {
                let error: Double
                if 4 * point.width > step, point.value >= low, point.value <= high {
                    // The bin is too wide to know where on the grid its values lie: uniform rounding noise of the step,
                    // as it comes through the activation. The bins at zero hold what is exact.
                    let spread = activation(point.value + step / 2) - activation(point.value - step / 2)
                    error = abs(point.value) <= point.width ? 0 : spread * spread / 12
                } else {
                    let difference = activation(grid.roundTrip(point.value)) - target
                    error = difference * difference
                }
                sum += error * point.count
            }
            return sum
        }
        var best = range
        var least = error(best)
        for _ in 0..<3 {
            let before = best
            for low in Self.cuts(range.low, floor: activation == .none ? 0 : Self.activationFloor) {
                let candidate = ValueRange(low: low, high: best.high)
                let e = error(candidate)
                if e < least { (best, least) = (candidate, e) }
            }
            for high in Self.cuts(range.high, floor: 0) {
                let candidate = ValueRange(low: best.low, high: high)
                let e = error(candidate)
                if e < least { (best, least) = (candidate, e) }
            }
            if best == before { break }
        }
        let whole = best == range
        let place = activation == .none ? "" : " behind \(activation.rawValue)"
        return RangeChoice(
            range: best, reason: (whole ? "extremes, already the least error" : "least squared error") + place)
    }

    /// SiLU and its like are flat below about -8, so what lies there may be clipped; clipping nearer hurt in measurement.
    private static let activationFloor: Float = 8

    /// Candidate ends: fractions of `end` down to 10 %, none nearer to zero than `floor`.
    private static func cuts(_ end: Float, floor: Float) -> [Float] {
        guard end != 0 else { return [] }
        let smallest = min(abs(end), max(floor, abs(end) * 0.1))
        return stride(from: 0, through: 36, by: 1).map { step in
            let size = abs(end) * (1 - 0.025 * Float(step))
            return end < 0 ? -max(size, smallest) : max(size, smallest)
        }
    }

    private func decibels(_ value: Double) -> String { value.isFinite ? "\(Int(value.rounded())) dB" : "exact" }
}
