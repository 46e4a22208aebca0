import Domain
import Inference
import ModelGraph
import Quantization

/// Likeness of candidates to FP32 by the tensors that quality is judged by, on some calibration samples. FP32's answers are
/// computed once.
final class Likeness {
    let samples: [Int]
    private let models: EngineModels
    private let prepared: PreparedModel
    private let feed: SampleFeed
    private let threads: Int
    private var references: [[String]: ReferenceOutputs] = [:]

    init(models: EngineModels, prepared: PreparedModel, feed: SampleFeed, threads: Int, samples: [Int]) {
        self.models = models
        self.prepared = prepared
        self.feed = feed
        self.threads = threads
        self.samples = samples
    }

    /// Multiply-accumulates that the samples of one candidate may take, a second or two of one core, and the samples that are
    /// taken in any case.
    private static let affordable = 1e11
    private static let fewest = 4

    /// The first of `samples`, as many as a model of this size is given.
    static func affordable(_ samples: [Int], in topology: Topology) -> [Int] {
        let macs = Placement(weightOnly: topology, keepFloat: [:]).anchors.reduce(0) { $0 + topology.macs($1) }
        let count = Int(min(affordable / Double(max(macs, 1)), Double(samples.count)))
        return Array(samples.prefix(max(fewest, count)))
    }

    /// Lowest SQNR of the judged tensors that `model` has, in dB: infinite where nothing differs, minus infinity where a value
    /// is no longer finite, nil where nothing can be compared.
    func callAsFunction(_ model: Model) throws -> Double? {
        // A Clip that has no effect is left out of the artifact, and its tensor with it.
        let made = Set(model.graph.nodes.flatMap(\.outputs))
        let judged = prepared.topology.judged.filter(made.contains)
        let tensors = judged.isEmpty ? model.graph.outputs.map(\.name) : judged
        guard !tensors.isEmpty else { return nil }
        let reference = try reference(tensors)
        let session = try models.session(
            model.graph.giving(tensors), of: model, named: "judged", Race.options(threads))
        var meter = FidelityMeter(outputs: tensors, readsChoices: false)
        for index in samples {
            let (inputs, expected) = try reference.sample(index)
            try meter.add(sample: index, reference: expected, candidate: session.run(inputs, outputs: tensors))
        }
        let outputs = meter.result().outputs
        if outputs.contains(where: { $0.broken > 0 }) { return -.infinity }
        return outputs.compactMap(\.sqnrDb).min() ?? (outputs.contains(where: \.identical) ? .infinity : nil)
    }

    private func reference(_ tensors: [String]) throws -> ReferenceOutputs {
        if let known = references[tensors] { return known }
        let session = try models.session(
            prepared.topology.graph.giving(tensors), of: prepared.model, named: "judged-float", Race.options(threads))
        let outputs = ReferenceOutputs(session, feed: feed, outputs: tensors)
        references[tensors] = outputs
        return outputs
    }
}
