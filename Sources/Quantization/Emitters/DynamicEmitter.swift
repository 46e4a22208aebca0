package import ModelGraph

/// Products in integers with activation ranges found anew in every run: DynamicQuantizeLinear, MatMulInteger and what turns
/// the sums into float again. ONNX Runtime fuses the lot into one kernel (DynamicQuantizeMatMul, or MatMulIntegerToFloat
/// where several layers read the same tensor); the file has ONNX's own operators, but for LSTMs, which only
/// com.microsoft.DynamicQuantizeLSTM computes so.
package struct DynamicEmitter {
    private let topology: Topology
    private var graph: Graph
    private var added: [Node] = []
    /// Integers, scale and zero point by the tensor that was quantized.
    private var quantized: [String: [String]] = [:]
    /// Weight, zero point and scale by the constant they stand for.
    private var stored: [String: [String]] = [:]

    package init(_ topology: Topology, _ graph: Graph) {
        self.topology = topology
        self.graph = graph
    }

    /// Replaces the MatMuls and Gemms among `anchors` and the LSTMs at `recurrent`. All other nodes keep their places: what is
    /// new stands in the place of a layer or at the end, in no order.
    package mutating func edit(
        _ anchors: [Anchor], recurrent: [Int], weights: [Int: QuantizedWeight], biases: [Int: [Float]]
    ) throws -> Graph {
        for anchor in anchors where !anchor.channelsFirst {
            guard let weight = weights[anchor.node], let columns = try weight.inColumns() else { continue }
            multiply(anchor, columns, biases[anchor.node])
        }
        for place in recurrent { try becomeDynamic(place) }
        graph.nodes.append(contentsOf: added)
        return graph
    }

    // MARK: MatMul and Gemm

    private mutating func multiply(_ anchor: Anchor, _ weight: QuantizedWeight, _ corrected: [Float]?) {
        let node = graph.nodes[anchor.node]
        let activation = quantize(anchor.activation)
        let weights = store(weight, of: anchor)
        func add(_ op: String, _ inputs: [String], to output: String, _ attributes: [Attribute] = []) -> String {
            let name = graph.freshName(output + "/" + op)
            added.append(Node(op: op, inputs: inputs, outputs: [output], name: name, attributes: attributes))
            return output
        }
        func fresh(_ suffix: String) -> String { graph.freshName(node.name + suffix) }
        let sums = fresh("/integer")
        graph.nodes[anchor.node] = Node(
            op: "MatMulInteger", inputs: [activation[0], weights[0], activation[2], weights[1]], outputs: [sums],
            name: node.name)
        let floats = add("Cast", [sums], to: fresh("/float"), [.int("to", 1)])
        let scale = add("Mul", [activation[1], weights[2]], to: fresh("/scale"))
        let own = anchor.bias.flatMap { try? topology.constant($0)?.floats() }
        let bias = node.op == "MatMul" ? nil : corrected ?? own
        let product = add("Mul", [floats, scale], to: bias == nil ? anchor.output : fresh("/product"))
        guard let bias else { return }
        let addend = graph.addFloats(bias, dims: [bias.count], stem: anchor.output + "/bias")
        _ = add("Add", [product, addend], to: anchor.output)
    }

    /// One DynamicQuantizeLinear for all readers of a tensor.
    private mutating func quantize(_ tensor: String) -> [String] {
        if let known = quantized[tensor] { return known }
        let outputs = ["/quantized", "/scale", "/zero_point"].map { graph.freshName(tensor + $0) }
        added.append(Node(op: "DynamicQuantizeLinear", inputs: [tensor], outputs: outputs, name: outputs[0]))
        quantized[tensor] = outputs
        return outputs
    }

    private mutating func store(_ weight: QuantizedWeight, of anchor: Anchor) -> [String] {
        let key = "\(anchor.weight) \(anchor.channelAxis)"
        if let known = stored[key] { return known }
        let zeros = [Int8](repeating: Int8(clamping: weight.zeroPoint), count: weight.scales.count)
        let names = [
            graph.addInitializer(Tensor(name: anchor.weight + "/int8", int8s: weight.values, dims: weight.dims)),
            graph.addInitializer(Tensor(name: anchor.weight + "/zero_point", int8s: zeros)),
            graph.addFloats(weight.scales, dims: [weight.scales.count], stem: anchor.weight + "/scale"),
        ]
        stored[key] = names
        return names
    }

    // MARK: LSTM

    /// com.microsoft.DynamicQuantizeLSTM takes its weights transposed, with a scale for each column.
    private mutating func becomeDynamic(_ place: Int) throws {
        var node = graph.nodes[place]
        var extra: [String] = []
        for position in [1, 2] {
            guard let tensor = topology.constant(node.inputs[position]),
                let weight = try QuantizedWeight(recurrent: tensor)
            else { return }
            let zeros = [Int8](repeating: 0, count: weight.scales.count)
            let dims = [weight.dims[0], weight.dims[2]]
            let stem = tensor.name
            node.inputs[position] = graph.addInitializer(
                Tensor(name: stem + "/int8", int8s: weight.values, dims: weight.dims))
            extra.append(graph.addFloats(weight.scales, dims: dims, stem: stem + "/scale"))
            extra.append(graph.addInitializer(Tensor(name: stem + "/zero_point", int8s: zeros, dims: dims)))
        }
        node.inputs += Array(repeating: "", count: max(0, 8 - node.inputs.count)) + extra
        node.op = "DynamicQuantizeLSTM"
        node.domain = OperatorDomain.microsoft
        // ONNX added it with version 14; 0 is what the other operator does.
        node.removeAttribute("layout")
        graph.nodes[place] = node
    }
}

extension QuantizedWeight {
    /// The matrix [inputs, outputs] whatever way round it was; nil for a weight that has no such form.
    fileprivate func inColumns() throws -> QuantizedWeight? {
        guard dims.count == 2 else { return nil }
        guard axis == 0 else { return self }
        var result = self
        let turned = try Tensor(name: "weight", int8s: values, dims: dims).transposed([1, 0])
        (result.dims, result.axis) = (turned.dims, 1)
        result.values = try turned.int64s().map { Int8(truncatingIfNeeded: $0) }
        return result
    }

    /// An LSTM's weight [directions, 4 x hidden, inputs] as [directions, inputs, 4 x hidden], one scale for each direction
    /// and column.
    fileprivate init?(recurrent tensor: Tensor) throws {
        guard tensor.type == .float, tensor.dims.count == 3, tensor.dims.allSatisfy({ $0 > 0 }) else { return nil }
        let rows = try QuantizedWeight(
            Tensor(
                name: tensor.name, floats: try tensor.floats(), dims: [tensor.dims[0] * tensor.dims[1], tensor.dims[2]]),
            axis: 0)
        let turned = try Tensor(name: tensor.name, int8s: rows.values, dims: tensor.dims).transposed([0, 2, 1])
        self = rows
        (dims, axis) = (turned.dims, 2)
        values = try turned.int64s().map { Int8(truncatingIfNeeded: $0) }
    }
}

extension Topology {
    /// LSTMs that the runtime can compute with integer weights: those of the main graph with constant ones.
    package func dynamicLSTMs(keepFloat: [String: Reason]) -> [Int] {
        graph.nodes.indices.filter { place in
            let node = graph.nodes[place]
            return node.is("LSTM") && node.inputs.count >= 3 && node.int("layout") ?? 0 == 0
                && keepFloat[node.name] == nil
                && [1, 2].allSatisfy {
                    constant(node.inputs[$0])?.type == .float && constant(node.inputs[$0])?.dims.count == 3
                }
        }
    }
}
