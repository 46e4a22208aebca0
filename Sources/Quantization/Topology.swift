package import ModelGraph

/// A graph with what real runs told about its tensors: concrete shapes and element types.
package struct Topology: Sendable {
    package private(set) var graph: Graph
    package private(set) var index: GraphIndex
    package let types: [String: ElementType]
    /// Shapes in runs at batch 1, 2 and 3; only one entry when the model's batch is fixed.
    private let shapesByBatch: [[String: [Int]]]
    /// Whether nothing but the batch can vary between calls.
    private let isStaticBeyondBatch: Bool
    /// Small tensors that held the same values in all those runs.
    private let settled: [String: Tensor]
    private let graphOutputs: Set<String>
    /// What the model knew of its quantization when it came.
    package var trained = TrainedQuantization()

    /// `shapesByBatch` is never empty; its first entry describes one sample.
    package init(
        graph: Graph, types: [String: ElementType], shapesByBatch: [[String: [Int]]], isStaticBeyondBatch: Bool,
        settled: [String: Tensor] = [:]
    ) {
        precondition(!shapesByBatch.isEmpty, "shapes of at least one run")
        self.graph = graph
        self.index = GraphIndex(graph)
        self.types = types
        self.shapesByBatch = shapesByBatch
        self.isStaticBeyondBatch = isStaticBeyondBatch
        self.settled = settled
        graphOutputs = Set(graph.outputs.map(\.name))
    }

    /// Takes a graph of the same nodes and tensors in which some constants are others.
    package mutating func replaceConstants(from other: Graph) {
        graph = other
        index = GraphIndex(other)
    }

    package func constant(_ name: String) -> Tensor? { index.initializer(named: name).map { graph.initializers[$0] } }
    package func shape(_ name: String) -> [Int]? { constant(name)?.dims ?? shapesByBatch[0][name] }
    package func type(_ name: String) -> ElementType? { constant(name)?.type ?? types[name] }
    package func isOutput(_ name: String) -> Bool { graphOutputs.contains(name) }
    package func producer(_ name: String) -> Node? { index.producer(of: name).map { graph.nodes[$0] } }
    package func consumers(_ name: String) -> [Node] { index.consumers(of: name).map { graph.nodes[$0] } }

    /// Inputs of `node` that carry data: computed tensors of type float32.
    package func activations(_ node: Node) -> [String] {
        // What moves values has them in its first input; the scales of a Resize are floats, too, but no values of the network.
        let values = OperatorRule.of(node) == .passThrough ? node.inputs.prefix(1) : node.inputs[...]
        return values.filter { !$0.isEmpty && constant($0) == nil && type($0) == .float }
    }

    /// Whether `name` is used once, by a node, and is neither a graph output nor captured by a subgraph.
    package func isPrivate(_ name: String) -> Bool {
        index.consumers(of: name).count == 1 && !isOutput(name) && !index.capturedNames.contains(name)
    }

    /// Whether every axis of `name` but the first has the same size in every call.
    package func isStatic(beyondBatch name: String) -> Bool {
        guard isStaticBeyondBatch, let first = shape(name), !shapeDependsOnData(name) else { return false }
        return shapesByBatch.allSatisfy { $0[name].map { $0.dropFirst() == first.dropFirst() } ?? false }
    }

    /// A constant second input that makes the Reshape `node` do what it does now at every batch size, if there is one:
    /// at most one entry varies (-1), or the first one follows the input's first axis (0) and another is left to infer.
    func constantTarget(of node: Node) -> [Int]? {
        guard isStaticBeyondBatch, let output = shape(node.outputs[0]), !output.contains(0),
            !shapeDependsOnData(node.outputs[0])
        else { return nil }
        let seen = shapesByBatch.compactMap { $0[node.outputs[0]] }
        guard seen.count == shapesByBatch.count, seen.allSatisfy({ $0.count == output.count }) else { return nil }
        let varying = output.indices.filter { axis in seen.contains { $0[axis] != output[axis] } }
        var target = output
        for axis in varying { target[axis] = -1 }
        return varying.count <= 1 ? target : nil
    }

    /// The values that `name` has in every call: it is computed from constants and from sizes that do not vary.
    func constantValue(of name: String) -> Tensor? {
        guard isStaticBeyondBatch, constant(name) == nil, let value = settled[name] else { return nil }
        var dependence = DataDependence(graph, index)
        return dependence.ofValue(name) ? nil : value
    }

    private func shapeDependsOnData(_ name: String) -> Bool {
        var dependence = DataDependence(graph, index)
        return dependence.ofShape(name)
    }
}
