import Domain
import Pages
import Quantization

/// One worker thread's statistics, with the ranges they had at each checkpoint. Positions are given out in rising order, so
/// what a thread has seen before it starts a position is what it has of all positions below.
final class RangeWatch: @unchecked Sendable {
    // Used by the one thread that its bank belongs to, and read when all are done.
    let bank: StatisticsBank
    private let checkpoints: [Int]
    private var kept: [[ValueRange?]] = []

    init(_ bank: StatisticsBank, checkpoints: [Int]) {
        self.bank = bank
        self.checkpoints = checkpoints
    }

    /// To be called before the sample at `position` is run.
    func starts(_ position: Int) {
        while kept.count < checkpoints.count, checkpoints[kept.count] <= position { kept.append(ranges) }
    }

    /// The ranges at each checkpoint; the thread is done.
    var course: [[ValueRange?]] {
        kept + [[ValueRange?]](repeating: ranges, count: checkpoints.count - kept.count)
    }

    private var ranges: [ValueRange?] { (0..<bank.count).map { bank.range($0) } }
}

/// How the ranges of many tensors grew with the number of samples.
struct RangeCourse {
    /// Counts of samples, rising; the last one is all of them.
    let checkpoints: [Int]
    /// By checkpoint and tensor.
    private let widths: [[Double]]

    init(checkpoints: [Int], _ watches: [RangeWatch]) {
        self.checkpoints = checkpoints
        let courses = watches.map(\.course)
        widths = checkpoints.indices.map { place in
            let ranges = courses.map { $0[place] }
            return (0..<(ranges.first?.count ?? 0)).map { tensor in
                let seen = ranges.compactMap { $0[tensor] }
                guard let low = seen.map(\.low).min(), let high = seen.map(\.high).max() else { return 0 }
                return Double(high) - Double(low)
            }
        }
    }

    private static let moved = 0.05

    /// Nil when no tensor has a range.
    var report: Report.CalibrationHealth.Convergence? {
        guard let final = widths.last, let all = checkpoints.last else { return nil }
        let tensors = final.indices.filter { final[$0] > 0 && final[$0].isFinite }
        guard !tensors.isEmpty else { return nil }
        func shares(_ place: Int) -> [Double] { tensors.map { widths[place][$0] / final[$0] } }
        let points = checkpoints.indices.map { place in
            let shares = shares(place)
            return Report.CalibrationHealth.Convergence.Point(
                samples: checkpoints[place], mean: shares.reduce(0, +) / Double(shares.count), least: shares.min() ?? 0)
        }
        guard let half = checkpoints.lastIndex(where: { $0 * 2 <= all }) else {
            return .init(tensors: tensors.count, points: points, moving: 0, expectedGrowth: nil)
        }
        let growth = (1 - points[half].mean) / Double(all - checkpoints[half])
        return .init(
            tensors: tensors.count, points: points, moving: shares(half).count { 1 - $0 > Self.moved },
            expectedGrowth: growth)
    }
}

extension Report.CalibrationHealth.Convergence {
    /// A warning where one more sample would still move scales.
    var finding: Finding? {
        guard let expectedGrowth, expectedGrowth > 0.005, let last = points.last, last.samples >= 8 else { return nil }
        return Finding(
            .warning, code: "ranges-unsettled",
            detail:
                "Ranges were still growing when the calibration samples ended: \(moving) of \(tensors) tensors by more "
                + "than 5 % over the second half, and one more sample can be expected to widen a range by "
                + "\(Number.percent(expectedGrowth)). Give more samples.")
    }

    var words: String {
        let course = points.map { "\($0.samples): \(Number.percent($0.mean, 0))" }.joined(separator: ", ")
        return "share of the final range after so many samples, mean over \(Number.count(tensors, "tensor")): \(course)"
            + (expectedGrowth.map { "; one more sample would widen a range by \(Number.percent($0, 2))" } ?? "")
    }
}

extension Report.CalibrationHealth.Distance {
    var words: String {
        let parts = [
            meanShift.map { "means differ by \(Number.fixed($0, 2)) deviations" },
            spreadRatio.map { "values spread \(Number.fixed($0, 2)) times as widely" },
            "\(Number.percent(beyond, 0)) beyond the calibrated range",
        ]
        return "evaluation samples against these: " + parts.compactMap { $0 }.joined(separator: ", ")
    }
}

extension Report.CalibrationHealth.Statistics {
    var words: String {
        switch source {
        case .measured: "measured in this job (\(key))"
        case .reused: "those of an earlier job (\(key)), without a calibration pass"
        }
    }
}
