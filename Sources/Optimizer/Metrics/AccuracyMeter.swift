package import Domain
package import Inference

/// Counts how often both models name the labelled class. A value, merged like `FidelityMeter`.
package struct AccuracyMeter: Sendable {
    private let output: String
    private let classes: Int
    private var samples = 0
    private var fp32 = Hits()
    private var int8 = Hits()
    private var lost = 0
    private var gained = 0

    private struct Hits: Sendable {
        var top1 = 0
        var top5 = 0

        mutating func add(rank: Int) {
            if rank == 0 { top1 += 1 }
            if rank < 5 { top5 += 1 }
        }
    }

    /// `output` and `classes` as `FidelityMeter.scoreOutput` found them.
    package init(output: String, classes: Int) {
        self.output = output
        self.classes = classes
    }

    /// `reference` and `candidate` are the class scores of both models. Throws `Failure(.invalidCalibrationSet)` for a label
    /// that is no class of the model. `picture` is the sample's file, where it has one.
    package mutating func add(
        sample index: Int, picture: String? = nil, label: Int, reference: TensorValue, candidate: TensorValue
    ) throws {
        guard (0..<classes).contains(label) else {
            if let picture { throw Failure.unknownClass(label, of: picture, output: output, classes: classes) }
            throw Failure.samples(
                "Array 'labels' has \(label) for sample \(index), but output '\(output)' has \(classes) classes, 0 to "
                    + "\(classes - 1). Give the labels the model was trained with.", array: "labels")
        }
        let (a, b) = (ClassScores(try reference.floats()), ClassScores(try candidate.floats()))
        guard a.count == classes, b.count == classes else {
            throw Failure(
                .internal, stage: .measure, detail: "Output '\(output)' changed its size at sample \(index).",
                pointer: output)
        }
        let (before, after) = (a.rank(of: label), b.rank(of: label))
        samples += 1
        fp32.add(rank: before)
        int8.add(rank: after)
        if before == 0, after != 0 { lost += 1 }
        if before != 0, after == 0 { gained += 1 }
    }

    package mutating func merge(_ other: AccuracyMeter) {
        precondition(output == other.output && classes == other.classes, "meters of different outputs do not merge")
        samples += other.samples
        for (path, hits) in [(\AccuracyMeter.fp32, other.fp32), (\AccuracyMeter.int8, other.int8)] {
            self[keyPath: path].top1 += hits.top1
            self[keyPath: path].top5 += hits.top5
        }
        lost += other.lost
        gained += other.gained
    }

    /// nil before the first sample.
    package func result() -> Report.Accuracy? {
        guard samples > 0 else { return nil }
        return Report.Accuracy(
            output: output, classes: classes, samples: samples, fp32Top1: score(fp32.top1), int8Top1: score(int8.top1),
            fp32Top5: classes > 5 ? score(fp32.top5) : nil, int8Top5: classes > 5 ? score(int8.top5) : nil,
            delta: Double(gained - lost) / Double(samples),
            deltaInterval: Statistics.pairedDifference(lost: lost, gained: gained, total: samples), lost: lost,
            gained: gained, mcnemarP: Statistics.mcnemar(lost: lost, gained: gained))
    }

    private func score(_ correct: Int) -> Report.Accuracy.Score {
        Report.Accuracy.Score(
            correct: correct, share: Double(correct) / Double(samples),
            interval: Statistics.wilson(correct, of: samples))
    }
}
