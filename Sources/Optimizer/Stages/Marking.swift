import Domain
import ModelGraph

/// Writes into the artifact what it was made of: in `metadata_props`, which every ONNX tool shows.
///
/// Only what decides the bytes goes in, so that the same inputs give the same bytes again: the digests of the inputs, and the
/// recipe with everything written out that timing and the gate decided. The job, the time, the machine and the versions are
/// in the signed statement, which names the artifact by its digest.
struct Marking {
    private let order: WorkOrder.Quantize

    init(_ order: WorkOrder.Quantize) { self.order = order }

    static let prefix = "octavo."

    func callAsFunction(_ candidate: Candidate) throws -> Candidate {
        var model = candidate.quantized.model
        model.declareDomains()
        // An artifact that is quantized again says what it was made of last.
        model.metadata.removeAll { $0.key.hasPrefix(Self.prefix) }
        model.metadata += try properties(candidate)
        try model.write(to: candidate.path)
        return candidate
    }

    private func properties(_ candidate: Candidate) throws -> [Property] {
        var recipe = candidate.record(of: order.recipe)
        // Neither changes a byte.
        recipe.options.threads = nil
        recipe.options.head = nil
        let values = [
            ("model", order.model.digest?.description), ("calibration_set", order.calibration.digest?.description),
            ("evaluation_set", order.evaluation?.digest?.description),
            ("recipe", String(decoding: try JSON.encode(recipe), as: UTF8.self)),
        ]
        return values.compactMap { name, value in value.map { Property(Self.prefix + name, $0) } }
    }
}

extension Candidate {
    /// The recipe that makes these bytes again from the same inputs: what timing and the gate decided is written out, and
    /// nothing is left to them. The record of a record is the record itself.
    func record(of wish: Recipe) -> Recipe {
        var recipe = wish
        recipe.gate = nil
        recipe.options.exclude += floating.keys.sorted()
        switch quantized.form {
        case .weightOnly: recipe.scheme = .int8Weights
        case .dynamic: recipe.scheme = .int8Dynamic
        case .blockwise8: recipe.scheme = .int8Blockwise
        case .blockwise4: recipe.scheme = .int4Blockwise
        case .integer:
            recipe.scheme = .int8Static
            if recipe.options.reviewsLayers { recipe.options.minLayerSqnr = quantized.tolerance.decibels }
        }
        return recipe
    }
}
