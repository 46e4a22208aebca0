import ModelGraph

extension Planner {
    /// The grid that a group came with, fitted to what its quantizers must do; nil when it came with none.
    ///
    /// A Relu or Clip that the plan leaves out is done by the ends of the grid. A signed grid, or one that is wider than the
    /// Clip, is cut there: its zero point moves down and its top comes nearer, so that every value that is left keeps its
    /// integer's distance from zero, and so its real value, bit for bit.
    func trainedGrid(
        of group: [String], _ placement: Placement, _ statistics: [String: TensorStatistics]
    ) -> (Affine, String)? {
        let own = group.compactMap { topology.trained.activations[$0] }
        let before = placement.absorbed.filter { group.contains($0.value) }.sorted { $0.key < $1.key }
            .compactMap { topology.trained.activations[$0.key] }
        guard var grid = (own.isEmpty ? before : own).max(by: { $0.scale < $1.scale }) else { return nil }
        guard let bounds = bounds(of: group, placement) else { return (grid, "came with the model") }
        let floor = min(max(grid.integer(bounds.low), 0), grid.zeroPoint)
        let top = min(grid.top, grid.integer(bounds.high))
        guard floor > 0 || top < grid.top else { return (grid, "came with the model") }
        grid.zeroPoint -= floor
        grid.top = max(top - floor, 1)
        if bounds.high == .infinity,
            reaches(group, statistics, (Float(grid.top - grid.zeroPoint) + 0.5) * grid.scale) == false
        {
            grid.top = 255
            return (grid, "came with the model; cut at zero, no sample reached its upper end")
        }
        return (grid, "came with the model; cut where its Relu or Clip ends")
    }

    /// The interval that the grid of a group must end with, because it stands for a Relu or Clip behind one of its tensors, or
    /// for the ends of a HardSigmoid.
    func bounds(of group: [String], _ placement: Placement) -> ValueRange? {
        for tensor in group {
            guard let i = topology.index.producer(of: tensor) else { continue }
            if placement.verdicts[i] == .integer, topology.graph.nodes[i].is("HardSigmoid") {
                return ValueRange(low: 0, high: 1)
            }
            if case .absorbed = placement.verdicts[i] { return topology.clampBounds(topology.graph.nodes[i]) }
        }
        return nil
    }

    /// Whether calibration saw a value above `limit`; nil when it saw nothing.
    private func reaches(_ group: [String], _ statistics: [String: TensorStatistics], _ limit: Float) -> Bool? {
        let seen = group.compactMap { observed($0, statistics) }.filter { !$0.isEmpty }
        return seen.isEmpty ? nil : seen.contains { $0.maximum > limit }
    }
}

extension Affine {
    /// The integer that `value` is rounded to, within the grid.
    func integer(_ value: Float) -> Int {
        let level = Double(value / scale).rounded(.toNearestOrEven) + Double(zeroPoint)
        guard !level.isNaN else { return zeroPoint }
        return Int(min(max(level, 0), Double(top)))
    }
}

extension Topology {
    /// The integers that the weight of `anchor` came in.
    package func trainedWeight(_ anchor: Anchor) -> QuantizedWeight? {
        trained.isEmpty ? nil : constant(anchor.weight).flatMap { trained.weight($0, axis: anchor.channelAxis) }
    }

    /// Whether a layer came in integers: its weight, or what it reads.
    func isTrained(_ anchor: Anchor) -> Bool {
        guard !trained.isEmpty else { return false }
        return trained.activations[anchor.activation] != nil || trainedWeight(anchor) != nil
    }
}
