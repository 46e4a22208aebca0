import ModelGraph
import Quantization

/// The forms that a prepared model can be given, each as a file in the scratch directory.
struct Forms {
    let prepared: PreparedModel
    let quantize: Quantize
    /// Nodes that the recipe keeps in float.
    let excluded: [String: Reason]
    /// What calibration saw; nil when nothing can run in integers.
    let statistics: [String: TensorStatistics]?
    let directory: String

    /// Integer arithmetic, but for the nodes in `floating`; nil when nothing is left that can run in integers.
    func integer(
        _ tolerance: Quantize.Tolerance, floating: [String: Reason] = [:], named name: String = "integer"
    ) throws -> Candidate? {
        guard let statistics else { return nil }
        let kept = excluded.merging(floating) { own, _ in own }
        guard let quantized = try quantize.integer(prepared, keepFloat: kept, statistics, tolerance) else { return nil }
        var candidate = try write(quantized, named: name)
        candidate.floating = floating
        return candidate
    }

    /// `candidate` with still more nodes in float.
    func integer(
        like candidate: Candidate, floating: [String: Reason], named name: String
    ) throws -> Candidate? {
        var other = try integer(
            candidate.quantized.tolerance, floating: candidate.floating.merging(floating) { own, _ in own }, named: name
        )
        other?.decisions = candidate.decisions
        return other
    }

    /// Float arithmetic on weights stored in 8 bits.
    func weightOnly() throws -> Candidate {
        try write(quantize.weightOnly(prepared, keepFloat: excluded), named: "weight-only")
    }

    private func write(_ quantized: Quantized, named name: String) throws -> Candidate {
        var model = quantized.model
        model.declareDomains()
        let path = directory + "/" + name + ".onnx"
        try model.write(to: path)
        return Candidate(quantized: quantized, path: path, decisions: [])
    }
}
