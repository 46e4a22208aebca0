import Domain
import Inference
import ModelGraph

/// Everything a conversion reads, opened and checked against each other.
struct Inputs {
    let loaded: LoadedModel
    /// What the calibration set holds, with its findings.
    let calibrationSummary: SampleSetSummary
    let calibration: SampleFeed
    /// The samples that quality is measured on: the evaluation set, or the calibration set when there is none.
    let evaluation: SampleFeed
    let heldOut: Bool
    /// Digest of each calibration sample, in the set's order.
    let digests: [SampleDigest]
    /// Digest of each evaluation sample; equal to `digests` without an evaluation set.
    let evaluationDigests: [SampleDigest]
    /// Calibration samples used, by index, in an order that depends on their content only.
    let used: [Int]

    init(_ order: WorkOrder.Quantize) throws {
        loaded = try LoadedModel(order.model)
        try loaded.checkQuantizable()
        let opened = try Self.open(order.calibration, loaded.summary, order.scratch)
        calibration = opened.feed
        (calibrationSummary, digests) = try opened.archive.survey(preprocessing: order.calibration.preprocessing)
        if let staged = order.evaluation {
            let (archive, feed) = try Self.open(staged, loaded.summary, order.scratch)
            evaluation = feed
            evaluationDigests = try archive.survey(preprocessing: staged.preprocessing).digests
        } else {
            evaluation = calibration
            evaluationDigests = digests
        }
        heldOut = order.evaluation != nil
        let all = digests
        let sorted = digests.indices.sorted { (all[$0], $0) < (all[$1], $1) }
        used = Array(sorted.prefix(order.recipe.options.maxSamples ?? sorted.count))
    }

    private static func open(
        _ staged: StagedSamples, _ model: ModelSummary, _ scratch: String
    ) throws -> (archive: SampleArchive, feed: SampleFeed) {
        // A digest was checked when the file was staged: sums within it would say the same again.
        let archive = try SampleArchive.open(
            path: staged.path, unpackInto: scratch, checkingSums: staged.digest == nil)
        let fit = try Fit(model: model, set: archive.outline(preprocessing: staged.preprocessing))
        return (archive, try SampleFeed(archive: archive, fit: fit, preprocessing: staged.preprocessing))
    }

    /// Whether the first axis is the only one that the model leaves open.
    var batchOnly: Bool {
        loaded.summary.inputs.allSatisfy { input in
            guard let shape = input.shape else { return false }
            return shape.dropFirst().allSatisfy { if case .fixed = $0 { true } else { false } }
        }
    }

    /// Whether the model leaves the first axis of every input open.
    var batchIsOpen: Bool {
        loaded.summary.inputs.contains { input in
            if case .symbolic = input.shape?.first { true } else { false }
        }
    }
}
