import Glibc

/// What quantization does to class scores beyond their order: how far the distributions drift apart, and how sure each model
/// is. Sums only.
struct ScoreShift: Sendable {
    private var samples = 0
    private var divergence = 0.0
    private var fp32 = 0.0
    private var int8 = 0.0
    /// Whether the scores are probabilities; chosen at the first sample.
    private var areProbabilities: Bool?

    /// A probability below this counts as this: 8 bits hold none that is much smaller, and its logarithm would.
    static let least = 1e-6

    /// Scores of one sample by both models. Those that are not finite are left out.
    mutating func add(_ reference: [Float], _ candidate: [Float]) {
        guard reference.count == candidate.count, reference.count > 1, reference.allSatisfy(\.isFinite),
            candidate.allSatisfy(\.isFinite)
        else { return }
        let given = areProbabilities ?? Self.looksLikeProbabilities(reference)
        areProbabilities = given
        let p = Self.distribution(reference, given)
        let q = Self.distribution(candidate, given)
        samples += 1
        divergence += max(0, zip(p, q).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) })
        fp32 += p.max() ?? 0
        int8 += q.max() ?? 0
    }

    mutating func merge(_ other: ScoreShift) {
        samples += other.samples
        divergence += other.divergence
        fp32 += other.fp32
        int8 += other.int8
        areProbabilities = areProbabilities ?? other.areProbabilities
    }

    /// Means over the samples: the divergence of Kullback and Leibler from FP32 to INT8 in nats, and the probability of the
    /// best class. Nil before the first sample.
    var result: (divergence: Double, fp32: Double, int8: Double)? {
        guard samples > 0 else { return nil }
        let count = Double(samples)
        return (divergence / count, fp32 / count, int8 / count)
    }

    private static func looksLikeProbabilities(_ scores: [Float]) -> Bool {
        scores.allSatisfy { (-1e-4...1.0001).contains($0) } && abs(scores.reduce(0, +) - 1) < 0.01
    }

    /// Softmax of scores, floored and summing up to 1.
    private static func distribution(_ scores: [Float], _ given: Bool) -> [Double] {
        let highest = Double(scores.max() ?? 0)
        let raw = scores.map { given ? max(Double($0), least) : exp(Double($0) - highest) }
        let sum = raw.reduce(0, +)
        let floored = raw.map { max($0 / sum, least) }
        let total = floored.reduce(0, +)
        return floored.map { $0 / total }
    }
}
