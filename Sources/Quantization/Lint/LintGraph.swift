import ModelGraph

/// A quantized graph as the runtime's optimizer sees it: every QuantizeLinear and DequantizeLinear with its numbers, and the
/// layers between them. Bodies of If and Loop are graphs of their own, which know the constants around them.
struct LintGraph {
    let graph: Graph
    let index: GraphIndex
    let opset: Int
    let rules: TargetRules
    /// Constants of this graph and of those around it.
    let constants: [String: Tensor]
    /// Q and DQ by place.
    private(set) var linears: [Int: Linear] = [:]

    init(_ graph: Graph, opset: Int, rules: TargetRules, outer: [String: Tensor] = [:]) {
        self.graph = graph
        self.opset = opset
        self.rules = rules
        index = GraphIndex(graph)
        var constants = outer
        for value in graph.inputs { constants[value.name] = nil }
        for tensor in graph.initializers where index.isConstant(tensor.name) { constants[tensor.name] = tensor }
        for node in graph.nodes {
            for output in node.outputs { constants[output] = nil }
            if node.is("Constant"), let output = node.output(0), let tensor = node.tensor("value") {
                constants[output] = tensor
            }
        }
        self.constants = constants
        for (place, node) in graph.nodes.enumerated() {
            if let linear = Linear(node, at: place, constants) { linears[place] = linear }
        }
        for (place, linear) in linears where linear.type == nil {
            guard let source = index.producer(of: linear.input), let type = linears[source]?.type else { continue }
            linears[place]?.type = type
        }
    }

    // MARK: Neighbours

    func producer(_ name: String) -> Node? { index.producer(of: name).map { graph.nodes[$0] } }
    func consumers(_ name: String) -> [Int] { index.consumers(of: name) }
    func isOutput(_ name: String) -> Bool { index.isGraphOutput(name) }

    /// How many inputs and graph outputs read a value: a node that reads it twice counts twice.
    func uses(_ name: String) -> Int {
        consumers(name).reduce(isOutput(name) ? 1 : 0) { count, place in
            count + max(1, graph.nodes[place].inputs.count { $0 == name })
        }
    }

    /// The DequantizeLinear that makes `name`.
    func dequantizer(_ name: String) -> Linear? {
        index.producer(of: name).flatMap { linears[$0] }.flatMap { $0.quantizes ? nil : $0 }
    }

    /// The DequantizeLinear behind an activation.
    func activation(_ name: String) -> Linear? { dequantizer(name).flatMap { isStored($0) ? nil : $0 } }

    /// The QuantizeLinears that read `name`.
    func quantizers(_ name: String) -> [Linear] { consumers(name).compactMap { linears[$0] }.filter(\.quantizes) }

    /// The quantizer of a value that nothing else reads.
    func soleQuantizer(_ name: String) -> Linear? {
        guard !isOutput(name), consumers(name).count == 1 else { return nil }
        return quantizers(name).first
    }

    /// Whether a DequantizeLinear restores a constant, stored as integers or as floats that the runtime quantizes at load.
    func isStored(_ linear: Linear) -> Bool {
        if constants[linear.input] != nil { return true }
        guard let source = index.producer(of: linear.input).flatMap({ linears[$0] }) else { return false }
        return source.quantizes && constants[source.input] != nil
    }

    // MARK: Types

    /// The type in which the runtime really keeps the integers that `linear` makes or reads. On x86-64 it turns S8 into U8
    /// where one operator alone reads them.
    func type(_ linear: Linear) -> ElementType? {
        guard linear.type == .int8, !rules.signedActivations else { return linear.type }
        let quantized = linear.quantizes ? linear.output : linear.input
        guard let source = index.producer(of: quantized).flatMap({ linears[$0] }), source.quantizes,
            constants[source.input] == nil, uses(quantized) == 1, let reader = consumers(quantized).first,
            let restored = linears[reader], !restored.quantizes, uses(restored.output) == 1
        else { return linear.type }
        return .uint8
    }

    // MARK: Layers

    /// Nodes that multiply with a weight in its second input.
    var layers: [Layer] {
        graph.nodes.indices.compactMap { place in
            let node = graph.nodes[place]
            guard node.is(anyOf: Layer.operators), node.inputs.count >= 2 else { return nil }
            return Layer(
                place: place, node: node, input: activation(node.inputs[0]),
                weight: dequantizer(node.inputs[1]).flatMap { isStored($0) ? $0 : nil },
                bias: node.input(2).flatMap(dequantizer))
        }
    }

    /// Indices of nodes of these operators.
    func places(of ops: Set<String>) -> [Int] { graph.nodes.indices.filter { graph.nodes[$0].is(anyOf: ops) } }

    /// Inputs that carry float data, as against shapes, axes and bounds.
    func data(_ node: Node) -> [String] {
        if node.is(anyOf: Self.manyInputs) { return node.inputs.filter { !$0.isEmpty } }
        if node.is("Where") { return node.inputs.dropFirst().filter { !$0.isEmpty } }
        return node.input(0).map { [$0] } ?? []
    }

    private static let manyInputs: Set<String> = [
        "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Mean", "Sum", "Concat", "MatMul", "PRelu",
    ]
}

/// A Conv, Gemm or MatMul with what its inputs come from.
struct Layer {
    let place: Int
    let node: Node
    /// Nil when the input is float.
    let input: Linear?
    /// Nil when the weight is float or computed.
    let weight: Linear?
    /// Nil when there is no bias, or a float one.
    let bias: Linear?

    static let operators: Set<String> = ["Conv", "ConvTranspose", "Gemm", "MatMul"]

    /// Whether input and weight are integers, so that the layer is meant to compute in integers.
    var isQuantized: Bool { input != nil && weight != nil }

    /// The weight's axis of output channels.
    func channelAxis(rank: Int) -> Int {
        switch node.op {
        case "Conv": 0
        case "ConvTranspose": 1
        case "Gemm": node.int("transB") ?? 0 == 0 ? 1 : 0
        default: max(rank - 1, 0)
        }
    }
}
