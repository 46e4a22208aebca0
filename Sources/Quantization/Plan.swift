import ModelGraph

/// What will be done to a model: the grid of every quantized tensor and what becomes of every node, each with its reason.
/// A value: tests compare plans, emitters only carry them out.
package struct Plan: Sendable {
    package var placement: Placement
    /// Grids of quantized activations by tensor name.
    package var grids: [String: Grid]
    /// The largest integer of an activation that is not fixed otherwise.
    package var top = 255

    package init(placement: Placement, grids: [String: Grid]) {
        self.placement = placement
        self.grids = grids
    }

    /// One activation's parameters and why they are so.
    package struct Grid: Equatable, Sendable {
        package var affine: Affine
        package var reason: String
        /// Other tensors that share these parameters.
        package var shared: [String]
        /// Whether the parameters came with the model.
        package var isTrained = false
    }

    package func grid(_ tensor: String) -> Affine? { grids[tensor]?.affine }
}

/// Turns statistics into grids under a calibration rule.
package struct Planner: Sendable {
    package var rule: RangeRule
    /// The largest integer of an activation: 255 for 8 bits, 65535 for 16.
    package var top = 255
    /// Samples that calibration saw; of few of them the rule `auto` leaves room for more.
    package var samples = 0
    let topology: Topology

    package init(_ topology: Topology, rule: RangeRule) {
        self.topology = topology
        self.rule = rule
    }

    /// The tensors calibration must watch so that `placement`, or one with fewer integer nodes, can be planned. What an
    /// operator only moves within a group of equal grids is not watched again, and a Sigmoid alone has a grid of its own.
    package func tensorsToObserve(_ placement: Placement) -> [String] {
        let groups = ScaleGroups(placement, topology).groups(of: placement.quantized)
        return groups.filter { !hasFixedGrid($0) }.flatMap { group in
            let members = Set(group)
            let watched = group.filter { !isMoved($0, within: members, placement) }
            return watched.isEmpty ? group : watched
        }
    }

    private func hasFixedGrid(_ group: [String]) -> Bool {
        group.count == 1 && topology.producer(group[0]).map { OperatorRule.of($0) == .unitInterval } ?? false
    }

    private func isMoved(_ tensor: String, within group: Set<String>, _ placement: Placement) -> Bool {
        guard let i = topology.index.producer(of: tensor), placement.verdicts[i] == .integer else { return false }
        let node = topology.graph.nodes[i]
        switch OperatorRule.of(node) {
        case .passThrough: return group.contains(node.inputs[0])
        case .concat: return node.inputs.allSatisfy(group.contains)
        default: return false
        }
    }

    /// Throws `QuantizationError.notFinite` when a tensor that must be quantized held NaN or infinity, and
    /// `.notObserved` when calibration never reached it.
    package func plan(_ placement: Placement, _ statistics: [String: TensorStatistics]) throws -> Plan {
        var grids: [String: Plan.Grid] = [:]
        let groups = ScaleGroups(placement, topology).groups(of: placement.quantized)
        for group in groups {
            let trained = trainedGrid(of: group, placement, statistics)
            let (affine, reason) = try trained ?? grid(for: group, placement, statistics)
            for tensor in group {
                grids[tensor] = Plan.Grid(
                    affine: affine, reason: reason, shared: group.filter { $0 != tensor }, isTrained: trained != nil)
            }
        }
        var plan = Plan(placement: placement, grids: grids)
        plan.top = top
        return plan
    }

    /// Names of integer nodes that touch a tensor of which calibration saw not one value: they are better left in float.
    package func unreached(_ placement: Placement, _ statistics: [String: TensorStatistics]) -> [String] {
        let groups = ScaleGroups(placement, topology).groups(of: placement.quantized)
        let silent = Set(
            groups.filter { group in
                trainedGrid(of: group, placement, statistics) == nil
                    && group.allSatisfy { observed($0, statistics).map { $0.isEmpty && $0.nonFinite == 0 } ?? true }
            }.joined())
        guard !silent.isEmpty else { return [] }
        return zip(topology.graph.nodes, placement.verdicts).compactMap { node, verdict in
            let touched = node.inputs + node.outputs.map(placement.result)
            return verdict == .integer && !silent.isDisjoint(with: touched) ? node.name : nil
        }
    }

    /// Names of integer nodes whose grids the runtime's kernel refuses when it runs: a GlobalAveragePool multiplies sums by
    /// s_in / (s_out · H · W), which must lie in [2^-32, 256) (MLAS, qlgavgpool.cpp).
    package func uncomputable(_ plan: Plan) -> [String] {
        zip(topology.graph.nodes, plan.placement.verdicts).compactMap { node, verdict in
            guard verdict == .integer, node.op == "GlobalAveragePool", let input = plan.grid(node.inputs[0]),
                let output = plan.grid(plan.placement.result(of: node.outputs[0])),
                let shape = topology.shape(node.inputs[0])
            else { return nil }
            let places = Float(max(1, shape.dropFirst(2).reduce(1, *)))
            let factor = input.scale / (output.scale * places)
            return (0x1p-32..<256).contains(factor) ? nil : node.name
        }
    }

    private func grid(
        for group: [String], _ placement: Placement, _ statistics: [String: TensorStatistics]
    ) throws -> (Affine, String) {
        if hasFixedGrid(group) {
            // A Sigmoid comes close to 1 and a HardSigmoid is 1 for all that is large.
            let isHard = topology.producer(group[0])?.op == "HardSigmoid"
            return (
                Affine(scale: 1 / Float(isHard ? top : top + 1), zeroPoint: 0, top: top),
                "a \(isHard ? "HardSigmoid" : "Sigmoid") lies in [0, 1]"
            )
        }
        var merged = TensorStatistics()
        for tensor in group {
            guard let seen = observed(tensor, statistics) else { continue }
            guard seen.nonFinite == 0 else { throw QuantizationError.notFinite(tensor: tensor, count: seen.nonFinite) }
            merged.merge(seen)
        }
        guard !merged.isEmpty else { throw QuantizationError.notObserved(tensor: group[0]) }
        if top > 255 {
            // With so many steps nothing is gained by cutting extremes off.
            let extremes = merged.choose(.minMax)
            return (Affine.unsigned(extremes.range, top: top), extremes.reason)
        }
        let choice: RangeChoice
        let activation = group.count == 1 ? activation(after: group[0]) : .none
        if rule == .auto, activation == .none, feedsOnlyFloat(group, placement) {
            let extremes = merged.choose(.minMax)
            choice = RangeChoice(
                range: extremes.range, reason: "extremes: a result of the model, where rare high values count most")
        } else {
            choice = merged.choose(rule, before: activation)
        }
        let final = rule == .auto ? merged.withHeadroom(choice, samples: samples) : choice
        guard let bounds = bounds(of: group, placement) else { return (Affine.unsigned(final.range), final.reason) }
        let (low, high) = (max(final.range.low, bounds.low), min(final.range.high, bounds.high))
        return (Affine.unsigned(ValueRange(low: min(low, high), high: high)), final.reason)
    }

    /// What calibration saw of a tensor. Where it was not watched because an operator only moved it within a group, and that
    /// group is no more, or because its grid is fixed, then what was seen of the operator's inputs.
    package func observed(_ tensor: String, _ statistics: [String: TensorStatistics]) -> TensorStatistics? {
        if let seen = statistics[tensor] { return seen }
        return sources(of: tensor, statistics).map { sources in
            sources.reduce(into: TensorStatistics()) { merged, source in
                guard let seen = statistics[source.key] else { return }
                merged.merge(source.value == 1 ? seen : seen.repeated(source.value))
            }
        }
    }

    /// More paths than this to one source count as so many.
    private static let mostPaths: UInt64 = 8

    /// The watched tensors that `tensor` is made of, and over how many paths each comes into it: a part that is joined twice
    /// counts twice. Nil where nothing watched one of its parts.
    private func sources(of tensor: String, _ statistics: [String: TensorStatistics]) -> [String: UInt64]? {
        guard let last = topology.index.producer(of: tensor) else { return nil }
        var sources: [String: UInt64] = [:]
        var paths = [last: UInt64(1)]
        // The graph is sorted: once a node's turn has come, all that read it had theirs.
        for place in stride(from: last, through: 0, by: -1) {
            guard let count = paths.removeValue(forKey: place) else { continue }
            let node = topology.graph.nodes[place]
            let parts: [String]
            switch OperatorRule.of(node) {
            case .passThrough, .unitInterval: parts = [node.inputs[0]]
            case .concat: parts = node.inputs
            default: return nil
            }
            for part in parts {
                if statistics[part] != nil {
                    sources[part] = min(Self.mostPaths, (sources[part] ?? 0) + count)
                } else if let next = topology.index.producer(of: part), next < place {
                    paths[next] = min(Self.mostPaths, (paths[next] ?? 0) + count)
                } else {
                    return nil
                }
            }
            if paths.isEmpty { break }
        }
        return sources
    }

    private func feedsOnlyFloat(_ group: [String], _ placement: Placement) -> Bool {
        group.allSatisfy { tensor in
            topology.index.consumers(of: tensor).allSatisfy { placement.verdicts[$0] != .integer }
        }
    }

    /// The activation that `tensor` goes through next: x * Sigmoid(x), x * HardSigmoid(x), Gelu(x).
    private func activation(after tensor: String) -> FollowingActivation {
        let consumers = topology.consumers(tensor)
        func gates(_ op: String) -> Bool {
            guard let gate = consumers.first(where: { $0.op == op }) else { return false }
            return consumers.contains { $0.op == "Mul" && $0.inputs.contains(gate.outputs[0]) }
        }
        if consumers.count == 2, gates("Sigmoid") { return .silu }
        if consumers.count == 2, gates("HardSigmoid") { return .hardSwish }
        guard consumers.count == 1 else { return .none }
        switch consumers[0].op {
        case "HardSwish": return .hardSwish
        case "Gelu": return .gelu
        case "QuickGelu": return .silu
        default: return .none
        }
    }
}

/// What can go wrong between statistics and an edited graph.
package enum QuantizationError: Error, Equatable, Sendable, CustomStringConvertible {
    case notObserved(tensor: String)
    case notFinite(tensor: String, count: UInt64)
    case unquantizable(tensor: String, why: String)

    package var description: String {
        switch self {
        case .notObserved(let tensor): "calibration never reached tensor '\(tensor)'"
        case .notFinite(let tensor, let count):
            "tensor '\(tensor)' held \(count) NaN or infinite values during calibration"
        case .unquantizable(let tensor, let why): "tensor '\(tensor)' cannot be quantized: \(why)"
        }
    }
}
