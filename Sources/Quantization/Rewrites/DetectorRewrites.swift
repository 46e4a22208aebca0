import ModelGraph

extension Rewrite {
    /// Four strided slices concatenated (YOLO's Focus) and a k x k Conv as one 2k x 2k Conv of stride 2 on the picture
    /// itself: no copies, and the runtime's float kernel for few input channels is fast.
    static let focusToStridedConv = Rewrite(name: "Focus slices + Conv to strided Conv") { graph, topology in
        var count = 0
        for i in graph.nodes.indices where graph.nodes[i].op == "Conv" {
            let conv = graph.nodes[i]
            guard let focus = topology.focus(before: conv), let weight = topology.constant(conv.inputs[1]),
                let strided = try focus.stridedWeight(weight)
            else { continue }
            var edited = conv
            edited.inputs[0] = focus.source
            edited.inputs[1] = graph.addFloats(
                strided.values, dims: strided.dims, stem: conv.outputs[0] + "/strided_weight")
            edited.attributes.removeAll { ["kernel_shape", "strides", "pads"].contains($0.name) }
            edited.attributes += [
                .ints("kernel_shape", [strided.dims[2], strided.dims[3]]), .ints("strides", [2, 2]),
                .ints("pads", (conv.ints("pads") ?? [0, 0, 0, 0]).map { 2 * Int($0) }),
            ]
            graph.nodes[i] = edited
            count += 1
        }
        return count
    }

    /// The distribution focal loss head, `Softmax` over bins and a 1x1 Conv that takes the mean, as
    /// `Exp -> MatMul([ones; bins]) -> Split -> Div`. A Clip keeps Exp from overflowing; it goes away where the input's
    /// grid bounds it already.
    static let distributionFocalHead = Rewrite(name: "DFL Softmax to Exp, MatMul, Div") { graph, topology in
        var count = 0
        for i in graph.nodes.indices where graph.nodes[i].op == "Conv" {
            guard let head = try topology.focalHead(graph.nodes[i]) else { continue }
            let stem = head.result
            func fresh(_ part: String) -> String { graph.freshName(stem + "/" + part) }
            let names = ["bounded", "exp", "moments", "total", "mean", "ratio"].map(fresh)
            let low = graph.addFloats([-80], dims: [], stem: stem + "/low")
            let high = graph.addFloats([80], dims: [], stem: stem + "/high")
            let matrix = graph.addFloats(
                [Float](repeating: 1, count: head.bins.count) + head.bins, dims: [2, head.bins.count],
                stem: stem + "/bins")
            let parts = graph.addShape([1, 1], stem: stem + "/parts")
            graph.nodes[i] = Node(op: "Clip", inputs: [head.source, low, high], outputs: [names[0]], name: names[0])
            graph.nodes += [
                Node(op: "Exp", inputs: [names[0]], outputs: [names[1]], name: names[1]),
                Node(op: "MatMul", inputs: [matrix, names[1]], outputs: [names[2]], name: names[2]),
                Node(
                    op: "Split", inputs: [names[2], parts], outputs: [names[3], names[4]], name: names[3],
                    attributes: [.int("axis", 2)]),
                Node(op: "Div", inputs: [names[4], names[3]], outputs: [names[5]], name: names[5]),
                Node(
                    op: "Transpose", inputs: [names[5]], outputs: [head.result], name: fresh("order"),
                    attributes: [.ints("perm", [0, 2, 1, 3])]),
            ]
            count += 1
        }
        return count
    }
}

/// A Focus layer: which pixel of each 2x2 square, and which of its channels, every channel of the result is.
struct Focus {
    var source: String
    /// One entry for each channel of the result.
    var origins: [Origin]

    struct Origin: Hashable {
        var row: Int
        var column: Int
        var channel: Int
    }

    /// The weight of the equivalent strided Conv; nil when it is not a float weight over exactly these channels.
    func stridedWeight(_ weight: Tensor) throws -> (values: [Float], dims: [Int])? {
        guard weight.type == .float, weight.dims.count == 4, weight.dims[1] == origins.count else { return nil }
        let (outputs, channels, kh, kw) = (weight.dims[0], origins.count / 4, weight.dims[2], weight.dims[3])
        let old = try weight.floats()
        var new = [Float](repeating: 0, count: old.count)
        for o in 0..<outputs {
            for (position, origin) in origins.enumerated() {
                for y in 0..<kh {
                    for x in 0..<kw {
                        let from = ((o * origins.count + position) * kh + y) * kw + x
                        let row = 2 * y + origin.row
                        let column = 2 * x + origin.column
                        new[((o * channels + origin.channel) * 2 * kh + row) * 2 * kw + column] = old[from]
                    }
                }
            }
        }
        return (new, [outputs, channels, 2 * kh, 2 * kw])
    }
}

