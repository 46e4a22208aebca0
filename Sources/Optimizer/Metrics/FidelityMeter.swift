package import Domain
package import Inference
import ModelGraph

/// Compares the artifact's outputs with the FP32 model's, sample by sample, keeping sums and one margin per sample. A value:
/// each worker thread may fill its own, merged in a fixed order afterwards.
package struct FidelityMeter: Sendable {
    private static let worstCount = 10

    private let names: [String]
    private let scoresExpected: Bool
    private let readsChoices: Bool
    private var errors: [OutputError]
    /// For outputs that hold a class for each of their places, chosen at the first sample.
    private var choices: [ChoiceMeter?]
    private var samples = 0
    /// The output read as class scores, chosen at the first sample.
    private var scores: (output: Int, classes: Int)?
    private var scored = 0
    private var sameBest = 0
    private var withinFive = 0
    private var shift = ScoreShift()
    private var calls = CallMargins()
    private var worst: [Worst] = []

    /// `outputs` are the names of the tensors that `add` gets, in this order. `scoresExpected` says that one of them holds class
    /// scores: then the first that can is taken for them, whatever its values. Who asks for values alone saves the time that
    /// choices take.
    package init(outputs: [String], scoresExpected: Bool = false, readsChoices: Bool = true) {
        names = outputs
        self.scoresExpected = scoresExpected
        self.readsChoices = readsChoices
        errors = outputs.map { _ in OutputError() }
        choices = outputs.map { _ in nil }
    }

    /// The output that was taken for class scores: the first one of shape [1, K] or [1, K, 1, 1] with K of 2 or more.
    package var scoreOutput: (name: String, classes: Int)? { scores.map { (names[$0.output], $0.classes) } }

    /// `reference` and `candidate` are the outputs of both models for the same sample, in the order of the names.
    package mutating func add(
        sample index: Int, digest: SampleDigest? = nil, reference: [TensorValue], candidate: [TensorValue]
    ) throws {
        precondition(reference.count == names.count && candidate.count == names.count, "one tensor per output")
        if samples == 0 { try readFirst(reference) }
        samples += 1
        var lowest = Double.infinity
        var flipped: Bool?
        for output in names.indices {
            guard reference[output].shape == candidate[output].shape, Self.isComparable(reference[output].type),
                Self.isComparable(candidate[output].type)
            else {
                errors[output].addIncomparable()
                continue
            }
            try choices[output]?.add(reference[output], candidate[output])
            let (a, b) = (try reference[output].floats(), try candidate[output].floats())
            switch errors[output].add(a, b) {
            case .measured(let decibels): lowest = min(lowest, decibels)
            case .broken: lowest = -.infinity
            case .incomparable: break
            }
            if output == scores?.output {
                let changed = rank(a, b)
                flipped = changed
                shift.add(a, b)
                calls.add(sample: index, margin: ClassScores(a).margin, agrees: !changed)
            }
        }
        keep(Worst(index: index, digest: digest, decibels: lowest, flipped: flipped))
    }

    /// Takes in what another meter of the same outputs saw.
    package mutating func merge(_ other: FidelityMeter) {
        precondition(names == other.names, "meters of different outputs do not merge")
        for output in names.indices {
            errors[output].merge(other.errors[output])
            guard let choice = other.choices[output] else { continue }
            if choices[output]?.merge(choice) == nil { choices[output] = choice }
        }
        samples += other.samples
        scores = scores ?? other.scores
        scored += other.scored
        sameBest += other.sameBest
        withinFive += other.withinFive
        shift.merge(other.shift)
        calls.merge(other.calls)
        other.worst.forEach { keep($0) }
    }

    package func result() -> Report.Fidelity {
        Report.Fidelity(
            samples: samples, outputs: names.indices.map(output), agreement: agreement, worst: worst.map(\.report))
    }

    private func output(_ index: Int) -> Report.Fidelity.Output {
        var output = errors[index].report(names[index])
        output.choices = choices[index]?.report
        return output
    }

    /// Finds what each output holds.
    private mutating func readFirst(_ reference: [TensorValue]) throws {
        scores = Self.scoreOutput(reference)
        guard readsChoices else { return }
        for (output, value) in reference.enumerated() where output != scores?.output {
            choices[output] = try ChoiceRule(readFrom: value).map { ChoiceMeter($0) }
        }
        guard scoresExpected, scores == nil, choices.allSatisfy({ $0 == nil }) else { return }
        for (output, value) in reference.enumerated() {
            guard let rule = ChoiceRule(scoresOf: value) else { continue }
            choices[output] = ChoiceMeter(rule)
            return
        }
    }

    private var agreement: Report.Fidelity.Agreement? {
        guard let scores, scored > 0 else { return nil }
        return Report.Fidelity.Agreement(
            output: names[scores.output], classes: scores.classes, samples: scored,
            top1: Double(sameBest) / Double(scored), top1Interval: Statistics.wilson(sameBest, of: scored),
            top5: scores.classes > 5 ? Double(withinFive) / Double(scored) : nil,
            klDivergence: shift.result?.divergence,
            fp32Confidence: shift.result?.fp32, int8Confidence: shift.result?.int8, closeCalls: calls.closest)
    }

    private static func scoreOutput(_ values: [TensorValue]) -> (output: Int, classes: Int)? {
        for (output, value) in values.enumerated() where value.type.isFloat {
            if let classes = ClassScores.classes(inShape: value.shape) { return (output, classes) }
        }
        return nil
    }

    private static func isComparable(_ type: ElementType) -> Bool { type.isFloat || type.isInteger || type == .bool }

    /// Returns whether the best class changed.
    private mutating func rank(_ reference: [Float], _ candidate: [Float]) -> Bool {
        let best = ClassScores(reference).best
        let rank = ClassScores(candidate).rank(of: best)
        scored += 1
        if rank == 0 { sameBest += 1 }
        if rank < 5 { withinFive += 1 }
        return rank != 0
    }

    private mutating func keep(_ sample: Worst) {
        guard sample.decibels < .infinity else { return }
        worst.append(sample)
        worst.sort { ($0.decibels, $0.index) < ($1.decibels, $1.index) }
        if worst.count > Self.worstCount { worst.removeLast() }
    }

    private struct Worst: Sendable {
        var index: Int
        var digest: SampleDigest?
        var decibels: Double
        var flipped: Bool?

        var report: Report.Fidelity.WorstSample {
            Report.Fidelity.WorstSample(
                index: index, digest: digest?.description, sqnrDb: decibels.isFinite ? decibels : nil, flipped: flipped)
        }
    }
}
