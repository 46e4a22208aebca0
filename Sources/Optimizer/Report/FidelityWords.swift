import Domain
import Pages

extension Report.Fidelity.Agreement {
    /// What became of the scores beyond their order.
    var scoreWords: String? {
        guard let klDivergence, let fp32Confidence, let int8Confidence else { return nil }
        return "KL divergence \(Number.short(klDivergence)) nats, probability of the best class "
            + "\(Number.percent(fp32Confidence)) → \(Number.percent(int8Confidence)) on average"
    }
}

extension Report.Fidelity.CloseCalls {
    /// "93.6 % of the 125 samples that FP32 decides by least (95 % 87.9–96.7), a margin of 1.2 or less"
    var words: String {
        "\(Number.percent(top1)) of the \(Number.count(samples, "sample")) that FP32 decides by least (95 % "
            + "\(Number.fixed(top1Interval.low * 100, 1))–\(Number.fixed(top1Interval.high * 100, 1))), by margins of up to "
            + Number.short(margin)
    }
}

extension Report.Fidelity.Choices {
    /// "same best class at 98.7 % of 1280 places"
    var shareWords: String {
        // What differs anywhere is not rounded up to all.
        let share = same > 0.99 && same < 1 ? Number.percent(min(same, 0.9999), 2) : Number.percent(same)
        return "same \(axis == nil ? "value" : "best class") at \(share) of \(Number.count(places, "place"))"
    }

    /// "same best class at 98.7 % of 1280 places (95 % 98.1–99.2), at all of them in 12 of 16 samples, mean IoU 0.964"
    var words: String {
        shareWords
            + " (95 % \(Number.fixed(sameInterval.low * 100, 1))–\(Number.fixed(sameInterval.high * 100, 1))), at all of them "
            + "in \(whole) of \(Number.count(samples, "sample"))"
            + (meanIou.map { ", mean IoU \(Number.fixed($0, 3))" } ?? "")
    }
}

extension Report.Fidelity {
    /// For outputs that hold a class for each of their places.
    var choiceWords: [String] {
        outputs.prefix(12).compactMap { output in output.choices.map { "Output '\(output.name)': \($0.words)." } }
    }

    /// For outputs that are no class scores, as of regressions, sounds and embeddings: correlation and the cosine of single
    /// samples.
    var valueWords: [String] {
        outputs.prefix(12).filter { $0.name != agreement?.output && !$0.identical }.compactMap { output in
            let parts = [
                output.correlation.map { "correlation \(Number.fixed($0, 5))" },
                output.meanSampleCosine.flatMap { mean in
                    output.worstSampleCosine.map {
                        "cosine of single samples \(Number.fixed(mean, 5)) on average, \(Number.fixed($0, 5)) at worst"
                    }
                },
            ].compactMap { $0 }
            return parts.isEmpty ? nil : "Output '\(output.name)': " + parts.joined(separator: "; ") + "."
        }
    }
}
