/// Class scores of one sample and the order they put the classes in. Equal scores rank by class index, as argmax does;
/// NaN ranks last.
struct ClassScores {
    private let scores: [Float]

    /// The number of classes in an output of this shape, or nil when it does not look like the scores of one sample:
    /// [1, K] or [1, K, 1, 1] with at least two classes.
    static func classes(inShape shape: [Int]) -> Int? {
        guard shape.count == 2 || shape.count == 4, shape[0] == 1, shape[1] >= 2,
            shape.dropFirst(2).allSatisfy({ $0 == 1 })
        else { return nil }
        return shape[1]
    }

    init(_ scores: [Float]) { self.scores = scores.map { $0.isNaN ? -.infinity : $0 } }

    /// The class with the highest score.
    var best: Int { scores.indices.max { (scores[$0], $1) < (scores[$1], $0) } ?? 0 }

    /// How many classes stand before this one; 0 for the best.
    func rank(of label: Int) -> Int {
        scores.indices.count { (scores[$0], label) > (scores[label], $0) }
    }
}

extension ClassScores {
    var count: Int { scores.count }

    /// The best score less the second best.
    var margin: Float {
        let first = best
        return scores[first] - (scores.indices.filter { $0 != first }.map { scores[$0] }.max() ?? scores[first])
    }
}
