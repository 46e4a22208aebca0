package import ModelGraph

/// Takes a model with QuantizeLinear and DequantizeLinear in it apart: the float graph without them, and what they said.
///
/// From there a model quantized elsewhere goes the way of every other one, with its own grids and integers in the place of
/// those that calibration would choose. Q at an integer output and DQ at an integer input of the model stay: its callers
/// rely on them.
package struct QuantizationImport: Sendable {
    package internal(set) var graph: Graph
    package internal(set) var trained = TrainedQuantization()
    /// What became of what was found.
    package internal(set) var tally = Tally()
    /// Integer forms by the name of the float initializer that stands for them.
    var weights: [String: TrainedWeight] = [:]
    /// Of the model's operators.
    let opset: Int

    package struct Tally: Sendable {
        /// Signed grids that became unsigned ones by moving the zero point.
        package var moved = 0
        /// Weights that took in the factors of a BatchNormalization behind them.
        package var normalized = 0
        /// Layers whose Relu or Clip was left to the saturation of their grid, and is spelled out again.
        package var clamped = 0
        /// Tensors that had several grids, of which the widest was kept.
        package var contradictions: Set<String> = []
        /// Tensors whose grid could not be kept, with the reason.
        package var dropped: [String: String] = [:]
    }

    /// Why a model with Q and DQ cannot be taken apart.
    package struct Refusal: Error, Equatable, Sendable {
        package let reason: String
    }

    /// `opset` is that of ONNX's own operators. Throws `Refusal` where Q and DQ do not come in pairs, or have parameters that
    /// are computed.
    package init(_ original: Graph, opset: Int) throws {
        self.opset = opset
        if let odd = original.nodes.first(where: { $0.isTakenApart && ($0.inputs.isEmpty || $0.outputs.isEmpty) }) {
            throw Refusal(reason: "\(odd.label) has no inputs, or no outputs")
        }
        graph = original
        graph.dropInitializersFromInputs()
        // What was an integer tensor may be float from now on.
        graph.valueInfo = []
        try graph.sortTopologically()
        try foldTransposedConstants()
        let parts = try QuantizedParts(graph)
        for (tensor, parameters) in parts.grids { note(parameters, for: tensor) }
        for constant in parts.constants { try restore(constant) }
        rewire(parts)
        graph.removeUnused()
        try foldTransposedConstants()
        try foldNormalizations()
        spellOutRectifying()
        for (_, weight) in weights.sorted(by: { $0.key < $1.key }) { trained.add(weight) }
        try graph.sortTopologically()
        graph.removeUnused()
    }

    private mutating func rewire(_ parts: QuantizedParts) {
        let index = GraphIndex(graph)
        for (result, source) in parts.aliases {
            graph.replaceInput(of: result, with: source, at: index.consumers(of: result))
        }
        for (result, source) in parts.aliases where index.isGraphOutput(result) {
            guard let place = index.producer(of: result), graph.nodes[place].is("DequantizeLinear") else { continue }
            graph.nodes[place] = Node(
                op: "Identity", inputs: [source], outputs: [result], name: graph.nodes[place].name)
        }
        graph.removeNodes(at: Set(parts.constants.compactMap { index.producer(of: $0.result) }))
    }

    // MARK: What is remembered

    private mutating func note(_ parameters: GridParameters, for tensor: String) {
        guard let grid = parameters.grid else {
            tally.dropped[tensor] = parameters.whyNoGrid
            return
        }
        guard let known = trained.activations[tensor] else {
            if parameters.type == .int8 { tally.moved += 1 }
            trained.activations[tensor] = grid
            return
        }
        guard known != grid else { return }
        tally.contradictions.insert(tensor)
        if grid.scale > known.scale { trained.activations[tensor] = grid }
    }

    /// A constant becomes float; what it was in integers is remembered.
    private mutating func restore(_ constant: QuantizedParts.Constant) throws {
        var float = constant.float
        if float == nil {
            let restored = try constant.parameters.restored(constant.integers)
            float = Tensor(name: constant.result, floats: restored, dims: constant.integers.dims)
            graph.initializers.append(Tensor(name: constant.result, floats: restored, dims: constant.integers.dims))
        }
        guard let float else { return }
        if constant.parameters.type == .int32 { return }
        let name = float.name
        guard let weight = try constant.parameters.weight(constant.integers, source: float) else {
            tally.dropped[name] = constant.parameters.whyNoWeight
            return
        }
        if let known = weights[name], known.values != weight.values || known.scales != weight.scales {
            tally.contradictions.insert(name)
            return
        }
        weights[name] = weight
        if let grid = constant.parameters.grid { trained.activations[name] = grid }
    }

    // MARK: What exporters put between a weight and its layer

    /// A transposed constant as a constant: fully connected layers are often written so.
    private mutating func foldTransposedConstants() throws {
        let index = GraphIndex(graph)
        var folded: Set<Int> = []
        for (place, node) in graph.nodes.enumerated() where node.is(anyOf: ["Transpose", "Identity"]) {
            guard let constant = index.initializer(named: node.inputs[0]), !index.isGraphOutput(node.outputs[0]) else {
                continue
            }
            let source = graph.initializers[constant]
            let reversed = Array(source.dims.indices.reversed())
            let order =
                node.op == "Identity"
                ? Array(source.dims.indices) : node.ints("perm").map { $0.map { Int(clamping: $0) } } ?? reversed
            guard order.sorted() == Array(source.dims.indices), source.type.byteWidth > 0 else { continue }
            let result = try source.transposed(order).named(node.outputs[0])
            graph.initializers.append(result)
            if let weight = weights[source.name] {
                weights[result.name] = try weight.transposed(order, source: result)
            }
            folded.insert(place)
        }
        graph.removeNodes(at: folded)
    }

    /// BatchNormalization behind a Conv that was trained in integers: its factors go into the scales, so that the integers
    /// stay what they are.
    private mutating func foldNormalizations() throws {
        let index = GraphIndex(graph)
        var folded: Set<Int> = []
        for (place, node) in graph.nodes.enumerated() where node.is("BatchNormalization") {
            guard node.outputs.count == 1, let conv = index.producer(of: node.inputs[0]), graph.nodes[conv].is("Conv"),
                index.consumers(of: node.inputs[0]).count == 1, !index.isGraphOutput(node.inputs[0]),
                let weight = graph.nodes[conv].input(1).flatMap({ weights[$0] }),
                index.consumers(of: weight.source.name).count == 1,
                let normalization = Normalization(node, graph, index),
                weight.source.dims.first == normalization.factors.count,
                let bias = normalization.bias(of: graph.nodes[conv], graph, index)
            else { continue }
            let name = graph.freshName(weight.source.name + "/normalized")
            let float = try normalization.scaled(weight.source, named: name)
            guard let scaled = weight.scaled(by: normalization.factors, source: float) else { continue }
            graph.initializers.append(float)
            weights[weight.source.name] = nil
            weights[name] = scaled
            trained.activations[node.inputs[0]] = nil
            let biasName = graph.addFloats(bias, dims: [bias.count], stem: node.outputs[0] + "/bias")
            graph.nodes[conv].inputs = [graph.nodes[conv].inputs[0], name, biasName]
            graph.nodes[conv].outputs = node.outputs
            folded.insert(place)
            tally.normalized += 1
        }
        graph.removeNodes(at: folded)
    }
}

