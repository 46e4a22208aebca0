import ModelGraph

extension Graph {
    /// Makes one QuickGelu of a Sigmoid and a Mul in float that read a dequantized tensor.
    ///
    /// The runtime fuses the two by itself, but not here: it first gives each reader a DequantizeLinear of its own, and then
    /// runs both by themselves, at more than twice the time.
    mutating func fuseFloatSiLU() {
        let index = GraphIndex(self)
        for place in nodes.indices where nodes[place].op == "Mul" && nodes[place].domain.isEmpty {
            guard let tensor = index.sigmoidLinear(nodes[place], in: self),
                index.producer(of: tensor).map({ nodes[$0].op }) == "DequantizeLinear"
            else { continue }
            nodes[place].op = "QuickGelu"
            nodes[place].domain = "com.microsoft"
            nodes[place].inputs = [tensor]
            nodes[place].attributes = [.float("alpha", 1)]
        }
    }
}

extension GraphIndex {
    /// x where `node` computes x * Sigmoid(x), or x times another of `gates`.
    func sigmoidLinear(_ node: Node, in graph: Graph, gates: Set<String> = ["Sigmoid"]) -> String? {
        guard node.op == "Mul", node.inputs.count == 2 else { return nil }
        for (x, gate) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            guard let place = producer(of: gate) else { continue }
            let source = graph.nodes[place]
            if source.is(anyOf: gates), source.inputs == [x] { return x }
        }
        return nil
    }
}

extension Topology {
    /// The Sigmoids and Muls of every x * Sigmoid(x) that run in integers, by node name.
    package func integerSiLU(_ placement: Placement) -> [String] {
        var names: [String] = []
        for (place, node) in graph.nodes.enumerated() where placement.verdicts[place] == .integer {
            guard let x = index.sigmoidLinear(node, in: graph) else { continue }
            names.append(node.name)
            for gate in node.inputs where gate != x {
                if let source = producer(gate) { names.append(source.name) }
            }
        }
        return names
    }
}