extension Topology {
    /// The Focus layer that feeds `conv`, when `conv` is a plain one with stride 1.
    func focus(before conv: Node) -> Focus? {
        guard conv.int("group") ?? 1 == 1, (conv.ints("strides") ?? [1, 1]).allSatisfy({ $0 == 1 }),
            (conv.ints("dilations") ?? [1, 1]).allSatisfy({ $0 == 1 }), conv.string("auto_pad") ?? "NOTSET" == "NOTSET",
            isPrivate(conv.inputs[0]), let focus = slicedFocus(conv.inputs[0]) ?? blockFocus(conv.inputs[0]),
            let shape = shape(focus.source), shape.count == 4, shape[2] % 2 == 0, shape[3] % 2 == 0,
            focus.origins.count == 4 * shape[1], Set(focus.origins).count == focus.origins.count
        else { return nil }
        return focus
    }

    /// Four strided Slices and a Concat.
    private func slicedFocus(_ tensor: String) -> Focus? {
        guard let concat = producer(tensor), concat.op == "Concat", concat.int("axis") == 1 else { return nil }
        let slices = concat.inputs.compactMap(strides(to:))
        guard slices.count == 4, concat.inputs.count == 4, let source = slices.first?.source,
            slices.allSatisfy({ $0.source == source }), let channels = shape(source).map({ $0[1] })
        else { return nil }
        return Focus(
            source: source,
            origins: slices.flatMap { slice in
                (0..<channels).map { Focus.Origin(row: slice.row, column: slice.column, channel: $0) }
            })
    }

    /// SpaceToDepth, as the engine writes the same thing, with or without a Gather that reorders its channels.
    private func blockFocus(_ tensor: String) -> Focus? {
        guard var node = producer(tensor) else { return nil }
        var order: [Int]?
        if node.op == "Gather", node.int("axis") == 1, node.inputs.count == 2, isPrivate(node.inputs[0]),
            let indices = try? constant(node.inputs[1])?.int64s(), let inner = producer(node.inputs[0])
        {
            order = indices.map { Int(clamping: $0) }
            node = inner
        }
        guard node.op == "SpaceToDepth", node.int("blocksize") == 2, let channels = shape(node.inputs[0]).map({ $0[1] })
        else { return nil }
        let origins = (order ?? Array(0..<(4 * channels))).compactMap { index -> Focus.Origin? in
            guard (0..<(4 * channels)).contains(index) else { return nil }
            let pixel = index / channels
            return Focus.Origin(row: pixel / 2, column: pixel % 2, channel: index % channels)
        }
        return Focus(source: node.inputs[0], origins: origins)
    }

    /// Follows Slices of step 2 over rows and columns back from `tensor`.
    private func strides(to tensor: String) -> (source: String, row: Int, column: Int)? {
        var name = tensor
        var starts: [Int: Int] = [:]
        while let node = producer(name), node.op == "Slice", starts.count < 2 {
            guard node.inputs.count == 5, let shape = shape(node.inputs[0]) else { return nil }
            let values = node.inputs[1...].compactMap { try? constant($0)?.int64s() }
            guard values.count == 4, values[3].allSatisfy({ $0 == 2 }),
                values.allSatisfy({ $0.count == values[0].count })
            else { return nil }
            for (k, axis) in values[2].enumerated() {
                guard axis == 2 || axis == 3, (0...1).contains(values[0][k]), values[1][k] >= Int64(shape[Int(axis)])
                else { return nil }
                starts[Int(axis)] = Int(values[0][k])
            }
            name = node.inputs[0]
        }
        guard let row = starts[2], let column = starts[3] else { return nil }
        return (name, row, column)
    }

    /// `source` [N, sides, bins, A], the values of the bins and the Conv's result [N, 1, sides, A].
    func focalHead(_ conv: Node) throws -> (source: String, bins: [Float], result: String)? {
        guard conv.inputs.count == 2, let weight = constant(conv.inputs[1]), weight.dims.count == 4,
            weight.dims[0] == 1, weight.dims[2] == 1, weight.dims[3] == 1, isPrivate(conv.inputs[0]),
            let softmax = producer(conv.inputs[0]), softmax.op == "Softmax", let axis = softmax.int("axis"),
            axis == 1 || axis == -3, isPrivate(softmax.inputs[0]),
            let transpose = producer(softmax.inputs[0]), transpose.op == "Transpose",
            transpose.ints("perm") == [0, 2, 1, 3], let shape = shape(transpose.inputs[0]),
            shape.count == 4, shape[2] == weight.dims[1]
        else { return nil }
        return (transpose.inputs[0], try weight.floats(), conv.outputs[0])
    }
}
