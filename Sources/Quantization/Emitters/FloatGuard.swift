import ModelGraph

/// Keeps what the plan left in float in float.
///
/// ONNX Runtime takes a float Conv, ConvTranspose or Gemm between a DequantizeLinear and a QuantizeLinear, also with a Relu
/// or Clip before the latter, for one whose weight was forgotten, and quantizes that weight with one scale for all channels
/// (its WeightBiasQuantization). A MobileNet with one depthwise Conv in float so falls from 40 dB to 7. A LeakyRelu in
/// between hides the pattern: with slope 1 it is the identity, with slope 0 a Relu, and the runtime fuses either into the
/// layer's own kernel. The same happens where only Reshapes and their like lie in between, because the runtime moves a
/// QuantizeLinear up above them.
///
/// It also moves a QuantizeLinear up above a float MaxPool, which then pools 8-bit integers in an order of axes that it has no
/// fast kernel for: a small net with a float stem took 2.2 to 4.6 times as long. A Max with the least float keeps it behind.
struct FloatGuard {
    private var graph: Graph
    private let index: GraphIndex
    private let floats: Set<String>

    /// `floats` names the nodes that the plan leaves in float.
    init(_ graph: Graph, floats: Set<String>) {
        self.graph = graph
        self.floats = floats
        index = GraphIndex(graph)
    }

    /// The same function of the inputs, with every float layer safe.
    func guarded() -> Graph {
        var copy = self
        for place in graph.nodes.indices where isInDanger(place) { copy.protect(place) }
        for place in graph.nodes.indices where isFloatPool(place) { copy.holdQuantizers(behind: place) }
        return copy.graph
    }

    private func isFloatPool(_ place: Int) -> Bool {
        let node = graph.nodes[place]
        guard node.is("MaxPool"), node.outputs.count == 1, let source = index.producer(of: node.inputs[0]) else {
            return false
        }
        return graph.nodes[source].op != "DequantizeLinear" && !quantizers(after: node).isEmpty
    }

    /// Quantizers of the pool read it through a Max that has no effect.
    private mutating func holdQuantizers(behind place: Int) {
        let output = graph.nodes[place].outputs[0]
        let least = graph.addFloats([-.greatestFiniteMagnitude], dims: [], stem: "least_float")
        let held = graph.freshName(output + "/held")
        for consumer in index.consumers(of: output) where graph.nodes[consumer].op == "QuantizeLinear" {
            graph.nodes[consumer].inputs[0] = held
        }
        graph.nodes.append(Node(op: "Max", inputs: [output, least], outputs: [held], name: held))
    }

    private static let endangered: Set<String> = ["Conv", "ConvTranspose", "Gemm"]

    private func isInDanger(_ place: Int) -> Bool {
        let node = graph.nodes[place]
        guard node.domain.isEmpty, let input = node.inputs.first,
            index.producer(of: input).map({ graph.nodes[$0].op }) == "DequantizeLinear"
        else { return false }
        // The runtime takes any pool of averages for an integer one, and then refuses dilations, and means that are small beside
        // the values.
        if node.op == "AveragePool" { return node.dilates }
        if node.op == "GlobalAveragePool" { return floats.contains(node.name) }
        guard Self.endangered.contains(node.op), node.inputs.count > 1 else { return false }
        return index.initializer(named: node.inputs[1]) != nil
    }

    private mutating func protect(_ place: Int) {
        let output = graph.nodes[place].outputs[0]
        var needsIdentity = false
        for consumer in index.consumers(of: output) {
            let node = graph.nodes[consumer]
            if node.op == "QuantizeLinear" || isMover(node) && leadsToQuantizer(node) {
                needsIdentity = true
            } else if node.op == "Relu", leadsToQuantizer(node) {
                becomeLeakyRelu(consumer, slope: 0)
            } else if node.op == "Clip", leadsToQuantizer(node) {
                let quantizers = self.quantizers(after: node)
                if quantizers.count == index.consumers(of: node.outputs[0]).count, !isOutput(node.outputs[0]),
                    quantizers.allSatisfy({ saturates($0, like: node) })
                {
                    becomeLeakyRelu(consumer, slope: 1)
                } else {
                    needsIdentity = true
                }
            }
        }
        if needsIdentity { addIdentity(behind: place) }
    }

    private func quantizers(after node: Node) -> [Node] {
        index.consumers(of: node.outputs[0]).map { graph.nodes[$0] }.filter { $0.op == "QuantizeLinear" }
    }

    /// Whether a QuantizeLinear reads what `node` gives, at once or behind operators that only move values.
    private func leadsToQuantizer(_ node: Node) -> Bool {
        var open = node.outputs
        while let tensor = open.popLast() {
            for consumer in index.consumers(of: tensor) {
                let reader = graph.nodes[consumer]
                if reader.op == "QuantizeLinear" { return true }
                if isMover(reader) { open += reader.outputs }
            }
        }
        return false
    }

    private func isMover(_ node: Node) -> Bool { OperatorRule.of(node) == .passThrough }

    private func isOutput(_ name: String) -> Bool { graph.outputs.contains { $0.name == name } }

    /// Whether `quantizer` gives its smallest and largest number at the bounds of `clip`, which then has no effect.
    private func saturates(_ quantizer: Node, like clip: Node) -> Bool {
        guard quantizer.inputs.count == 3, let scale = floats(quantizer.inputs[1])?.first,
            let place = index.initializer(named: quantizer.inputs[2]),
            let ends = graph.initializers[place].type.byteRange,
            let zero = (try? graph.initializers[place].int64s())?.first,
            clip.inputs.count == 3, let low = floats(clip.inputs[1])?.first, let high = floats(clip.inputs[2])?.first
        else { return false }
        func quantized(_ value: Float) -> Float { (value / scale).rounded(.toNearestOrEven) + Float(zero) }
        return low <= high && quantized(low) <= Float(ends.lowerBound) && quantized(high) >= Float(ends.upperBound)
    }

    private func floats(_ name: String) -> [Float]? {
        index.initializer(named: name).flatMap { try? graph.initializers[$0].floats() }
    }

    private mutating func becomeLeakyRelu(_ place: Int, slope: Float) {
        var node = graph.nodes[place]
        node.op = "LeakyRelu"
        node.inputs = [node.inputs[0]]
        node.attributes = [.float("alpha", slope)]
        graph.nodes[place] = node
    }

    private mutating func addIdentity(behind place: Int) {
        let output = graph.nodes[place].outputs[0]
        let inner = graph.freshName(output + "/float")
        graph.renameOutput(output, to: inner, at: place)
        graph.nodes.append(
            Node(
                op: "LeakyRelu", inputs: [inner], outputs: [output], name: graph.freshName(output + "/keep_float"),
                attributes: [.float("alpha", 1)]))
    }
}

extension Placement {
    /// Names of the nodes that stay float.
    func floats(of graph: Graph) -> Set<String> {
        Set(
            zip(graph.nodes, verdicts).compactMap { node, verdict in
                if case .float = verdict { node.name } else { nil }
            })
    }
}
