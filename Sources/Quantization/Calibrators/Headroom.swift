import Foundation

extension TensorStatistics {
    /// Up to `few` samples get all of the room, from `enough` on there is none.
    private static let few = 8.0
    private static let enough = 32.0

    /// `choice` with room for what further samples bring, where it ends at an extreme of the few `samples` seen.
    ///
    /// The extreme of a sample is taken for a Gumbel variable (Fisher and Tippett 1928): the largest of N lies b·ln N above
    /// the mean of all, which gives b, the excess to be expected of a sample that lies beyond all N. One in N + 1 does.
    /// Measured on classifiers and a transformer: with 4 and 8 samples it gains 0.3 to 1.7 dB on other samples, with 16 and
    /// 64 nothing. Values that every sample reaches, as a Clip's or a Sigmoid's, get no room, and what was never negative,
    /// as pixels, gets none below zero.
    package func withHeadroom(_ choice: RangeChoice, samples: Int) -> RangeChoice {
        guard samples >= 2, let means = meanExtremes else { return choice }
        let count = Double(samples)
        let share = Float(min(1, max(0, (Self.enough - count) / (Self.enough - Self.few))) / log(count))
        var wider = choice.range
        if wider.high == maximum, maximum > 0 { wider.high += (maximum - means.high) * share }
        if wider.low == minimum, minimum < 0 { wider.low -= (means.low - minimum) * share }
        guard wider != choice.range, wider.low.isFinite, wider.high.isFinite else { return choice }
        return RangeChoice(range: wider, reason: choice.reason + ", with room for further samples")
    }
}
