import Domain
import Pages

/// Remarks on a set of samples that is sound but may not do its work well.
struct SampleFindings {
    let summary: SampleSetSummary
    let scans: [ArrayScan]
    let digests: [SampleDigest]
    let health: SampleHealth

    var all: [Finding] {
        fewSamples + duplicates + Self.constant(health, of: digests.count) + unsettled
            + zip(summary.arrays, scans).flatMap { constant($0) + range($0, $1) + lone($0, $1) }
    }

    private var fewSamples: [Finding] { Self.few(summary.samples) }

    private var duplicates: [Finding] { Self.repeated(digests) }

    static func few(_ samples: Int) -> [Finding] {
        guard samples < 100 else { return [] }
        return [
            Finding(
                .info, code: "few-samples",
                detail:
                    "The set has \(samples) sample\(samples == 1 ? "" : "s"). 100 to 1000 typical ones "
                    + "give steadier ranges and narrower intervals.")
        ]
    }

    static func repeated(_ identities: [some Hashable]) -> [Finding] {
        let spare = identities.count - Set(identities).count
        guard spare > 0 else { return [] }
        return [
            Finding(
                .warning, code: "duplicate-samples",
                detail: "\(spare) of \(identities.count) samples repeat another one byte for byte. "
                    + "They add weight but no knowledge; replace them.")
        ]
    }

    /// Samples of a single value each, such as black pictures, in a set of others.
    static func constant(_ health: SampleHealth, of count: Int) -> [Finding] {
        let constant = health.constant
        // Where all are, or samples are single numbers, it is the way of the set.
        guard let first = constant.first, constant.count * 2 < count else { return [] }
        return [
            Finding(
                .warning, code: "constant-samples",
                detail:
                    "\(constant.count) of \(count) samples hold a single value each, the first of them sample \(first). "
                    + "They are likely blank; leave them out.")
        ]
    }

    /// A range that one more sample would move.
    private var unsettled: [Finding] {
        guard summary.samples >= 8, let growth = summary.health?.expectedGrowth, growth > 0.01 else { return [] }
        return [
            Finding(
                .warning, code: "ranges-unsettled",
                detail:
                    "One more sample can be expected to widen the range of the values by \(Number.percent(growth)). Add "
                    + "samples until it no longer matters, or remove the ones that stand out.")
        ]
    }

    private func lone(_ array: SampleSetSummary.Array, _ scan: ArrayScan) -> [Finding] {
        guard array.type.isFloat, summary.samples >= 8, let lone = SampleHealth.lone(scan.samples), lone.share > 0.25
        else { return [] }
        return [
            Finding(
                .warning, code: "lone-extreme",
                detail: "Sample \(lone.sample) alone gives \(Number.percent(lone.share, 0)) of the range of array "
                    + "'\(array.name)'. If it is a mistake, remove it: every scale suffers.", pointer: array.name)
        ]
    }

    private func constant(_ array: SampleSetSummary.Array) -> [Finding] {
        guard let value = array.minimum, value == array.maximum else { return [] }
        return [
            Finding(
                // A constant integer is likely a setting, such as a sampling rate.
                array.type.isFloat ? .warning : .info, code: "constant-array",
                detail:
                    "All values of array '\(array.name)' are \(value). Ranges learned from it are meaningless unless "
                    + "the model's input is always so.", pointer: array.name)
        ]
    }

    /// Pictures with values 0 to 255 that nothing scales, where most models expect 0 to 1 or normalized values.
    private func range(_ array: SampleSetSummary.Array, _ scan: ArrayScan) -> [Finding] {
        guard summary.format != .pictures, summary.preprocessing.scale == 1, summary.preprocessing.mean.isEmpty,
            summary.preprocessing.std.isEmpty,
            array.shape.count >= 3, let low = array.minimum, let high = array.maximum, low >= 0, high <= 255,
            high >= 128
        else { return [] }
        let advice =
            "If the model was trained on other values, post the set with the right preprocessing, for example "
            + "scale=1/255, mean and std."
        if array.type.isFloat {
            return [
                Finding(
                    .warning, code: "range-suspicion",
                    detail:
                        "Float array '\(array.name)' holds \(scan.isWhole ? "whole numbers" : "values") from \(low) to "
                        + "\(high), like raw pixels, and the preprocessing leaves them so. \(advice)",
                    pointer: array.name)
            ]
        }
        guard array.type == .uint8 else { return [] }
        return [
            Finding(
                .info, code: "raw-pixels",
                detail: "Array '\(array.name)' holds raw pixels and the preprocessing leaves them so. \(advice)",
                pointer: array.name)
        ]
    }
}
