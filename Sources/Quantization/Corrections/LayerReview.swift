/// What the simulation showed of each integer anchor, and what follows from it.
package struct LayerReview: Sendable {
    /// Error of each simulated anchor, in the order of `anchors`.
    package let errors: [LayerError]
    package let anchors: [Anchor]

    package init(anchors: [Anchor], errors: [LayerError]) {
        self.anchors = anchors
        self.errors = errors
    }

    /// Biases with the mean error taken away, by node index. `bias` gives an anchor's own bias; the anchors at the nodes
    /// `keeping` are left out.
    package func correctedBiases(_ bias: (Anchor) -> [Float]?, keeping: Set<Int> = []) -> [Int: [Float]] {
        var biases: [Int: [Float]] = [:]
        for (anchor, error) in zip(anchors, errors) where !keeping.contains(anchor.node) {
            let own = bias(anchor) ?? [Float](repeating: 0, count: anchor.channels)
            biases[anchor.node] = zip(own, error.meanError).map { $0 - $1 }
        }
        return biases
    }

    /// Anchors whose error, mean removed, leaves less than `threshold` dB: they are worth more in float.
    package func condemned(below threshold: Double) -> [(anchor: Anchor, sqnr: Double)] {
        zip(anchors, errors).compactMap { anchor, error in
            let sqnr = error.correctedSQNR
            return sqnr < threshold ? (anchor, sqnr) : nil
        }
    }
}
