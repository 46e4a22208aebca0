import Domain
import Pages

extension Report.Accuracy {
    /// MLPerf's two bars, as shares of FP32's accuracy.
    private static let bars = [0.99, 0.999]

    /// "It keeps 99.6 % of FP32's accuracy: above 99 %, below 99.9 %."
    var keptWords: String? {
        guard let kept else { return nil }
        let words = Self.bars.map { "\(kept >= $0 ? "at least" : "below") \(Number.percent($0, $0 < 0.995 ? 0 : 1))" }
        return "It keeps \(Number.percent(kept)) of FP32's accuracy: \(words.joined(separator: ", "))."
    }
}
