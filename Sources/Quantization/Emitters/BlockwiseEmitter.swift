package import ModelGraph

/// MatMul and Gemm on weights in blocks of 4 or 8 bits, as com.microsoft.MatMulNBits computes them: the activations are
/// rounded to 8 bits within the kernel, block by block, and multiplied in integers (accuracy level 4). Restoring the weights
/// to float in every run would be slower than FP32.
package struct BlockwiseEmitter {
    private var graph: Graph

    package init(_ graph: Graph) { self.graph = graph }

    /// Replaces those of `anchors` whose weight is stored in blocks. All nodes keep their places.
    package mutating func edit(
        _ anchors: [Anchor], bias: (Anchor) -> [Float]?, weights: [Int: QuantizedWeight], biases: [Int: [Float]]
    ) throws -> Graph {
        var stored: [String: [String]] = [:]
        for anchor in anchors {
            guard let blocks = weights[anchor.node]?.blocks else { continue }
            let key = "\(anchor.weight) \(anchor.channelAxis)"
            let names = stored[key] ?? store(blocks, stem: anchor.weight)
            stored[key] = names
            let own = graph.nodes[anchor.node].op == "MatMul" ? nil : biases[anchor.node] ?? bias(anchor)
            replace(anchor, blocks, names, own)
        }
        return graph
    }

    private mutating func store(_ blocks: BlockwiseWeight, stem: String) -> [String] {
        [
            graph.addInitializer(blocks.packedIntegers(named: stem + "/int\(blocks.bits)")),
            graph.addFloats(blocks.scales, dims: [blocks.outputs, blocks.blocks], stem: stem + "/scales"),
            graph.addInitializer(blocks.packedZeroPoints(named: stem + "/zero_points")),
        ]
    }

    private mutating func replace(_ anchor: Anchor, _ blocks: BlockwiseWeight, _ weight: [String], _ bias: [Float]?) {
        let name = graph.nodes[anchor.node].name
        var inputs = [anchor.activation] + weight
        if let bias {
            inputs += ["", graph.addFloats(bias, dims: [bias.count], stem: anchor.output + "/bias")]
        }
        graph.nodes[anchor.node] = Node(
            op: "MatMulNBits", inputs: inputs, outputs: [anchor.output], name: name, domain: OperatorDomain.microsoft,
            attributes: [
                .int("K", blocks.inputs), .int("N", blocks.outputs), .int("bits", blocks.bits),
                .int("block_size", blocks.size), .int("accuracy_level", 4),
            ])
    }
}
