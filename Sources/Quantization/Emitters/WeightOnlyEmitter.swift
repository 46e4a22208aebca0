package import ModelGraph

/// Keeps all arithmetic in float and stores the weights of anchors in 8 bits: `int8 -> Cast -> Mul(scale)`, which the
/// runtime folds into float weights when it loads the model. A third of the file, the speed of FP32.
///
/// (A DequantizeLinear in this place is not folded at load and costs time in every run.)
package struct WeightOnlyEmitter {
    private var graph: Graph

    package init(_ graph: Graph) { self.graph = graph }

    package mutating func emit(
        _ anchors: [Anchor], weights: [Int: QuantizedWeight], biases: [Int: [Float]]
    ) throws -> Graph {
        var added: [Node] = []
        var stored: [String: String] = [:]
        for anchor in anchors {
            guard let weight = weights[anchor.node] else { continue }
            let name = stored[anchor.weight] ?? store(weight, stem: anchor.weight, &added)
            stored[anchor.weight] = name
            graph.nodes[anchor.node].inputs[1] = name
            guard let bias = biases[anchor.node], graph.nodes[anchor.node].op != "MatMul" else { continue }
            let biasName = graph.addFloats(bias, dims: [bias.count], stem: anchor.output + "/bias")
            if graph.nodes[anchor.node].inputs.count > 2 {
                graph.nodes[anchor.node].inputs[2] = biasName
            } else {
                graph.nodes[anchor.node].inputs.append(biasName)
            }
        }
        graph.nodes.insert(contentsOf: added, at: 0)
        try graph.sortTopologically()
        graph.removeUnused()
        return graph
    }

    private mutating func store(_ weight: QuantizedWeight, stem: String, _ added: inout [Node]) -> String {
        let integer = graph.addInitializer(Tensor(name: stem + "/int8", int8s: weight.values, dims: weight.dims))
        var scaleDims = [Int](repeating: 1, count: weight.dims.count)
        scaleDims[weight.axis] = weight.scales.count
        let scale = graph.addFloats(weight.scales, dims: scaleDims, stem: stem + "/scale")
        let cast = graph.freshName(stem + "/cast")
        let result = graph.freshName(stem + "/restored")
        added.append(
            Node(op: "Cast", inputs: [integer], outputs: [cast], name: cast, attributes: [.int("to", 1)]))
        let centred = weight.zeroPoint == 0 ? cast : graph.freshName(stem + "/centred")
        if weight.zeroPoint != 0 {
            let zero = graph.addFloats([Float(weight.zeroPoint)], dims: [], stem: stem + "/zero_point")
            added.append(Node(op: "Sub", inputs: [cast, zero], outputs: [centred], name: centred))
        }
        added.append(Node(op: "Mul", inputs: [centred, scale], outputs: [result], name: result))
        return result
    }
}
