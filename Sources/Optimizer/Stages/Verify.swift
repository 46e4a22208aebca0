import Domain
import Inference
import ModelGraph
import Quantization

/// Opens the artifact in the engine it is made for: what runs in integers, how close the outputs are, how many labels are
/// met.
struct Verify {
    struct Result {
        var coverage: Report.Coverage
        var fidelity: Report.Fidelity
        var accuracy: Report.Accuracy?
        var accuracyAbsence: String?
        var detection: Report.Detection?
        var findings: [Finding] = []
    }
    private let order: WorkOrder.Quantize
    private let inputs: Inputs
    private let models: EngineModels
    private let clock: StageClock

    init(_ order: WorkOrder.Quantize, _ inputs: Inputs, _ models: EngineModels, _ clock: StageClock) {
        self.order = order
        self.inputs = inputs
        self.models = models
        self.clock = clock
    }

    func callAsFunction(_ candidate: Candidate) throws -> Result {
        let profile = try Profile(
            candidate.path, in: models, inputs: inputs.evaluation.sample(0), outputs: outputs,
            macs: candidate.quantized.topology.macs)
        let reasons = candidate.quantized.reasonsForFloat
        let names = reasons.keys.sorted { $0.utf8.count > $1.utf8.count }
        let coverage = Report.Coverage(profile) { step in names.first(where: step.hasPrefix).flatMap { reasons[$0] } }
        return try compare(candidate, coverage)
    }

    private var outputs: [String] { inputs.loaded.summary.outputs.map(\.name) }

    private func compare(_ candidate: Candidate, _ coverage: Report.Coverage) throws -> Result {
        let labels = inputs.classLabels
        let fp32 = try models.original(inputs.referencePath, Race.options(order.threads))
        let int8 = try models.engine.makeSession(.path(candidate.path), Race.options(order.threads))
        var fidelity = FidelityMeter(outputs: outputs, scoresExpected: order.recipe.gate?.metric == .agreement)
        var accuracy: AccuracyMeter?
        var detection: DetectionMeter?
        let feed = inputs.evaluation
        for index in 0..<feed.count {
            let sample = try feed.sample(index)
            let reference = try fp32.run(sample, outputs: outputs)
            let tested = try int8.run(sample, outputs: outputs)
            try fidelity.add(
                sample: index, digest: inputs.evaluationDigests[index], reference: reference, candidate: tested)
            if index == 0 {
                detection = try DetectionMeter(
                    outputs: outputs, reference: reference, input: sample, pictures: feed.pictures,
                    wanted: order.recipe.options.head)
            }
            try detection?.add(sample: index, reference: reference, candidate: tested)
            if let label = labels?[index], let scores = fidelity.scoreOutput,
                let position = outputs.firstIndex(of: scores.name)
            {
                var meter = accuracy ?? AccuracyMeter(output: scores.name, classes: scores.classes)
                try meter.add(
                    sample: index, picture: feed.pictures?.names[index], label: label, reference: reference[position],
                    candidate: tested[position])
                accuracy = meter
            }
            clock.progress(Double(index + 1) / Double(feed.count))
        }
        let labelled = accuracy?.result()
        var likeness = fidelity.result()
        if labelled == nil, order.recipe.gate?.metric != .agreement, likeness.agreement?.isByChance == true {
            likeness.agreement = nil
        }
        return Result(
            coverage: coverage, fidelity: likeness, accuracy: labelled,
            accuracyAbsence: labelled == nil ? absence(fidelity) : nil, detection: detection?.result(),
            findings: detection == nil ? headFindings : [])
    }

    /// A head that was asked for and that no output can be read as.
    private var headFindings: [Finding] {
        guard let head = order.recipe.options.head, head != DetectionHead.none else { return [] }
        return [
            Finding(
                .warning, code: "head-unreadable",
                detail:
                    "The model's outputs cannot be read as boxes of the head '\(head.rawValue)'; leave options.head out, "
                    + "or give the one they have.", pointer: "options.head")
        ]
    }

    private func absence(_ fidelity: FidelityMeter) -> String { inputs.labelsAbsence ?? Inputs.noClassScores }
}

extension Report.Fidelity.Agreement {
    /// Whether FP32 itself gives the best class hardly more than its share of chance: then the output is an embedding, or
    /// another vector of many numbers, and which of them is the largest means nothing.
    fileprivate var isByChance: Bool {
        guard classes >= 16, let fp32Confidence else { return false }
        return fp32Confidence * Double(classes) < 4
    }
}

extension Topology {
    /// Multiply-accumulates of every node with constant weights, by its name.
    fileprivate var macs: [String: Int] {
        var macs: [String: Int] = [:]
        for (index, node) in graph.nodes.enumerated() where !node.name.isEmpty {
            if node.is("ConvTranspose") {
                macs[node.name] = transposedMacs(node)
            } else if OperatorRule.of(node) == .anchor,
                case .success(let anchor) = Anchor.find(node, at: index, in: self)
            {
                macs[node.name] = self.macs(anchor)
            }
        }
        return macs
    }

    /// Every value that comes in meets every tap of its channel's filters.
    private func transposedMacs(_ node: Node) -> Int? {
        guard let weight = node.input(1).flatMap(constant), let channels = weight.dims.first, channels > 0,
            let input = shape(node.inputs[0])
        else { return nil }
        return input.reduce(1, *) * (weight.count / channels)
    }
}

extension Quantized {
    /// Why each node stays float, by node name.
    var reasonsForFloat: [String: String] {
        var reasons: [String: String] = [:]
        for (node, verdict) in zip(topology.graph.nodes, plan.placement.verdicts) {
            guard case .float(let reason) = verdict else { continue }
            reasons[node.name] = reason.text
            // The engine names what it makes of a node after the node or after its result.
            if let output = node.outputs.first { reasons[output] = reason.text }
        }
        return reasons
    }
}
