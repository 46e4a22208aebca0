package import ModelGraph

/// Carries out a plan for ONNX Runtime: U8 or S8 activations, as the target wants them, and S8 weights as Q/DQ pairs, int32
/// biases with scale `s_x * s_w`, a quantizer behind every integer operator so that the runtime fuses each into one integer
/// kernel.
package struct QDQEmitter {
    private let topology: Topology
    private let plan: Plan
    private let rules: TargetRules
    private var graph: Graph
    private var nodes: [Node] = []
    private var parameterNames: [ParameterKey: (scale: String, zero: String)] = [:]
    /// What stands in for the output of a Clip that was left out.
    private var bypassed: [String: String] = [:]
    /// What integer consumers read instead of a quantized tensor.
    private var dequantized: [String: String] = [:]
    /// The integers behind what integer consumers read.
    private var integers: [String: String] = [:]

    private struct ParameterKey: Hashable {
        let scale: UInt32
        let zeroPoint: Int
        let isWide: Bool
    }

    /// Domain of Q and DQ on 16 bits: ONNX has them from operator set 21 on, the runtime's own domain has always had them.
    private let wideDomain: String

    /// `opset` is the model's version of ONNX's operators.
    package init(_ topology: Topology, _ plan: Plan, _ rules: TargetRules = .x64, opset: Int = 13) {
        wideDomain = opset >= 21 ? "" : OperatorDomain.microsoft
        self.topology = topology
        self.plan = plan
        self.rules = rules
        graph = topology.graph
    }

    /// The quantized graph. `weights` holds the integer form of every anchor's weight and `biases` the corrected bias, both
    /// by node index; an anchor missing from `biases` keeps its own bias, or none.
    package mutating func emit(weights: [Int: QuantizedWeight], biases: [Int: [Float]]) throws -> Graph {
        let anchors = Dictionary(uniqueKeysWithValues: plan.placement.anchors.map { ($0.node, $0) })
        for input in topology.graph.inputs { quantizeFloatTensor(input.name) }
        for (i, node) in topology.graph.nodes.enumerated() {
            switch plan.placement.verdicts[i] {
            case .absorbed: continue
            case .float where isImplied(node):
                bypassed[node.outputs[0]] = bypassed[node.inputs[0]] ?? node.inputs[0]
            case .float:
                var edited = node
                edited.inputs = node.inputs.map { bypassed[$0] ?? $0 }
                nodes.append(edited)
                node.outputs.forEach { quantizeFloatTensor($0) }
            case .integer:
                var edited = node
                if let anchor = anchors[i], let weight = weights[i] {
                    connect(&edited, anchor, weight, biases[i])
                } else if node.op == "HardSigmoid" {
                    connectHardSigmoid(&edited)
                } else {
                    connectActivations(&edited)
                }
                requantize(&edited)
            }
        }
        graph.nodes = nodes
        graph.fuseFloatSiLU()
        graph.joinSplitsWhole()
        graph = FloatGuard(graph, floats: plan.placement.floats(of: topology.graph)).guarded()
        try graph.sortTopologically()
        graph.removeUnused()
        return graph
    }

    /// Whether `node` is a float Clip that does nothing because a grid upstream confines its input already.
    private func isImplied(_ node: Node) -> Bool {
        guard node.op == "Clip", let bounds = topology.clampBounds(node), topology.isPrivate(node.outputs[0]),
            plan.grid(node.outputs[0]) == nil
        else { return false }
        return isConfined(node.inputs[0], to: bounds)
    }

    /// Whether every value of `tensor` comes out of a quantizer whose grid lies within `bounds`.
    private func isConfined(_ tensor: String, to bounds: ValueRange) -> Bool {
        var (open, seen) = ([tensor], Set<String>())
        while let tensor = open.popLast() {
            guard seen.insert(tensor).inserted else { continue }
            guard let i = topology.index.producer(of: tensor) else { return false }
            if let range = plan.grid(tensor)?.range {
                // A float tensor keeps its own values beside the grid that integer consumers read.
                if case .float = plan.placement.verdicts[i] { return false }
                guard range.low >= bounds.low && range.high <= bounds.high else { return false }
                continue
            }
            let producer = topology.graph.nodes[i]
            switch OperatorRule.of(producer) {
            case .passThrough: open.append(producer.inputs[0])
            case .concat: open += producer.inputs
            default: return false
            }
        }
        return true
    }

    // MARK: Activations

    /// Q and DQ behind a tensor that stays float itself; float consumers go on reading the original.
    private mutating func quantizeFloatTensor(_ tensor: String) {
        guard let grid = plan.grid(tensor), dequantized[tensor] == nil else { return }
        let output = graph.freshName(tensor + "/dequantized")
        addPair(from: tensor, to: output, grid)
        dequantized[tensor] = output
    }

    /// Q and DQ behind what an integer node gives. The dequantized tensor takes the old name, so that float consumers,
    /// graph outputs and subgraphs need no change.
    private mutating func requantize(_ node: inout Node) {
        var pairs: [(raw: String, tensor: String, grid: Affine)] = []
        for (position, output) in node.outputs.enumerated() where !output.isEmpty {
            let tensor = plan.placement.result(of: output)
            guard let grid = plan.grid(tensor) else { continue }
            let raw = graph.freshName(tensor + "/raw")
            node.outputs[position] = raw
            pairs.append((raw, tensor, grid))
        }
        // The runtime's integer kernel does not know the attribute; what is left of it here is the default.
        if node.op == "AveragePool" { _ = node.removeAttribute("dilations") }
        nodes.append(node)
        for pair in pairs {
            addPair(from: pair.raw, to: pair.tensor, pair.grid)
            dequantized[pair.tensor] = pair.tensor
        }
    }

    private mutating func addPair(from source: String, to result: String, _ grid: Affine) {
        let parameters = parameters(grid)
        let integer = graph.freshName(source + "/quantized")
        nodes.append(
            Node(
                op: "QuantizeLinear", inputs: [source, parameters.scale, parameters.zero], outputs: [integer],
                name: integer, domain: domain(grid)))
        let levels = confined(integer, grid)
        integers[result] = levels
        nodes.append(
            Node(
                op: "DequantizeLinear", inputs: [levels, parameters.scale, parameters.zero],
                outputs: [result], name: graph.freshName(source + "/dequantize"), domain: domain(grid)))
    }

    /// Levels counted from 0 as the target stores them, or in 16 bits.
    private func stored(_ levels: [Int], dims: [Int], on grid: Affine, named name: String) -> Tensor {
        grid.top > 255
            ? grid.tensor(levels, dims: dims, named: name) : rules.activations(levels, dims: dims, named: name)
    }

    private func domain(_ grid: Affine) -> String { grid.top > 255 ? wideDomain : "" }

    /// A trained grid that ends before 255 ends so in the artifact: a Clip of integers costs next to nothing.
    private mutating func confined(_ integer: String, _ grid: Affine) -> String {
        guard grid.top < 255 else { return integer }
        let result = graph.freshName(integer + "/confined")
        let bounds = [0, grid.top].map { bound in
            graph.addInitializer(stored([bound], dims: [], on: grid, named: integer + "/bound"))
        }
        nodes.append(Node(op: "Clip", inputs: [integer] + bounds, outputs: [result], name: result))
        return result
    }

    /// Scale and zero point as scalars; equal parameters are stored once.
    private mutating func parameters(_ grid: Affine) -> (scale: String, zero: String) {
        let isWide = grid.top > 255
        let key = ParameterKey(scale: grid.scale.bitPattern, zeroPoint: grid.zeroPoint, isWide: isWide)
        if let known = parameterNames[key] { return known }
        let stem = "grid_\(parameterNames.count)"
        let scale = graph.addFloats([grid.scale], dims: [], stem: stem + "/scale")
        let zero = graph.addInitializer(stored([grid.zeroPoint], dims: [], on: grid, named: stem + "/zero_point"))
        parameterNames[key] = (scale, zero)
        return (scale, zero)
    }

    private mutating func connectActivations(_ node: inout Node) {
        let rule = OperatorRule.of(node)
        for (position, input) in node.inputs.enumerated() where rule != .passThrough || position == 0 {
            if let name = dequantized[input] {
                node.inputs[position] = name
            } else if rule == .arithmetic, let constant = topology.constant(input),
                let name = dequantizedConstant(constant)
            {
                node.inputs[position] = name
            }
        }
    }

    /// HardSigmoid, `max(0, min(1, alpha x + beta))`, as an Add: the integers of x on alpha times their scale are alpha x, and
    /// the grid of the result ends at 0 and at 1.
    private mutating func connectHardSigmoid(_ node: inout Node) {
        let source = node.inputs[0]
        guard let grid = plan.grid(source), let integer = integers[dequantized[source] ?? source] else { return }
        var scaled = grid
        scaled.scale = max(grid.scale * (node.float("alpha") ?? 0.2), .leastNormalMagnitude)
        let parameters = parameters(scaled)
        let result = graph.freshName(node.outputs[0] + "/scaled")
        nodes.append(
            Node(
                op: "DequantizeLinear", inputs: [integer, parameters.scale, parameters.zero], outputs: [result],
                name: result, domain: domain(grid)))
        let beta = Tensor(name: node.outputs[0] + "/beta", floats: [node.float("beta") ?? 0.5], dims: [])
        guard let addend = dequantizedConstant(beta) else { return }
        node = Node(op: "Add", inputs: [result, addend], outputs: node.outputs, name: node.name)
    }

    /// A constant operand of an integer Add or Mul, in the type of activations behind its own DQ.
    private mutating func dequantizedConstant(_ constant: Tensor) -> String? {
        if let known = dequantized[constant.name] { return known }
        guard let values = try? constant.floats(), let low = values.min(), let high = values.max() else { return nil }
        let grid =
            topology.trained.activations[constant.name]
            ?? Affine.unsigned(ValueRange(low: low, high: high), top: plan.top)
        let integer = graph.addInitializer(
            stored(values.map(grid.integer), dims: constant.dims, on: grid, named: constant.name + "/quantized"))
        let parameters = parameters(grid)
        let result = graph.freshName(constant.name + "/dequantized")
        nodes.append(
            Node(
                op: "DequantizeLinear", inputs: [integer, parameters.scale, parameters.zero], outputs: [result],
                name: result, domain: domain(grid)))
        dequantized[constant.name] = result
        return result
    }

    // MARK: Weights

    private mutating func connect(_ node: inout Node, _ anchor: Anchor, _ weight: QuantizedWeight, _ bias: [Float]?) {
        guard let grid = plan.grid(anchor.activation) else { return }
        node.inputs[0] = dequantized[anchor.activation] ?? anchor.activation
        let stem = anchor.output
        node.inputs[1] = addWeight(weight, stem: stem)
        let own = anchor.bias.flatMap { try? topology.constant($0)?.floats() }
        guard node.op != "MatMul", let values = bias ?? own, values.count == anchor.channels else { return }
        let name = addBias(values, weight, activation: grid.scale, stem: stem)
        if node.inputs.count > 2 { node.inputs[2] = name } else { node.inputs.append(name) }
    }

    private mutating func addWeight(_ weight: QuantizedWeight, stem: String) -> String {
        let integer = graph.addInitializer(
            Tensor(name: stem + "/weight", int8s: weight.values, dims: weight.dims))
        let zeros = [UInt8](repeating: UInt8(truncatingIfNeeded: weight.zeroPoint), count: weight.scales.count)
        if weight.isPerTensor, let scale = weight.scales.first {
            return addScalar(integer, scale, type: .int8, zero: [zeros[0]], stem: stem + "/weight")
        }
        return addChannelwise(
            integer, weight.scales, type: .int8, zeros: zeros, axis: weight.axis, stem: stem + "/weight")
    }

    /// Bias in int32 at scale `s_x * s_w[c]` with zero point 0, as the integer kernels add it to their accumulators.
    private mutating func addBias(
        _ bias: [Float], _ weight: QuantizedWeight, activation: Float, stem: String
    ) -> String {
        // A product too small for a float leaves room for no bias, and one too large for nothing else.
        let joint = weight.scales.map {
            min(max($0 * activation, .leastNormalMagnitude), .greatestFiniteMagnitude)
        }
        let limit = Double(Int32.max)
        let integers = zip(bias, joint).map { value, scale in
            let q = (Double(value) / Double(scale)).rounded(.toNearestOrEven)
            return Int32(min(max(q, -limit), limit))
        }
        let integer = graph.addInitializer(Tensor(name: stem + "/bias", int32s: integers, dims: [bias.count]))
        if weight.isPerTensor, let scale = joint.first {
            return addScalar(integer, scale, type: .int32, zero: [0, 0, 0, 0], stem: stem + "/bias")
        }
        let zeros = [UInt8](repeating: 0, count: 4 * bias.count)
        return addChannelwise(integer, joint, type: .int32, zeros: zeros, axis: 0, stem: stem + "/bias")
    }

    private mutating func addScalar(
        _ integer: String, _ scale: Float, type: ElementType, zero: [UInt8], stem: String
    ) -> String {
        let scale = graph.addFloats([scale], dims: [], stem: stem + "/scale")
        let zero = graph.addInitializer(Tensor(name: stem + "/zero_point", type: type, dims: [], bytes: zero))
        let result = graph.freshName(stem + "/dequantized")
        nodes.append(
            Node(op: "DequantizeLinear", inputs: [integer, scale, zero], outputs: [result], name: result))
        return result
    }

    private mutating func addChannelwise(
        _ integer: String, _ scales: [Float], type: ElementType, zeros: [UInt8], axis: Int, stem: String
    ) -> String {
        let scale = graph.addFloats(scales, dims: [scales.count], stem: stem + "/scale")
        let zero = graph.addInitializer(
            Tensor(name: stem + "/zero_point", type: type, dims: [scales.count], bytes: zeros))
        let result = graph.freshName(stem + "/dequantized")
        nodes.append(
            Node(
                op: "DequantizeLinear", inputs: [integer, scale, zero], outputs: [result], name: result,
                attributes: [.int("axis", axis)]))
        return result
    }
}
