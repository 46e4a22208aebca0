import ModelGraph

extension Rewrite {
    /// Nearest 2x upsampling as two Concats in channels-last order: with 8-bit values each is a plain copy, and the
    /// transposes cancel against those of the integer Convs around it.
    static func doubleUpsample(_ keepFloat: [String: Reason]) -> Rewrite {
        Rewrite(name: "2x nearest Resize to Concat") { graph, topology in
            let placement = Placement(topology, keepFloat: keepFloat)
            var count = 0
            for i in graph.nodes.indices where graph.nodes[i].op == "Resize" && placement.verdicts[i] == .integer {
                let node = graph.nodes[i]
                guard let input = topology.shape(node.inputs[0]), let output = topology.shape(node.outputs[0]),
                    input.count == 4, output == [input[0], input[1], 2 * input[2], 2 * input[3]],
                    topology.isStatic(beyondBatch: node.inputs[0]), topology.repeatsPixels(node),
                    topology.doubles(node)
                else { continue }
                let (c, h, w) = (input[1], input[2], input[3])
                let stem = node.outputs[0]
                func fresh(_ part: String) -> String { graph.freshName(stem + "/" + part) }
                let last = fresh("nhwc")
                let wide = fresh("wide")
                let rows = fresh("rows")
                let tall = fresh("tall")
                let whole = fresh("whole")
                let rowShape = graph.addShape([0, h, 2 * w * c], stem: stem + "/row_shape")
                let wholeShape = graph.addShape([0, 2 * h, 2 * w, c], stem: stem + "/whole_shape")
                graph.nodes[i] = Node(
                    op: "Transpose", inputs: [node.inputs[0]], outputs: [last], name: last,
                    attributes: [.ints("perm", [0, 2, 3, 1])])
                graph.nodes += [
                    Node(
                        op: "Concat", inputs: [last, last], outputs: [wide], name: wide, attributes: [.int("axis", 3)]),
                    Node(op: "Reshape", inputs: [wide, rowShape], outputs: [rows], name: rows),
                    Node(
                        op: "Concat", inputs: [rows, rows], outputs: [tall], name: tall, attributes: [.int("axis", 2)]),
                    Node(op: "Reshape", inputs: [tall, wholeShape], outputs: [whole], name: whole),
                    Node(
                        op: "Transpose", inputs: [whole], outputs: [node.outputs[0]], name: fresh("nchw"),
                        attributes: [.ints("perm", [0, 3, 1, 2])]),
                ]
                count += 1
            }
            return count
        }
    }

    /// A transposed Conv, for which the runtime has no integer kernel, as a Conv of the same taps and copies that lay its
    /// channels out as pixels. The engine adds the products up in another order.
    ///
    /// Measured on AVX-512 VNNI, one thread, a 64-channel Conv, twice a transposed Conv to 32 channels and another Conv: with
    /// kernel 2, 3, 4 and 5 and stride 2 the integer form is 1.4, 1.7, 2.4 and 2.5 times as fast as that with the transposed
    /// Convs in float; 16 channels, 8 of them left, 1.2 to 1.7 times.
    static func transposedConv(_ keepFloat: [String: Reason]) -> Rewrite {
        Rewrite(name: "ConvTranspose to Conv + squares of pixels") { graph, topology in
            let convs = graph.nodes.indices.compactMap { SubPixelConv(at: $0, in: topology) }.filter(\.pays)
            guard !convs.isEmpty else { return 0 }
            let trial = topology.withConvs(inPlaceOf: convs)
            let placement = Placement(trial, keepFloat: keepFloat)
            var count = 0
            for conv in convs where placement.verdicts[conv.place] == .integer {
                let output = placement.result(of: graph.nodes[conv.place].outputs[0])
                let feedsIntegers = trial.index.consumers(of: output).contains { placement.verdicts[$0] == .integer }
                let isStatic = topology.isStatic(beyondBatch: graph.nodes[conv.place].inputs[0])
                // The runtime's DepthToSpace takes more time on floats than a last layer saves.
                guard isStatic || feedsIntegers else { continue }
                try graph.replace(conv, in: topology, isStatic: isStatic)
                count += 1
            }
            return count
        }
    }
}

extension Graph {
    fileprivate mutating func replace(_ conv: SubPixelConv, in topology: Topology, isStatic: Bool) throws {
        let node = nodes[conv.place]
        let clamp = topology.clamp(behind: node.outputs[0])
        let result = clamp.map { nodes[$0].outputs[0] } ?? node.outputs[0]
        func fresh(_ part: String) -> String { freshName(result + "/" + part) }
        let whole = conv.axes.contains { $0.cut != (0, 0) } ? fresh("whole") : result
        let phases = conv.stride > 1 ? fresh("phases") : whole
        let sums = clamp == nil ? phases : fresh("sums")
        var inputs = [
            node.inputs[0],
            addFloats(try conv.weight(), dims: conv.weightDims, stem: conv.source.name + "/phases"),
        ]
        if let bias = conv.bias {
            let repeated = repeatElement(try bias.floats(), count: conv.stride * conv.stride).joined()
            inputs.append(addFloats(Array(repeated), dims: [conv.weightDims[0]], stem: bias.name + "/phases"))
        }
        nodes[conv.place] = Node(
            op: "Conv", inputs: inputs, outputs: [sums], name: node.name,
            attributes: [
                .ints("kernel_shape", conv.axes.map(\.taps)), .ints("strides", [1, 1]),
                .ints("pads", conv.axes.map(\.pads.begin) + conv.axes.map(\.pads.end)),
            ])
        // A clamp, which the Conv absorbs, must stay next to it.
        if let clamp {
            nodes[clamp].inputs[0] = sums
            nodes[clamp].outputs[0] = phases
        }
        if conv.stride > 1 { addSquares(of: conv, from: phases, to: whole, isStatic: isStatic) }
        if whole != result { addCut(of: conv, from: whole, to: result) }
    }

