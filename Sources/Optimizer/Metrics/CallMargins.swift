import Domain

/// By how much FP32 decided each sample, and whether INT8 decided the same. Models that agree on what is obvious may still
/// differ where it matters, and a high share of obvious samples hides that.
struct CallMargins: Sendable {
    private struct Call: Sendable {
        var sample: Int
        var margin: Float
        var agrees: Bool
    }
    private var calls: [Call] = []

    /// Samples below which there is no quarter to speak of.
    private static let fewest = 8

    /// A margin that is no number, of scores that are not finite, is left out.
    mutating func add(sample: Int, margin: Float, agrees: Bool) {
        guard margin.isFinite else { return }
        calls.append(Call(sample: sample, margin: margin, agrees: agrees))
    }

    mutating func merge(_ other: CallMargins) { calls += other.calls }

    /// The quarter with the least margins; of equal ones the earlier samples.
    var closest: Report.Fidelity.CloseCalls? {
        guard calls.count >= Self.fewest else { return nil }
        let quarter = calls.sorted { ($0.margin, $0.sample) < ($1.margin, $1.sample) }.prefix(calls.count / 4)
        let same = quarter.count { $0.agrees }
        return .init(
            samples: quarter.count, margin: Double(quarter.last?.margin ?? 0),
            top1: Double(same) / Double(quarter.count), top1Interval: Statistics.wilson(same, of: quarter.count))
    }
}
