import Domain
import ModelGraph

/// Writes into the artifact what it was made of: in `metadata_props`, which every ONNX tool shows.
///
/// Only what decides the bytes goes in, so that the same inputs give the same bytes again: the digests of the inputs, and the
/// recipe with everything written out that timing and the gate decided. The job, the time, the machine and the versions are
/// in the signed statement, which names the artifact by its digest.
struct Marking {
    private let order: WorkOrder.Quantize
    private let inputs: Inputs
    private let digest: Pipeline.FileDigest?

    init(_ order: WorkOrder.Quantize, _ inputs: Inputs, _ digest: Pipeline.FileDigest?) {
        self.order = order
        self.inputs = inputs
        self.digest = digest
    }

    static let prefix = "octavo."

    func callAsFunction(_ candidate: Candidate) throws -> Candidate {
        var model = candidate.quantized.model
        model.declareDomains()
        // An artifact that is quantized again says what it was made of last.
        model.metadata.removeAll { $0.key.hasPrefix(Self.prefix) }
        model.metadata += try properties(candidate)
        try model.writeArtifact(to: candidate.path)
        return candidate
    }

    private func properties(_ candidate: Candidate) throws -> [Property] {
        var recipe = candidate.record(of: order.recipe)
        // Neither changes a byte.
        recipe.options.threads = nil
        recipe.options.head = nil
        let values = [
            ("model", try model?.description), ("calibration_set", try identity(order.calibration)?.description),
            ("evaluation_set", try order.evaluation.flatMap(identity)?.description),
            ("recipe", String(decoding: try JSON.encode(recipe), as: UTF8.self)),
        ]
        return values.compactMap { name, value in value.map { Property(Self.prefix + name, $0) } }
    }

    /// What the server calls the model. Without a server it is the digest of the file, where the model is one file.
    private var model: Digest? {
        get throws {
            if let known = order.model.digest { return known }
            return inputs.loaded.summary.externalData.isEmpty ? try digest?(order.model.path) : nil
        }
    }

    /// What the server calls the set. Without a server it is the digest of the file, where the file is used as it is.
    private func identity(_ samples: StagedSamples) throws -> Digest? {
        if let known = samples.digest { return known }
        return samples.preprocessing == .identity ? try digest?(samples.path) : nil
    }
}

extension Candidate {
    /// The recipe that makes these bytes again from the same inputs: what timing and the gate decided is written out, and
    /// nothing is left to them. The record of a record is the record itself.
    func record(of wish: Recipe) -> Recipe {
        var recipe = wish
        recipe.gate = nil
        recipe.objective = nil
        recipe.options.embeddings = quantized.tables > 0 ? .int8 : .float
        recipe.options.exclude += floating.keys.map(\.asWildcard).sorted()
        switch quantized.form {
        case .weightOnly: recipe.scheme = .int8Weights
        case .dynamic: recipe.scheme = .int8Dynamic
        case .blockwise8, .blockwise4:
            recipe.scheme = quantized.form == .blockwise8 ? .int8Blockwise : .int4Blockwise
            recipe.options.blockSize = quantized.blockSize
        case .integer:
            recipe.scheme = .int8Static
            if recipe.options.reviewsLayers { recipe.options.minLayerSqnr = quantized.tolerance.decibels }
        }
        return recipe
    }
}
