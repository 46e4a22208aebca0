package import ModelGraph

/// Graphs with observers in them: operators of the engine's custom domain that see a tensor as it passes and change nothing.
package enum Instrumentation {
    package static let domain = "octavo"

    /// Adds an observer to every tensor that a node of the main graph gives or the graph takes in; slot i sees the i-th
    /// returned name. Used for one run, to learn shapes and types.
    package static func probe(_ graph: Graph) throws -> (graph: Graph, tensors: [String]) {
        let sequences = graph.namesOfSequences()
        let tensors =
            graph.inputs.map(\.name)
            + graph.nodes.flatMap(\.outputs).filter { !$0.isEmpty && !sequences.contains($0) }
        return (try watch(tensors, in: graph), tensors)
    }

    /// Puts observers in line behind the producers of `tensors`: they share the tensor's buffer, so nothing is copied, and
    /// the engine keeps every fusion that does not swallow an observed tensor.
    package static func observe(_ tensors: [String], in graph: Graph) throws -> Graph {
        var observed = graph
        let index = GraphIndex(graph)
        for (slot, tensor) in tensors.enumerated() {
            guard let producer = index.producer(of: tensor),
                let position = graph.nodes[producer].outputs.firstIndex(of: tensor)
            else {
                observed.nodes.append(observer(slot, from: tensor, to: observed.freshName(tensor + "/observed")))
                continue
            }
            let raw = observed.freshName(tensor + "/unobserved")
            observed.nodes[producer].outputs[position] = raw
            observed.nodes.append(observer(slot, from: raw, to: tensor))
        }
        try observed.sortTopologically()
        return observed
    }

    /// Puts observers beside the readers of `tensors`, of which some may be the same; slot i sees the i-th.
    package static func watch(_ tensors: [String], in graph: Graph) throws -> Graph {
        var watched = graph
        for (slot, tensor) in tensors.enumerated() {
            watched.nodes.append(observer(slot, from: tensor, to: watched.freshName(tensor + "/watched")))
        }
        try watched.sortTopologically()
        return watched
    }

    private static func observer(_ slot: Int, from input: String, to output: String) -> Node {
        Node(
            op: "Observe", inputs: [input], outputs: [output], name: output + "/observer", domain: domain,
            attributes: [.int("slot", slot)])
    }
}

extension Graph {
    /// Values that are sequences or optionals, which no observer can take.
    fileprivate func namesOfSequences() -> Set<String> {
        let making: Set<String> = [
            "SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceErase", "SequenceMap", "SplitToSequence",
            "Optional", "ZipMap",
        ]
        var names = Set(inputs.filter { $0.kind != .tensor && $0.kind != .untyped }.map(\.name))
        for node in nodes {
            let passes = node.op == "Identity" && names.contains(node.inputs[0])
            if making.contains(node.op) || passes { names.formUnion(node.outputs) }
            if node.op == "If", let body = node.graph("then_branch") {
                let made = body.namesOfSequences()
                for (inner, outer) in zip(body.outputs, node.outputs)
                where made.contains(inner.name) || names.contains(inner.name) {
                    names.insert(outer)
                }
            }
        }
        return names
    }
}
