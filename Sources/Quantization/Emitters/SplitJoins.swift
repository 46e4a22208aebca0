import ModelGraph

extension Graph {
    /// A Concat of all that a Split gives, in its order and on its grid, reads what was split: half the copies where one part
    /// goes on by itself as well, as in the blocks of YOLOv8 and later. That part becomes a Slice, as the runtime splits
    /// integers only where every part is read. Measured on YOLO11n at 320, one thread: about 1 % of the time.
    mutating func joinSplitsWhole() {
        let index = GraphIndex(self)
        for (place, split) in nodes.enumerated() where split.is("Split") && split.outputs.count > 1 {
            let parts = split.outputs.map { index.onGrid(of: split.inputs[0], $0, in: self) }
            guard let join = index.consumers(of: parts[0]).first(where: { nodes[$0].is("Concat") }),
                nodes[join].int("axis") == split.int("axis"),
                let start = nodes[join].inputs.firstIndex(of: parts[0]),
                nodes[join].inputs.dropFirst(start).starts(with: parts)
            else { continue }
            let others = parts.indices.filter { !index.isReadOnce(parts[$0]) || !index.isReadOnce(split.outputs[$0]) }
            let slice = others.count == 1 ? self.slice(others[0], of: split, index) : nil
            guard others.count != 1 || slice != nil, others.count <= 1 || others.count == parts.count else { continue }
            nodes[join].inputs.replaceSubrange(start..<(start + parts.count), with: [split.inputs[0]])
            if let slice { nodes[place] = slice }
        }
    }

    /// The Slice that gives one part of a Split alone; nil where the sizes of the parts are not in the file.
    private mutating func slice(_ part: Int, of split: Node, _ index: GraphIndex) -> Node? {
        guard let place = split.input(1).flatMap({ index.initializer(named: $0) }), let axis = split.int("axis"),
            let sizes = try? initializers[place].int64s().map({ Int(clamping: $0) }), sizes.count == split.outputs.count
        else { return nil }
        let start = sizes[..<part].reduce(0, +)
        let stem = split.outputs[part]
        let bounds = [
            addShape([start], stem: stem + "/start"), addShape([start + sizes[part]], stem: stem + "/end"),
            addShape([Int(clamping: axis)], stem: stem + "/axis"),
        ]
        return Node(op: "Slice", inputs: [split.inputs[0]] + bounds, outputs: [stem], name: split.name)
    }
}

extension GraphIndex {
    /// What stands for `part` of `whole` with the same grid behind it: what its DQ gives where both have Q and DQ of one grid,
    /// itself where there are none.
    fileprivate func onGrid(of whole: String, _ part: String, in graph: Graph) -> String {
        guard let place = producer(of: whole), graph.nodes[place].is("DequantizeLinear"),
            let q = consumers(of: part).first, isReadOnce(part), graph.nodes[q].is("QuantizeLinear"),
            let dq = consumers(of: graph.nodes[q].outputs[0]).first, graph.nodes[dq].is("DequantizeLinear"),
            graph.nodes[q].inputs.dropFirst() == graph.nodes[place].inputs.dropFirst(),
            graph.nodes[dq].inputs.dropFirst() == graph.nodes[place].inputs.dropFirst()
        else { return part }
        return graph.nodes[dq].outputs[0]
    }

    fileprivate func isReadOnce(_ tensor: String) -> Bool {
        consumers(of: tensor).count == 1 && !isGraphOutput(tensor)
    }
}
