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
        var gate: Report.Gate?
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

    /// Throws `Failure(.gateNotMet)` when the recipe has a gate and the artifact misses it.
    func callAsFunction(_ candidate: Candidate) throws -> Result {
        let profile = try Profile(
            candidate.path, in: models, inputs: inputs.evaluation.sample(0), outputs: outputs,
            macs: candidate.quantized.topology.macs)
        let reasons = candidate.quantized.reasonsForFloat
        let names = reasons.keys.sorted { $0.utf8.count > $1.utf8.count }
        let coverage = Report.Coverage(profile) { step in names.first(where: step.hasPrefix).flatMap { reasons[$0] } }
        var result = try compare(candidate, coverage)
        if let gate = order.recipe.gate { result.gate = try check(gate, result) }
        return result
    }

    private var outputs: [String] { inputs.loaded.summary.outputs.map(\.name) }

    private func compare(_ candidate: Candidate, _ coverage: Report.Coverage) throws -> Result {
        let fp32 = try models.original(order.model.path, Race.options(order.threads))
        let int8 = try models.engine.makeSession(.path(candidate.path), Race.options(order.threads))
        var fidelity = FidelityMeter(outputs: outputs)
        var accuracy: AccuracyMeter?
        let feed = inputs.evaluation
        for index in 0..<feed.count {
            let sample = try feed.sample(index)
            let reference = try fp32.run(sample, outputs: outputs)
            let tested = try int8.run(sample, outputs: outputs)
            try fidelity.add(
                sample: index, digest: inputs.evaluationDigests[index], reference: reference, candidate: tested)
            if let label = feed.labels?[index], let scores = fidelity.scoreOutput,
                let position = outputs.firstIndex(of: scores.name)
            {
                var meter = accuracy ?? AccuracyMeter(output: scores.name, classes: scores.classes)
                try meter.add(sample: index, label: label, reference: reference[position], candidate: tested[position])
                accuracy = meter
            }
            clock.progress(Double(index + 1) / Double(feed.count))
        }
        let labelled = accuracy?.result()
        return Result(
            coverage: coverage, fidelity: fidelity.result(), accuracy: labelled,
            accuracyAbsence: labelled == nil ? absence(of: feed, fidelity) : nil, gate: nil)
    }

    private func absence(of feed: SampleFeed, _ fidelity: FidelityMeter) -> String {
        if feed.labels == nil { return "the samples have no labels (an integer array 'labels' in the .npz)" }
        return "no output of the model looks like class scores"
    }

    private func check(_ gate: Recipe.Gate, _ result: Result) throws -> Report.Gate {
        let drop: Double? =
            switch gate.metric {
            case .top1: result.accuracy.map { -$0.delta }
            case .agreement: result.fidelity.agreement.map { 1 - $0.top1 }
            }
        guard let drop else {
            throw Failure(
                .gateNotMet, stage: .verify,
                detail: "The gate \(gate.metric.rawValue) cannot be measured: "
                    + (result.accuracyAbsence ?? "no output looks like class scores") + ".")
        }
        guard drop <= gate.maxDrop else {
            throw Failure(
                .gateNotMet, stage: .verify,
                detail: "\(gate.metric.rawValue) dropped by \(Number.percent(drop)), more than the gate's "
                    + "\(Number.percent(gate.maxDrop)). Keep sensitive layers float with options.exclude, or allow more."
            )
        }
        return Report.Gate(
            metric: gate.metric, maxDrop: gate.maxDrop, drop: drop, met: true,
            detail: "dropped by \(Number.percent(drop)), at most \(Number.percent(gate.maxDrop)) allowed")
    }
}

extension Topology {
    /// Multiply-accumulates of every node with constant weights, by its name.
    fileprivate var macs: [String: Int] {
        var macs: [String: Int] = [:]
        for (index, node) in graph.nodes.enumerated() where OperatorRule.of(node) == .anchor {
            guard !node.name.isEmpty, case .success(let anchor) = Anchor.find(node, at: index, in: self),
                let outputs = shape(anchor.output)?.reduce(1, *)
            else { continue }
            macs[node.name] = outputs * (anchor.weightDims.reduce(1, *) / anchor.channels)
        }
        return macs
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
