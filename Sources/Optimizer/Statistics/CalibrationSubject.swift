import Domain
import Foundation
import Inference
import ModelGraph
import Quantization

/// What a calibration pass looks at. Two passes with equal keys see the same, bit for bit.
struct CalibrationSubject {
    struct Tensor: Equatable {
        var name: String
        /// How much of it the histogram counts.
        var share: StatisticsBank.Share
        /// Values that one sample makes of it, where that is known of all samples.
        var values: Int?
    }
    let tensors: [Tensor]
    /// By index into the set, in an order that depends on their content only.
    let samples: [Int]

    init(_ names: [String], in topology: Topology, samples: [Int]) {
        self.samples = samples
        tensors = names.map { name in
            // Where sizes vary, the first sample says nothing of the others, and which is first must not matter.
            guard topology.isStatic(beyondBatch: name), let shape = topology.shape(name) else {
                return Tensor(name: name, share: .all, values: nil)
            }
            let values = shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
            let all = values.multipliedReportingOverflow(by: samples.count).partialValue
            return Tensor(name: name, share: .init(ofValues: all), values: values)
        }
    }
}

/// Names what the statistics of a pass depend on. The order of the samples is not among it, nor is any option of a recipe
/// that neither changes the float graph nor chooses samples.
struct StatisticsKey {
    /// Raised with every change of what an observer counts or of how it is written down.
    static let observerVersion = 1

    let models: EngineModels
    let prepared: PreparedModel
    let inputs: Inputs
    let digest: Pipeline.FileDigest

    func callAsFunction(_ subject: CalibrationSubject) throws -> Digest {
        let text = try words(subject).joined(separator: "\n")
        let path = models.directory + "/statistics-key.txt"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return try digest(path)
    }

    private func words(_ subject: CalibrationSubject) throws -> [String] {
        let machine = HostEnvironment.read()
        var graph = XXH64()
        try prepared.model.visitEncoded { graph.update($0) }
        return [
            "octavo statistics", "observer \(Self.observerVersion)", "graph \(SampleDigest(value: graph.finish()))",
            "engine \(models.engine.name) \(models.engine.version)", "kernels \(StatisticsBank.kernels)",
            "processor \(machine.architecture) \(machine.processor ?? "") \(machine.flags.joined(separator: " "))",
        ] + inputs.calibration.arrangement.map { "input " + $0 }
            + subject.tensors.map { "tensor \($0.name) \($0.share.rawValue) \($0.values ?? -1)" }
            + subject.samples.map { "sample \(inputs.digests[$0])" }
    }
}
