import ModelGraph

/// Which quantized tensors must, or should, share one scale and zero point.
struct ScaleGroups {
    private var parent: [String: String] = [:]

    /// Pass-through operators tie input and outputs. A Concat ties those inputs that nothing else reads: with equal scales
    /// it is a plain copy, and nothing but the Concat's own grid would see the finer one.
    init(_ placement: Placement, _ topology: Topology) {
        for tensor in placement.quantized { parent[tensor] = tensor }
        for (i, node) in topology.graph.nodes.enumerated() where placement.verdicts[i] == .integer {
            switch OperatorRule.of(node) {
            case .passThrough:
                for output in node.outputs where !output.isEmpty { join(output, node.inputs[0]) }
            case .concat:
                for input in Set(node.inputs) where topology.consumers(input).allSatisfy({ $0.outputs == node.outputs })
                {
                    join(input, node.outputs[0])
                }
            default: break
            }
        }
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
        if first != second { parent[max(first, second)] = min(first, second) }
    }
}
