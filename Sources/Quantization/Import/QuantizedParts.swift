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

    /// Tensors of integers that a Q made, and those that only moved or clipped them since.
    private var origins: [String: Origin] = [:]

    private struct Origin {
        /// The float tensor behind the Q; once operators moved the integers, their own name.
        var tensor: String
        /// Those of its Q, and what a Clip of its integers left of them.
        var parameters: GridParameters
        /// Whether operators moved the integers since the Q.
        var isMoved = false
    }

    /// `graph` is sorted: one walk along it meets every Q before what reads its integers.
    init(_ graph: Graph) throws {
        self.graph = graph
        index = GraphIndex(graph)
        for node in graph.nodes {
            if node.is("QuantizeLinear") {
                try addQuantizer(node)
            } else if node.is("DequantizeLinear") {
                try addDequantizer(node)
            } else {
                try follow(node)
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
        origins[node.outputs[0]] = Origin(tensor: resolved(node.inputs[0]), parameters: parameters)
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
        guard let origin = origins[input] else {
            // The caller gives integers: what the DQ makes of them is on its grid.
            guard index.isGraphInput(input) else { throw unknownOrigin(of: input) }
            grids.append((node.outputs[0], own))
            return
        }
        guard origin.parameters.pairs(with: own) else {
            throw QuantizationImport.Refusal(
                reason: "'\(origin.tensor)' is quantized with other parameters than it is dequantized with")
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

    // MARK: From a Q to its DQ

    /// Integers that only pass through these are the float tensor's own.
    static let moving: Set<String> = [
        "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Concat", "MaxPool", "Gather", "Split",
        "DepthToSpace", "SpaceToDepth", "Identity", "Expand", "Tile",
    ]

    /// What `node` does to integers that a Q made. Throws for anything but moving and clipping them: it would find float
    /// values in their place.
    private mutating func follow(_ node: Node) throws {
        let read = node.inputs.filter { origins[$0] != nil }
        if let captured = node.hasSubgraphs ? node.capturedNames.filter({ origins[$0] != nil }).min() : nil {
            throw computing(node, with: captured)
        }
        guard let first = read.first, let origin = origins[first], !node.is(anyOf: ["Shape", "Size"]) else { return }
        if node.is("Clip"), read.count == 1, node.inputs[0] == first, !origin.isMoved {
            var clipped = origin
            clipped.parameters.limits = try limits(node) ?? origin.parameters.limits
            origins[node.outputs[0]] = clipped
            return alias(node.outputs[0], first)
        }
        guard node.is(anyOf: Self.moving) else { throw computing(node, with: first) }
        let moved = node.op == "Concat" ? node.inputs : Array(node.inputs.prefix(1))
        let parts = moved.compactMap { origins[$0]?.parameters }
        guard parts.count == moved.count, read.count == moved.count,
            parts.allSatisfy({ $0.limits == nil && $0.pairs(with: origin.parameters) })
        else {
            throw QuantizationImport.Refusal(
                reason: "\(node.label) moves integers that no QuantizeLinear made, or several made differently")
        }
        for output in node.outputs where !output.isEmpty {
            origins[output] = Origin(tensor: output, parameters: origin.parameters, isMoved: true)
        }
    }

    private func computing(_ node: Node, with tensor: String) -> QuantizationImport.Refusal {
        QuantizationImport.Refusal(reason: "\(node.label) computes with '\(tensor)', the integers of a QuantizeLinear")
    }

    private func unknownOrigin(of tensor: String) -> QuantizationImport.Refusal {
        guard let place = index.producer(of: tensor) else {
            return QuantizationImport.Refusal(reason: "a DequantizeLinear reads '\(tensor)', which nothing makes")
        }
        let node = graph.nodes[place]
        return QuantizationImport.Refusal(
            reason: node.is(anyOf: Self.moving)
                ? "\(node.label) moves integers that no QuantizeLinear made"
                : "\(node.label) computes with integers between Q and DQ")
    }

    /// The integers that a Clip leaves; nil where it leaves all.
    private func limits(_ clip: Node) throws -> ClosedRange<Int>? {
        func bound(_ position: Int) throws -> Int? {
            guard let name = clip.input(position) else { return nil }
            guard let place = index.initializer(named: name),
                let value = try? graph.initializers[place].int64s().first
            else { throw QuantizationImport.Refusal(reason: "'\(name)', a bound of \(clip.label), is computed") }
            return Int(Int32(clamping: value))
        }
        let (low, high) = try (bound(1), bound(2))
        if low == nil && high == nil { return nil }
        let (lowest, highest) = (low ?? Int(Int32.min), high ?? Int(Int32.max))
        guard lowest < highest else {
            throw QuantizationImport.Refusal(reason: "\(clip.label) makes all integers of a QuantizeLinear equal")
        }
        return lowest...highest
    }

    /// An integer output may come right out of a Q; what moves it on the way would lose its type.
    private func checkOutputs() throws {
        for output in graph.outputs where origins[output.name] != nil {
            if let place = index.producer(of: output.name), graph.nodes[place].is("QuantizeLinear") { continue }
            throw QuantizationImport.Refusal(
                reason: "the output '\(output.name)' moves integers behind a QuantizeLinear")
        }
    }
}