/// What a BatchNormalization does in inference: one factor and one addend for each channel.
private struct Normalization {
    let factors: [Double]
    private let mean: [Float]
    private let addend: [Float]

    init?(_ node: Node, _ graph: Graph, _ index: GraphIndex) {
        func values(_ position: Int) -> [Float]? {
            node.input(position).flatMap { index.initializer(named: $0) }
                .flatMap { try? graph.initializers[$0].floats() }
        }
        guard let gamma = values(1), let beta = values(2), let mean = values(3), let variance = values(4),
            beta.count == gamma.count, mean.count == gamma.count, variance.count == gamma.count,
            node.int("training_mode") ?? 0 == 0
        else { return nil }
        let epsilon = Double(node.float("epsilon") ?? 1e-5)
        factors = zip(gamma, variance).map { Double($0) / (Double($1) + epsilon).squareRoot() }
        guard factors.allSatisfy(\.isFinite) else { return nil }
        self.mean = mean
        addend = beta
    }

    func scaled(_ weight: Tensor, named name: String) throws -> Tensor {
        let values = try weight.floats()
        let inner = max(1, values.count / max(1, factors.count))
        let scaled = values.indices.map { Float(Double(values[$0]) * factors[$0 / inner]) }
        return Tensor(name: name, floats: scaled, dims: weight.dims)
    }

    /// The bias of `conv` with the normalization behind it; nil when it is computed.
    func bias(of conv: Node, _ graph: Graph, _ index: GraphIndex) -> [Float]? {
        var own = [Float](repeating: 0, count: factors.count)
        if let name = conv.input(2) {
            guard let place = index.initializer(named: name), let values = try? graph.initializers[place].floats(),
                values.count == factors.count
            else { return nil }
            own = values
        }
        return factors.indices.map {
            Float((Double(own[$0]) - Double(mean[$0])) * factors[$0] + Double(addend[$0]))
        }
    }
}

extension Node {
    /// Whether the import may look at the first input and output of such a node, before the engine has seen the model.
    fileprivate var isTakenApart: Bool {
        domain.isEmpty && op != "Constant" && !["Random", "Sequence", "Optional"].contains(where: op.hasPrefix)
    }
}
