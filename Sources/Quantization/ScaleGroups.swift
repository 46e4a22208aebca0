import ModelGraph

/// Which quantized tensors must, or should, share one scale and zero point.
struct ScaleGroups {
    private var parent: [String: String] = [:]
    /// By a group's root: what its quantizers confine values to. Nothing is known yet of tensors that are only moved.
    private var confinement: [String: Confinement] = [:]
    /// By a group's root: the grid that one of its tensors came with.
    private var trained: [String: Affine] = [:]

    private enum Confinement: Equatable {
        case free
        /// A Relu, a Clip or the ends of a HardSigmoid were left out because the quantizer saturates in their place. A wider grid
        /// would undo it.
        case clamp(ValueRange)
    }

    /// Pass-through operators tie input and outputs. A Concat ties those inputs that nothing else reads: with equal scales
    /// it is a plain copy, and nothing but the Concat's own grid would see the finer one.
    init(_ placement: Placement, _ topology: Topology) {
        for tensor in placement.quantized {
            parent[tensor] = tensor
            confinement[tensor] = Self.confinement(of: tensor, placement, topology)
            trained[tensor] = topology.trained.activations[tensor]
        }
        for (i, node) in topology.graph.nodes.enumerated() where placement.verdicts[i] == .integer {
            switch OperatorRule.of(node) {
            case .passThrough:
                for output in node.outputs where !output.isEmpty { join(output, node.inputs[0]) }
            case .concat:
                let kinds = node.inputs.map { confinement[root(of: $0)] ?? .free }
                let isUniform = kinds.allSatisfy { $0 == kinds[0] }
                confinement[node.outputs[0]] = isUniform ? kinds[0] : .free
                for input in node.inputs where topology.isPrivate(input) && mayJoin(input, node.outputs[0]) {
                    join(input, node.outputs[0])
                }
            default: break
            }
        }
    }

    private static func confinement(
        of tensor: String, _ placement: Placement, _ topology: Topology
    ) -> Confinement? {
        guard let i = topology.index.producer(of: tensor) else { return .free }
        if case .absorbed = placement.verdicts[i] {
            return topology.clampBounds(topology.graph.nodes[i]).map { .clamp($0) } ?? .free
        }
        if placement.verdicts[i] == .integer, topology.graph.nodes[i].is("HardSigmoid") {
            return .clamp(ValueRange(low: 0, high: 1))
        }
        let moves: [OperatorRule] = [.passThrough, .concat]
        let isMoved = placement.verdicts[i] == .integer && moves.contains(OperatorRule.of(topology.graph.nodes[i]))
        return isMoved ? nil : .free
    }

    private func mayJoin(_ a: String, _ b: String) -> Bool {
        if let one = trained[root(of: a)], let other = trained[root(of: b)], one != other { return false }
        guard let first = confinement[root(of: a)], let second = confinement[root(of: b)] else { return true }
        return first == second
    }

    /// Members of each group in the order of `tensors`; every tensor is in exactly one.
    func groups(of tensors: [String]) -> [[String]] {
        var order: [String] = []
        var members: [String: [String]] = [:]
        for tensor in tensors {
            let root = root(of: tensor)
            if members[root] == nil { order.append(root) }
            members[root, default: []].append(tensor)
        }
        return order.compactMap { members[$0] }
    }

    private func root(of tensor: String) -> String {
        var name = tensor
        while let next = parent[name], next != name { name = next }
        return name
    }

    private mutating func join(_ a: String, _ b: String) {
        guard parent[a] != nil, parent[b] != nil else { return }
        let (first, second) = (root(of: a), root(of: b))
        guard first != second else { return }
        let (kept, gone) = (min(first, second), max(first, second))
        parent[gone] = kept
        confinement[kept] = confinement[kept] ?? confinement[gone]
        trained[kept] = trained[kept] ?? trained[gone]
    }
}