    /// DepthToSpace; with known sizes as copies in channels-last order, each of a row of a square, which are faster and whose
    /// outer transposes cancel against those of the integer Convs around them.
    private mutating func addSquares(of conv: SubPixelConv, from source: String, to result: String, isStatic: Bool) {
        let (s, m) = (conv.stride, conv.channels)
        func fresh(_ part: String) -> String { freshName(result + "/" + part) }
        guard isStatic else {
            nodes.append(
                Node(
                    op: "DepthToSpace", inputs: [source], outputs: [result], name: fresh("squares"),
                    attributes: [.int("blocksize", s), .string("mode", "DCR")]))
            return
        }
        let names = ["nhwc", "rows", "lines", "tall"].map(fresh)
        let rows = addShape([0, conv.axes[0].places, conv.axes[1].places, s, s * m], stem: result + "/row_shape")
        let tall = addShape([0, s * conv.axes[0].places, s * conv.axes[1].places, m], stem: result + "/tall_shape")
        nodes += [
            Node(
                op: "Transpose", inputs: [source], outputs: [names[0]], name: names[0],
                attributes: [.ints("perm", [0, 2, 3, 1])]),
            Node(op: "Reshape", inputs: [names[0], rows], outputs: [names[1]], name: names[1]),
            Node(
                op: "Transpose", inputs: [names[1]], outputs: [names[2]], name: names[2],
                attributes: [.ints("perm", [0, 1, 3, 2, 4])]),
            Node(op: "Reshape", inputs: [names[2], tall], outputs: [names[3]], name: names[3]),
            Node(
                op: "Transpose", inputs: [names[3]], outputs: [result], name: fresh("nchw"),
                attributes: [.ints("perm", [0, 3, 1, 2])]),
        ]
    }

    private mutating func addCut(of conv: SubPixelConv, from source: String, to result: String) {
        let starts = addShape(conv.axes.map(\.cut.begin), stem: result + "/starts")
        let ends = addShape(conv.axes.map { $0.cut.end == 0 ? .max : -$0.cut.end }, stem: result + "/ends")
        let axes = addShape([2, 3], stem: result + "/axes")
        nodes.append(
            Node(
                op: "Slice", inputs: [source, starts, ends, axes], outputs: [result], name: freshName(result + "/cut")))
    }
}

extension Topology {
    /// The same graph with a Conv where each of `convs` is, to be asked where it would run. Values of weights do not matter
    /// for that; channels do.
    fileprivate func withConvs(inPlaceOf convs: [SubPixelConv]) -> Topology {
        var graph = graph
        for conv in convs {
            var weight = conv.source.named(graph.freshName("trial"))
            weight.dims.swapAt(0, 1)
            graph.nodes[conv.place].op = "Conv"
            graph.nodes[conv.place].attributes = []
            graph.nodes[conv.place].inputs[1] = graph.addInitializer(weight)
        }
        var trial = self
        trial.replaceConstants(from: graph)
        return trial
    }

    /// The Relu or Clip that alone reads `tensor`.
    fileprivate func clamp(behind tensor: String) -> Int? {
        guard isPrivate(tensor), let place = index.consumers(of: tensor).first,
            OperatorRule.of(graph.nodes[place]) == .clamp, graph.nodes[place].inputs.first == tensor
        else { return nil }
        return place
    }

    /// Whether a Resize that gives twice as many rows and columns has the factor 2: of 4 pixels, 2.2 makes 8 as well.
    func doubles(_ node: Node) -> Bool {
        if node.inputs.count > 3, !node.inputs[3].isEmpty {
            return node.string("keep_aspect_ratio_policy") ?? "stretch" == "stretch"
        }
        guard node.inputs.count > 2, let scales = try? constant(node.inputs[2])?.floats() else { return false }
        return scales.allSatisfy { $0 == 1 || $0 == 2 }
    }

    /// Whether a 2x nearest Resize just repeats each pixel. Every rounding of ONNX does so at factor 2 with half-pixel or
    /// asymmetric floor coordinates; others shift by one.
    func repeatsPixels(_ node: Node) -> Bool {
        guard node.string("mode") ?? "nearest" == "nearest" else { return false }
        let rounding = node.string("nearest_mode") ?? "round_prefer_floor"
        switch node.string("coordinate_transformation_mode") ?? "half_pixel" {
        case "asymmetric": return rounding == "floor"
        // Source coordinates are k - 0.25 and k + 0.25: both round to k.
        case "half_pixel", "pytorch_half_pixel": return rounding.hasPrefix("round_prefer")
        default: return false
        }
    }
}
