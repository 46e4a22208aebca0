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

    /// Puts the observers of `graph`, which the engine optimized with observers beside its tensors, in line with them: each
    /// shares its tensor's buffer and sees it while it is in the cache, and nothing is held back for it. The engine's blocked
    /// layout (com.microsoft.nchwc) is observed as it is, and what changed the layout for an observer alone is dropped.
    package static func settle(_ graph: Graph) throws -> Graph {
        var settled = graph
        let observers = Set(graph.nodes.indices.filter { graph.nodes[$0].domain == domain })
        let index = GraphIndex(graph)
        var producers: [String: Int] = [:]
        var unread: Set<Int> = []
        for place in observers.sorted() {
            let seen = graph.nodes[place].inputs[0]
            let tensor = unblocked(seen, index, graph)
            if tensor != seen, index.consumers(of: seen).allSatisfy(observers.contains), !index.isGraphOutput(seen),
                let copying = index.producer(of: seen)
            {
                unread.insert(copying)
            }
            guard let producer = producers[tensor] ?? index.producer(of: tensor) else { continue }
            let raw = settled.freshName(tensor + "/unobserved")
            settled.renameOutput(tensor, to: raw, at: producer)
            settled.nodes[place].inputs = [raw]
            settled.nodes[place].outputs = [tensor]
            producers[tensor] = place
        }
        settled.removeNodes(at: unread)
        try settled.sortTopologically()
        return settled
    }

    /// The blocked tensor that `tensor` is a copy of, or itself. Blocks hold at most 16 channels; where they would be filled up
    /// with values that are not the tensor's own, the copy is observed.
    private static func unblocked(_ tensor: String, _ index: GraphIndex, _ graph: Graph) -> String {
        guard let place = index.producer(of: tensor), graph.nodes[place].op == "ReorderOutput",
            let channels = graph.nodes[place].int("channels"), channels % 16 == 0
        else { return tensor }
        return graph.nodes[place].inputs[0]
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
            let passes = node.op == "Identity" && node.inputs.first.map(names.contains) ?? false
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
