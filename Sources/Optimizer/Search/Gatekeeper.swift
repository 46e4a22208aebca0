import Domain
import Inference
import Pages

/// Measures a candidate by the recipe's gate, on evaluation samples that calibration has not seen.
struct Gatekeeper {
    let gate: Recipe.Gate
    private let order: WorkOrder.Quantize
    private let models: EngineModels
    private let outputs: [String]
    private let labels: [Int]?
    private let labelsAbsence: String?
    private let pictures: DevelopedPictures?
    /// Evaluation samples whose bytes are not in the calibration set.
    private let heldOut: [Int]
    private let reference: ReferenceOutputs

    /// Throws `Failure(.gateNotMet)` when no evaluation sample is held out.
    init(_ gate: Recipe.Gate, _ order: WorkOrder.Quantize, _ inputs: Inputs, _ models: EngineModels) throws {
        self.gate = gate
        self.order = order
        self.models = models
        outputs = inputs.loaded.summary.outputs.map(\.name)
        (labels, labelsAbsence) = (inputs.classLabels, inputs.labelsAbsence)
        pictures = inputs.evaluation.pictures
        let seen = Set(inputs.digests)
        heldOut = (0..<inputs.evaluation.count).filter { !seen.contains(inputs.evaluationDigests[$0]) }
        guard inputs.heldOut, !heldOut.isEmpty else {
            throw Self.unmeasurable(
                gate,
                inputs.heldOut
                    ? "every evaluation sample is also in the calibration set"
                    : "there is no evaluation set")
        }
        reference = ReferenceOutputs(
            try models.original(inputs.referencePath, Race.options(order.threads)), feed: inputs.evaluation,
            outputs: outputs)
    }

    /// How many samples a measurement takes.
    var samples: Int { heldOut.count }

    /// How far the artifact at `path` falls below FP32, in the gate's metric. `progress` gets the share done.
    func drop(of path: String, progress: (Double) -> Void = { _ in }) throws -> Double {
        let session = try models.engine.makeSession(.path(path), Race.options(order.threads))
        var fidelity = FidelityMeter(outputs: outputs, scoresExpected: gate.metric == .agreement)
        var accuracy: AccuracyMeter?
        var detection: DetectionMeter?
        for (done, index) in heldOut.enumerated() {
            let (inputs, expected) = try reference.sample(index)
            let tested = try session.run(inputs, outputs: outputs)
            if done == 0, gate.metric == .map || gate.metric == .mapAgreement {
                detection = try DetectionMeter(
                    outputs: outputs, reference: expected, input: inputs, pictures: pictures,
                    wanted: order.recipe.options.head)
            }
            try detection?.add(sample: index, reference: expected, candidate: tested)
            try fidelity.add(sample: index, reference: expected, candidate: tested)
            if gate.metric == .top1, let label = labels?[index], let scores = fidelity.scoreOutput,
                let position = outputs.firstIndex(of: scores.name)
            {
                var meter = accuracy ?? AccuracyMeter(output: scores.name, classes: scores.classes)
                try meter.add(
                    sample: index, picture: pictures?.names[index], label: label, reference: expected[position],
                    candidate: tested[position])
                accuracy = meter
            }
            progress(Double(done + 1) / Double(heldOut.count))
        }
        return try drop(fidelity.result(), accuracy?.result(), detection?.result())
    }

    private func drop(
        _ fidelity: Report.Fidelity, _ accuracy: Report.Accuracy?, _ detection: Report.Detection?
    ) throws -> Double {
        switch gate.metric {
        case .top1:
            if let accuracy { return -accuracy.delta }
            throw Self.unmeasurable(gate, labelsAbsence ?? Inputs.noClassScores)
        case .agreement:
            if let agreement = fidelity.agreement { return 1 - agreement.top1 }
            if let choices = fidelity.choices { return 1 - choices.same }
            throw Self.unmeasurable(gate, Inputs.noClassScores)
        case .cosine:
            guard fidelity.outputs.allSatisfy({ $0.broken == 0 }) else { return 2 }
            if let lowest = fidelity.outputs.compactMap(\.cosine).min() { return 1 - lowest }
            throw Self.unmeasurable(gate, "no output holds numbers that differ from 0")
        case .map:
            if let labelled = detection?.labelled { return -labelled.delta }
            throw Self.unmeasurable(
                gate,
                detection == nil ? "the outputs do not look like a detector's" : "the samples have no boxes as labels")
        case .mapAgreement:
            if let agreement = detection?.agreement { return 1 - agreement.map }
            throw Self.unmeasurable(
                gate,
                detection == nil
                    ? "the outputs do not look like a detector's" : "FP32 is sure of no object in these samples")
        }
    }

    func passes(_ drop: Double) -> Bool { drop <= gate.maxDrop }

    /// What the report says of a candidate that passed.
    func report(_ drop: Double) -> Report.Gate {
        Report.Gate(
            metric: gate.metric, maxDrop: gate.maxDrop, drop: drop, met: true,
            detail: "dropped by \(Number.percent(drop)), at most \(Number.percent(gate.maxDrop)) allowed, on "
                + "\(samples) held-out samples")
    }

    private static func unmeasurable(_ gate: Recipe.Gate, _ why: String) -> Failure {
        Failure(
            .gateNotMet, stage: .verify,
            detail: "The gate \(gate.metric.rawValue) cannot be measured: \(why). Post evaluation samples for it.")
    }
}
