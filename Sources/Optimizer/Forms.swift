import Domain
import ModelGraph
import Pages
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
    let contest: Contest

    /// Integer arithmetic, but for the nodes in `floating`; nil when nothing is left that can run in integers.
    func integer(
        _ tolerance: Quantize.Tolerance, floating: [String: Reason] = [:], named name: String = "integer"
    ) throws -> Candidate? {
        guard let statistics else { return nil }
        let kept = excluded.merging(floating) { own, _ in own }
        guard let quantized = try quantize.integer(prepared, keepFloat: kept, statistics, tolerance) else { return nil }
        return try write(quantized, named: name, floating: floating)
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
    func weightOnly() throws -> Candidate { try uncalibrated(.weightOnly) }

    /// A form that calibration has no part in.
    func uncalibrated(_ form: Quantized.Form, blockSize: Int? = nil) throws -> Candidate {
        try write(
            quantize.uncalibrated(form, prepared.basis(of: form), keepFloat: excluded, blockSize: blockSize),
            named: form.rawValue + (blockSize.map { "-of-\($0)" } ?? ""))
    }

    /// Multiply-accumulates of MatMul, Gemm and LSTM as a share of all; nil when there are none that could be dynamic.
    var dynamicShare: Double? {
        let topology = prepared.topology
        let placement = Placement(weightOnly: topology, keepFloat: excluded)
        let products = placement.anchors.filter { !$0.channelsFirst }
        let recurrent = topology.dynamicLSTMs(keepFloat: excluded)
        guard !products.isEmpty || !recurrent.isEmpty else { return nil }
        let all = placement.anchors.reduce(0) { $0 + topology.macs($1) }
        let dynamic = products.reduce(0) { $0 + topology.macs($1) }
        let steps = recurrent.reduce(0) { $0 + topology.recurrentMacs($1) }
        return Double(dynamic + steps) / Double(max(all + steps, 1))
    }

    private func write(
        _ quantized: Quantized, named name: String, floating: [String: Reason] = [:]
    ) throws -> Candidate {
        var model = quantized.model
        model.declareDomains()
        let path = directory + "/" + name + ".onnx"
        try model.writeArtifact(to: path)
        let candidate = Candidate(quantized: quantized, path: path, decisions: [], floating: floating)
        try contest.add(candidate)
        return candidate
    }
}

extension Model {
    /// Writes what may be delivered: one file. Throws `Failure(.unsupportedModel)` where ONNX holds no such file.
    func writeArtifact(to path: String) throws {
        do {
            try write(to: path, weights: .inside)
        } catch ModelError.tooLarge(let what, let limit) {
            throw Failure(
                .unsupportedModel, stage: .quantize,
                detail:
                    "The artifact is too large: \(what), and an ONNX file holds \(Number.bytes(Int64(limit))). Split the "
                    + "model, or ask for a scheme with smaller weights, such as int4-blockwise.")
        }
    }
}
