import Domain
import Pages

extension Report.Plan {
    /// Which weight suffers most, and how much of the activations is clipped, in sentences.
    var figureWords: [String] {
        var words: [String] = []
        if let worst = layers?.filter({ $0.weightSqnrDb != nil }).min(by: {
            ($0.weightSqnrDb ?? 0) < ($1.weightSqnrDb ?? 0)
        }),
            let decibels = worst.weightSqnrDb
        {
            words.append(
                "The weight that rounding hurts most is that of \(worst.node), \(Number.fixed(decibels, 1)) dB.")
        }
        let watched = (ranges ?? []).filter { $0.clippedShare != nil }
        if let most = watched.max(by: { ($0.clippedShare ?? 0) < ($1.clippedShare ?? 0) }),
            let share = most.clippedShare
        {
            let clipped = watched.count { $0.clippedShare ?? 0 > 0 }
            words.append(
                clipped == 0
                    ? "No value seen in calibration is clipped."
                    : "\(clipped) of \(watched.count) activations clip values seen in calibration; most \(most.tensor), "
                        + "\(Self.percent(share)) of them.")
        }
        return words
    }

    /// Small shares keep two digits.
    static func percent(_ share: Double) -> String { share == 0 ? "0 %" : Number.short(share * 100) + " %" }
}

extension Report.Plan.DeadChannels {
    /// "conv1: 3 of 64 channels have no weight but 0, 5 gave one value in all samples looked at"
    var words: String {
        "\(node): \(zeroWeights) of \(channels) channels have no weight but 0"
            + (constantOutputs.map { ", \($0) gave one value in all samples looked at" } ?? "")
    }
}

extension Report.Size {
    /// Nil where the artifact was not compressed.
    var compressedWords: String? {
        artifactStoredBytes.map { stored in
            // As the server does: bytes that no coding makes fewer are sent as they are.
            stored >= artifactBytes
                ? "INT8 \(Number.bytes(stored)) stored; sent as it is, which is smaller"
                : "INT8 \(Number.bytes(stored)) stored and sent as deflate"
                    + (artifactGzipBytes.map { ", \(Number.bytes($0)) sent as gzip" } ?? "")
        }
    }
}
