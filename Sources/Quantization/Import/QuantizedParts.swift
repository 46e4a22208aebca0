import ModelGraph

/// The Q/DQ pairs of a graph: which float tensors they stand between, and with what parameters.
struct QuantizedParts {
    /// A constant behind a DQ: integers in the file, or float values with a Q before.
    struct Constant {
        /// What the DQ gives.
        let result: String
        let integers: Tensor
        let parameters: GridParameters
        /// The float values where the file has them.
        let float: Tensor?
    }
    /// Parameters of float tensors, in graph order; a tensor may occur several times.
    private(set) var grids: [(tensor: String, parameters: GridParameters)] = []
    private(set) var constants: [Constant] = []
    /// What stands for a tensor without the pairs, in graph order.
    private(set) var aliases: [(result: String, source: String)] = []

    private let graph: Graph
    private let index: GraphIndex
    private var sources: [String: String] = [:]

    init(_ graph: Graph) throws {
        self.graph = graph
        index = GraphIndex(graph)
        for node in graph.nodes {
            if node.is("QuantizeLinear") {
                try addQuantizer(node)
            } else if node.is("DequantizeLinear") {
                try addDequantizer(node)
            } else if node.is("Clip"), let quantizer = index.producer(of: node.inputs[0]),
                graph.nodes[quantizer].is("QuantizeLinear")
            {
                alias(node.outputs[0], graph.nodes[quantizer].inputs[0])
            }
        }
        try checkOutputs()
    }

    private mutating func alias(_ result: String, _ source: String) {
        let source = sources[source] ?? source
        sources[result] = source
        aliases.append((result, source))
    }

    private mutating func addQuantizer(_ node: Node) throws {
        let parameters = try GridParameters(node, graph, index, integers: nil)
        if index.initializer(named: resolved(node.inputs[0])) == nil {
            grids.append((resolved(node.inputs[0]), parameters))
        }
        alias(node.outputs[0], node.inputs[0])
    }

    private mutating func addDequantizer(_ node: Node) throws {
        let input = node.inputs[0]
        if let place = index.initializer(named: input) {
            let integers = graph.initializers[place]
            let parameters = try GridParameters(node, graph, index, integers: integers.type)
            constants.append(
                Constant(result: node.outputs[0], integers: integers, parameters: parameters, float: nil))
            return
        }
        let own = try GridParameters(node, graph, index, integers: nil)
        guard let origin = try origin(of: input, own) else {
            // The caller gives integers: what the DQ makes of them is on its grid.
            grids.append((node.outputs[0], own))
            return
        }
        let parameters = origin.parameters
        if origin.isMoved { grids.append((input, parameters)) }
        if let place = index.initializer(named: origin.tensor) {
            try addConstant(graph.initializers[place], node, parameters)
        } else if parameters.limits != nil {
            grids.removeAll { $0.tensor == origin.tensor }
            grids.append((origin.tensor, parameters))
        }
        alias(node.outputs[0], origin.isMoved ? input : origin.tensor)
    }

    /// A float constant with Q and DQ behind it.
    private mutating func addConstant(_ float: Tensor, _ node: Node, _ parameters: GridParameters) throws {
        guard float.type == .float, let integers = try parameters.quantized(float) else {
            grids.append((float.name, parameters))
            return
        }
        constants.append(
            Constant(result: node.outputs[0], integers: integers, parameters: parameters, float: float))
    }

    private func resolved(_ tensor: String) -> String { sources[tensor] ?? tensor }

    // MARK: From a DQ back to its Q

    /// Integers that only pass through these are the float tensor's own.
    private static let moving: Set<String> = [
        "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Concat", "MaxPool", "Gather", "Split",
        "DepthToSpace", "SpaceToDepth", "Identity", "Expand", "Tile",
    ]

    private struct Origin {
        var tensor: String
        /// Those of its Q, and what a Clip of its integers left of them.
        var parameters: GridParameters
        /// Whether operators move the integers between Q and DQ.
        var isMoved = false
    }

    /// The float tensor whose integers a DQ reads; nil when the model's caller gives them.
    private func origin(of tensor: String, _ parameters: GridParameters) throws -> Origin? {
        if index.isGraphInput(tensor) { return nil }
        guard let place = index.producer(of: tensor) else {
            throw QuantizationImport.Refusal(reason: "a DequantizeLinear reads '\(tensor)', which nothing makes")
        }
        let node = graph.nodes[place]
        if node.is("QuantizeLinear") {
            let own = try GridParameters(node, graph, index, integers: nil)
            guard own.pairs(with: parameters) else {
                throw QuantizationImport.Refusal(
                    reason: "'\(node.inputs[0])' is quantized with other parameters than it is dequantized with")
            }
            return Origin(tensor: resolved(node.inputs[0]), parameters: own)
        }
        if node.is("Clip"), var origin = try origin(of: node.inputs[0], parameters), !origin.isMoved {
            origin.parameters.limits = limits(node)
            return origin
        }
        guard node.is(anyOf: Self.moving) else {
            throw QuantizationImport.Refusal(reason: "\(node.label) computes with integers between Q and DQ")
        }
        let parts = try (node.op == "Concat" ? node.inputs : Array(node.inputs.prefix(1))).map {
            try origin(of: $0, parameters)
        }
        let made = parts.compactMap { $0 }
        guard let first = made.first, made.count == parts.count, made.allSatisfy({ $0.parameters.limits == nil }) else {
            throw QuantizationImport.Refusal(reason: "\(node.label) moves integers that no QuantizeLinear made")
        }
        return Origin(tensor: tensor, parameters: first.parameters, isMoved: true)
    }

    private func limits(_ clip: Node) -> ClosedRange<Int>? {
        func bound(_ position: Int) -> Int? {
            clip.input(position).flatMap { index.initializer(named: $0) }
                .flatMap { try? graph.initializers[$0].int64s().first }.map { Int(clamping: $0) }
        }
        guard let low = bound(1), let high = bound(2), low <= high else { return nil }
        return low...high
    }

    /// An integer output may come right out of a Q; what moves it on the way would lose its type.
    private func checkOutputs() throws {
        for output in graph.outputs {
            guard let place = index.producer(of: output.name), !graph.nodes[place].is("QuantizeLinear"),
                graph.nodes[place].is(anyOf: Self.moving.union(["Clip"])),
                graph.nodes[place].inputs.first.map({ sources[$0] != nil && isInteger($0) }) ?? false
            else { continue }
            throw QuantizationImport.Refusal(
                reason: "the output '\(output.name)' moves integers behind a QuantizeLinear")
        }
    }

    private func isInteger(_ tensor: String) -> Bool {
        index.producer(of: tensor).map { graph.nodes[$0].is("QuantizeLinear") } ?? false
    }
}
