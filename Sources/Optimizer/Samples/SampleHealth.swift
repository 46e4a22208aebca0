import Domain
import Pages

/// What is kept of one sample of an array.
struct SampleMoments: Equatable, Sendable {
    var minimum: Double
    var maximum: Double
    var mean: Double
    var deviation: Double

    /// As the model gets the values, with the means of the channels' means and deviations: near enough to compare sets by.
    func applying(_ preprocessing: Preprocessing) -> SampleMoments {
        func average(_ values: [Double], _ usual: Double) -> Double {
            values.isEmpty ? usual : values.reduce(0, +) / Double(values.count)
        }
        let (shift, divisor) = (average(preprocessing.mean, 0), average(preprocessing.std, 1))
        let factor = preprocessing.scale / divisor
        func applied(_ value: Double) -> Double { value * factor - shift / divisor }
        let (a, b) = (applied(minimum), applied(maximum))
        return SampleMoments(
            minimum: min(a, b), maximum: max(a, b), mean: applied(mean), deviation: deviation * abs(factor))
    }
}

/// Judges the samples of a set by what is kept of each.
struct SampleHealth {
    /// By array; each has one entry for each sample.
    let moments: [[SampleMoments]]
    /// An order of the samples that depends on their content only.
    let order: [Int]

    init(moments: [[SampleMoments]], identities: [some Comparable]) {
        self.moments = moments
        order = identities.indices.sorted { (identities[$0], $0) < (identities[$1], $1) }
    }

    func report(duplicates: Int) -> SampleSetSummary.Health {
        let curves = moments.compactMap(convergence)
        let slowest = curves.min { sum($0) < sum($1) }
        return SampleSetSummary.Health(
            duplicates: duplicates, constant: constant.count, convergence: slowest ?? [],
            expectedGrowth: moments.compactMap { expectedGrowth($0) }.max())
    }

    private func sum(_ curve: [SampleSetSummary.Health.Point]) -> Double { curve.reduce(0) { $0 + $1.share } }

    /// Samples of which every array holds one value only, though some array has more than one.
    var constant: [Int] {
        guard let first = moments.first else { return [] }
        return first.indices.filter { index in moments.allSatisfy { $0[index].minimum == $0[index].maximum } }
    }

    /// Nil for an array of a single value.
    private func convergence(_ array: [SampleMoments]) -> [SampleSetSummary.Health.Point]? {
        guard let whole = Self.range(array[...]), whole.width > 0, whole.width.isFinite else { return nil }
        let ordered = order.map { array[$0] }
        return Self.checkpoints(ordered.count).map { count in
            .init(samples: count, share: (Self.range(ordered[..<count])?.width ?? 0) / whole.width)
        }
    }

    /// 1, 2, 4 … and `count` itself.
    static func checkpoints(_ count: Int) -> [Int] {
        guard count > 0 else { return [] }
        var points = [1]
        while points[points.count - 1] * 2 < count { points.append(points[points.count - 1] * 2) }
        return count == 1 ? points : points + [count]
    }

    private static func range(_ samples: ArraySlice<SampleMoments>) -> (low: Double, high: Double, width: Double)? {
        guard let low = samples.map(\.minimum).min(), let high = samples.map(\.maximum).max() else { return nil }
        return (low, high, high - low)
    }

    /// What the range would lack without the sample that gives most of it alone.
    struct Lone: Equatable {
        var sample: Int
        var share: Double
    }

    /// The greatest part of an array's range that hangs on one sample; nil for fewer than two samples and for no range.
    static func lone(_ array: [SampleMoments]) -> Lone? {
        let parts = alone(array)
        guard let most = parts.max(by: { $0.share < $1.share }) else { return nil }
        // One sample may hold both ends.
        let share = parts.filter { $0.sample == most.sample }.reduce(0) { $0 + $1.share }
        return Lone(sample: most.sample, share: share)
    }

    private func expectedGrowth(_ array: [SampleMoments]) -> Double? {
        let parts = Self.alone(array)
        guard !parts.isEmpty else { return nil }
        return parts.reduce(0) { $0 + $1.share } / Double(array.count)
    }

    /// For the lower and the upper end: the sample that reaches it, and by what part of the range it outreaches the next.
    private static func alone(_ array: [SampleMoments]) -> [Lone] {
        guard array.count > 1, let whole = range(array[...]), whole.width > 0 else { return [] }
        let lows = array.indices.sorted { array[$0].minimum < array[$1].minimum }
        let highs = array.indices.sorted { array[$0].maximum > array[$1].maximum }
        guard whole.width.isFinite else { return [] }
        return [
            Lone(sample: lows[0], share: (array[lows[1]].minimum - whole.low) / whole.width),
            Lone(sample: highs[0], share: (whole.high - array[highs[1]].maximum) / whole.width),
        ]
    }
}

/// What one set's samples have to do with another's.
struct SampleDistance {
    let calibration: [SampleMoments]
    let evaluation: [SampleMoments]

    /// Nil when either is empty.
    func report(_ array: String) -> Report.CalibrationHealth.Distance? {
        guard let low = calibration.map(\.minimum).min(), let high = calibration.map(\.maximum).max(),
            !evaluation.isEmpty
        else { return nil }
        let (a, b) = (Self.spread(calibration.map(\.mean)), Self.spread(evaluation.map(\.mean)))
        let pooled = ((a.variance + b.variance) / 2).squareRoot()
        let before = Self.spread(calibration.map(\.deviation)).mean
        let after = Self.spread(evaluation.map(\.deviation)).mean
        let beyond = evaluation.count { $0.minimum < low || $0.maximum > high }
        return Report.CalibrationHealth.Distance(
            array: array, meanShift: Self.finite(abs(a.mean - b.mean) / pooled),
            spreadRatio: Self.finite(after / before),
            beyond: Double(beyond) / Double(evaluation.count))
    }

    /// Nil where there is nothing to divide by, and where squares of values are too large.
    private static func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }

    private static func spread(_ values: [Double]) -> (mean: Double, variance: Double) {
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(1, count - 1))
    }
}

extension Report.CalibrationHealth.Distance {
    /// What is worth a warning; nil when the sets look alike. `samples` is the number in the smaller set.
    func finding(samples: Int) -> Finding? {
        var words: [String] = []
        if let meanShift, meanShift > 1, samples >= 8 {
            words.append("their means differ by \(Number.short(meanShift)) standard deviations")
        }
        if let spreadRatio, spreadRatio < 0.5 || spreadRatio > 2 {
            words.append("their values spread \(Number.short(spreadRatio)) times as widely")
        }
        // Some sample of every set holds its extremes: a few beyond are no surprise.
        if beyond > 0.25, samples >= 8 {
            words.append("\(Number.percent(beyond, 0)) of them go beyond the calibrated range")
        }
        guard !words.isEmpty else { return nil }
        return Finding(
            .warning, code: "evaluation-differs",
            detail: "The evaluation samples are unlike the calibration samples (array '\(array)'): "
                + words.joined(separator: ", ") + ". Check that both were made and preprocessed alike.",
            pointer: array)
    }
}
