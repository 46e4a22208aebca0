package import ModelGraph

/// A float graph in which integer anchors also run on the numbers they will get: activations rounded to their grids
/// and weights rounded to theirs. A `Compare` operator sees both outputs, so the error of each layer is known channel by
/// channel, with the noise of the integer operators between it and the anchor before, and without the noise of all layers
/// above.
package struct Simulation {
    /// Holds the layers whose errors are not known yet, and what they need.
    package let graph: Graph
    /// The outputs to ask for: they bring what the graph holds to run.
    package let outputs: [String]
    /// All simulated anchors.
    package let anchors: [Anchor]
    /// The place in `anchors` of what each `Compare` slot sees.
    package let compared: [Int]
    private let numbers: [Int]
    private let known: KnownErrors

    package init(
        _ topology: Topology, _ plan: Plan, _ weights: [Int: QuantizedWeight], known: KnownErrors = KnownErrors()
    ) throws {
        var builder = SimulationBuilder(topology, plan)
        let simulated = plan.placement.anchors.compactMap { anchor in weights[anchor.node].map { (anchor, $0) } }
        let results = simulated.map { builder.simulate($0, $1) }
        var forms = SimulationForms(builder, known)
        numbers = try results.map { try forms.number(of: $0) }
        anchors = simulated.map(\.0)
        self.known = known
        compared = numbers.indices.filter { [numbers] in known[numbers[$0]] == nil }
        outputs = compared.enumerated().map { builder.compare(simulated[$1].0.output, results[$1], slot: $0) }
        graph = try builder.finish(outputs)
    }

    /// The error of each of `anchors`; `seen` are those of the `Compare` slots.
    package func errors(_ seen: [LayerError]) -> [LayerError] {
        for (place, error) in zip(compared, seen) { known[numbers[place]] = error }
        return zip(anchors, numbers).map { anchor, number in known[number] ?? LayerError(channels: anchor.channels) }
    }
}

/// Adds to a float graph what its anchors compute from rounded numbers.
struct SimulationBuilder {
    let topology: Topology
    let plan: Plan
    var graph: Graph
    var added: [Node] = []
    /// Simulated weights by the names of their tensors.
    private(set) var weights: [String: QuantizedWeight] = [:]
    /// Simulated form of tensors that have one already.
    private var rounded: [String: String] = [:]
    /// Raw output of an anchor or Add by the tensor behind its absorbed activation.
    private let raw: [String: String]

    init(_ topology: Topology, _ plan: Plan) {
        self.topology = topology
        self.plan = plan
        graph = topology.graph
        raw = Dictionary(uniqueKeysWithValues: plan.placement.absorbed.map { ($1, $0) })
    }

    /// Adds an operator that sees the tensor `float` beside what was simulated for it; returns the name of its output.
    mutating func compare(_ float: String, _ simulated: String, slot: Int) -> String {
        let verdict = graph.freshName(float + "/compared")
        added.append(
            Node(
                op: "Compare", inputs: [float, simulated], outputs: [verdict], name: verdict,
                domain: Instrumentation.domain, attributes: [.int("slot", slot)]))
        return verdict
    }

    /// Adds a copy of `anchor` that reads rounded numbers, with another bias where one is given, and returns its output.
    mutating func simulate(_ anchor: Anchor, _ weight: QuantizedWeight, bias: [Float]? = nil) -> String {
        var clone = topology.graph.nodes[anchor.node]
        clone.name = graph.freshName(anchor.output + "/simulated_node")
        clone.inputs[0] = round(anchor.activation)
        clone.inputs[1] = graph.addFloats(
            weight.dequantized(), dims: weight.dims, stem: anchor.output + "/simulated_weight")
        weights[clone.inputs[1]] = weight
        if let bias, clone.op != "MatMul" {
            let name = graph.addFloats(bias, dims: [bias.count], stem: anchor.output + "/simulated_bias")
            if clone.inputs.count > 2 { clone.inputs[2] = name } else { clone.inputs.append(name) }
        }
        let output = graph.freshName(anchor.output + "/simulated")
        clone.outputs[0] = output
        added.append(clone)
        return output
    }

    /// The float graph with what was added.
    mutating func finish() throws -> Graph {
        graph.nodes.append(contentsOf: added)
        try graph.sortTopologically()
        return graph
    }

    /// What the verdicts of `compare` need, and nothing else.
    mutating func finish(_ verdicts: [String]) throws -> Graph {
        graph.outputs = verdicts.map { ValueInfo(name: $0, type: .int64, shape: [.fixed(1)]) }
        var whole = try finish()
        whole.removeUnused()
        return whole
    }

    /// `tensor` as integer consumers see it. Starts from the float tensor behind anchors and float nodes; integer
    /// operators in between are cloned so that their noise adds up.
    private mutating func round(_ tensor: String) -> String {
        if let known = rounded[tensor] { return known }
        guard let grid = plan.grid(tensor) else { return tensor }
        let source = simulatedSource(tensor)
        let scale = graph.addFloats([grid.scale], dims: [], stem: tensor + "/sim_scale")
        let zero = graph.addInitializer(grid.zeroTensor(named: tensor + "/sim_zero"))
        let domain = grid.top > 255 ? "com.microsoft" : ""
        let integer = graph.freshName(tensor + "/sim_q")
        let result = graph.freshName(tensor + "/sim_dq")
        added.append(
            Node(
                op: "QuantizeLinear", inputs: [source, scale, zero], outputs: [integer], name: integer, domain: domain))
        added.append(
            Node(
                op: "DequantizeLinear", inputs: [integer, scale, zero], outputs: [result], name: result, domain: domain)
        )
        rounded[tensor] = result
        return result
    }

    private mutating func simulatedSource(_ tensor: String) -> String {
        let output = raw[tensor] ?? tensor
        guard let i = topology.index.producer(of: output), passesNoise(i) else { return tensor }
        var clone = topology.graph.nodes[i]
        clone.name = graph.freshName(output + "/sim_node")
        clone.inputs = clone.inputs.map { input in
            guard topology.constant(input) == nil else { return input }
            return plan.grid(input) == nil ? simulatedSource(input) : round(input)
        }
        var source = tensor
        for (position, name) in clone.outputs.enumerated() where !name.isEmpty {
            let fresh = graph.freshName(name + "/sim_raw")
            clone.outputs[position] = fresh
            if name == output { source = fresh }
        }
        added.append(clone)
        return source
    }

    /// Whether what rounding did to its inputs shows in a node's output: it is no anchor, and it computes in integers or is
    /// a SiLU or hard swish left in float behind an integer anchor.
    private func passesNoise(_ i: Int) -> Bool {
        let node = topology.graph.nodes[i]
        if plan.placement.verdicts[i] == .integer { return OperatorRule.of(node) != .anchor }
        let gates: Set = ["Sigmoid", "HardSigmoid"]
        if node.is(anyOf: gates) { return plan.grid(node.inputs[0]) != nil }
        return topology.index.sigmoidLinear(node, in: topology.graph, gates: gates)
            .map { plan.grid($0) != nil } ?? false
    }
}
