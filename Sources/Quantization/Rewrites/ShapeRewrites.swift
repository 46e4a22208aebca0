import ModelGraph

extension Rewrite {
    /// A Reshape whose target is computed at run time gets a constant target where batches 1, 2 and 3 show that at most one
    /// entry varies. The shape arithmetic behind it dies.
    static let constantReshape = Rewrite(name: "constant Reshape target") { graph, topology in
        var count = 0
        for i in graph.nodes.indices where graph.nodes[i].op == "Reshape" && graph.nodes[i].inputs.count == 2 {
            let node = graph.nodes[i]
            guard topology.constant(node.inputs[1]) == nil, let target = topology.constantTarget(of: node) else {
                continue
            }
            graph.nodes[i].inputs[1] = graph.addShape(target, stem: node.outputs[0] + "/shape")
            count += 1
        }
        return count
    }

    /// What is computed from sizes alone, and came out the same at batches 1, 2 and 3, becomes a constant: exporters write a
    /// dozen small operators for the scale of an attention. Sizes that follow the batch are left as they are.
    static let constantArithmetic = Rewrite(name: "arithmetic of sizes to constants") { graph, topology in
        var count = 0
        for node in topology.graph.nodes where !node.hasSubgraphs && node.op != "Identity" {
            for output in node.outputs where !output.isEmpty && !topology.isOutput(output) {
                guard !topology.index.capturedNames.contains(output), var value = topology.constantValue(of: output)
                else { continue }
                value.name = graph.freshName(output + "/constant")
                let constant = graph.addInitializer(value)
                graph.replaceInput(of: output, with: constant, at: topology.index.consumers(of: output))
                count += 1
            }
        }
        return count
    }

    /// ReduceMean over all spatial axes is GlobalAveragePool, which has an integer kernel.
    static let reduceMeanToPooling = Rewrite(name: "ReduceMean to GlobalAveragePool") { graph, topology in
        var count = 0
        for i in graph.nodes.indices where graph.nodes[i].op == "ReduceMean" {
            let node = graph.nodes[i]
            guard let rank = topology.shape(node.inputs[0])?.count, rank == 4, topology.type(node.inputs[0]) == .float,
                let axes = topology.reducedAxes(node), Set(axes.map { $0 < 0 ? $0 + rank : $0 }) == [2, 3]
            else { continue }
            let keeps = node.int("keepdims") ?? 1 != 0
            let pooled = keeps ? node.outputs[0] : graph.freshName(node.outputs[0] + "/pooled")
            graph.nodes[i] = Node(
                op: "GlobalAveragePool", inputs: [node.inputs[0]], outputs: [pooled], name: node.name)
            if !keeps {
                graph.nodes.append(
                    Node(
                        op: "Flatten", inputs: [pooled], outputs: node.outputs,
                        name: graph.freshName(node.name + "/flat"),
                        attributes: [.int("axis", 1)]))
            }
            count += 1
        }
        return count
    }
}

extension Topology {
    /// Axes of a ReduceMean, from its attribute (before opset 18) or its constant second input.
    func reducedAxes(_ node: Node) -> [Int]? {
        if let axes = node.ints("axes") { return axes.map(Int.init) }
        guard node.inputs.count > 1, let tensor = constant(node.inputs[1]) else { return nil }
        return (try? tensor.int64s())?.map(Int.init)
    }
}
