import ModelGraph

/// What a grid cuts off does a model's work: quantizers leave a Relu or Clip out where the grid behind it ends alike. Without
/// Q and DQ it must be spelled out again, or the float graph is another function.
extension QuantizationImport {
    /// Where a grid begins at zero behind what may be negative, its saturation is a Relu, or a Clip from zero.
    mutating func spellOutRectifying() {
        let index = GraphIndex(graph)
        var signs = Signs(graph, index)
        for (place, node) in graph.nodes.enumerated() {
            signs.add(node)
            for tensor in node.outputs {
                guard let grid = trained.activations[tensor], grid.zeroPoint == 0 else { continue }
                if !signs.isNonNegative(tensor), !isRectified(tensor, index, signs) {
                    clamp(tensor, at: place, to: grid)
                }
                signs.note(tensor)
            }
        }
    }

    /// Tensors whose values tell whether their grid cuts: those that some operator computes. Of what only moves values the
    /// grid says nothing that its source's does not.
    package var saturable: [String] {
        graph.nodes.filter { node in
            let isMoved = node.is(anyOf: QuantizedParts.moving)
            return !(isMoved && node.inputs.first.map { trained.activations[$0] != nil } ?? false)
        }.flatMap(\.outputs).filter { trained.activations[$0] != nil }
    }

    /// Spells out what the grids of `tensors` cut off. Throws `ModelError` for a graph with a cycle.
    package mutating func spellOutSaturation(of tensors: [String]) throws {
        let index = GraphIndex(graph)
        for tensor in tensors {
            guard let grid = trained.activations[tensor], let place = index.producer(of: tensor) else { continue }
            clamp(tensor, at: place, to: grid)
        }
        try graph.sortTopologically()
    }

    private mutating func clamp(_ tensor: String, at place: Int, to grid: Affine) {
        let raw = graph.freshName(tensor + "/unclamped")
        graph.renameOutput(tensor, to: raw, at: place)
        var clip = Node(op: "Clip", inputs: [raw], outputs: [tensor], name: graph.freshName(tensor + "/clamp"))
        let bounds = [grid.range.low, grid.range.high]
        // The bounds became inputs with operator set 11.
        if opset < 11 {
            clip.attributes = [.float("min", bounds[0]), .float("max", bounds[1])]
        } else {
            clip.inputs += bounds.map { graph.addFloats([$0], dims: [], stem: tensor + "/bound") }
        }
        graph.nodes.append(clip)
        tally.clamped += 1
    }

    /// Whether all that read `tensor` cut off what is negative themselves.
    private func isRectified(_ tensor: String, _ index: GraphIndex, _ signs: Signs) -> Bool {
        let readers = index.consumers(of: tensor)
        return !readers.isEmpty && !index.isGraphOutput(tensor)
            && readers.allSatisfy { signs.rectifies(graph.nodes[$0]) }
    }
}
