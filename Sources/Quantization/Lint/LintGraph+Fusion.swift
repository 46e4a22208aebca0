import ModelGraph

/// Rules of what lies between quantized tensors: whether the runtime can make one integer operator of it.
extension LintGraph {
    // MARK: What the runtime fuses

    /// Operators that compute in integers between DQ and Q.
    static let arithmetic: Set<String> = [
        "Add", "Mul", "Sigmoid", "LeakyRelu", "Softmax", "AveragePool", "GlobalAveragePool", "Concat", "Where",
    ]
    /// Operators that only move integers, when both sides have the same grid.
    static let moving: Set<String> = [
        "MaxPool", "ReduceMax", "ReduceMin", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice",
        "Gather",
        "GatherElements", "Tile", "Expand", "DepthToSpace", "Split", "Identity", "Resize",
    ]
    static let clamps: Set<String> = ["Relu", "Clip"]
    static let fusable = arithmetic.union(moving).union(["Conv", "Gemm", "MatMul"])

    /// Whether the runtime has an integer form of the node.
    private func hasIntegerForm(_ node: Node) -> Bool {
        guard node.is(anyOf: Self.fusable) else { return false }
        switch node.op {
        case "Resize": return node.string("mode") ?? "nearest" == "nearest"
        case "MaxPool": return node.outputs.count == 1 && opset >= 12
        default: return true
        }
    }

    /// The quantizers of a value, or of the Relu or Clip that alone reads it.
    func clampedQuantizers(_ name: String) -> [Linear] {
        let direct = quantizers(name)
        guard direct.isEmpty, let clamp = soleClamp(name), let result = graph.nodes[clamp].output(0) else {
            return direct
        }
        return quantizers(result)
    }

    func endsInQuantizer(_ name: String) -> Bool { !clampedQuantizers(name).isEmpty }

    private func soleClamp(_ name: String) -> Int? {
        guard !isOutput(name), consumers(name).count == 1, let next = consumers(name).first,
            graph.nodes[next].is(anyOf: Self.clamps)
        else { return nil }
        return next
    }

    private func isRedundant(_ clamp: Node, before quantizer: Linear) -> Bool {
        if clamp.is("Relu") { return quantizer.saturates(at: 0, .infinity) }
        func bound(_ position: Int, _ attribute: String, _ other: Float) -> Float? {
            guard let name = clamp.input(position) else { return clamp.float(attribute) ?? other }
            return (try? constants[name]?.floats())?.first
        }
        guard let low = bound(1, "min", -.infinity), let high = bound(2, "max", .infinity) else { return true }
        return quantizer.saturates(at: low, high)
    }

    // MARK: Convolutions

    /// An integer Conv needs a quantizer behind it, and nothing else.
    func unquantizedOutputs() -> [Hit] {
        openConvs.filter { !isSiLU($0.output) }.map { place, output in
            let why =
                isOutput(output) ? "its output is an output of the model" : "its output is not quantized, or not only"
            return Hit(place, tensor: output, why)
        }
    }

    func unquantizedSiLUs() -> [Hit] {
        openConvs.filter { isSiLU($0.output) }.map { place, output in
            Hit(place, tensor: output, "x * Sigmoid(x) follows without a quantizer between")
        }
    }

    /// Quantized Convs that are not followed by a quantizer alone.
    private var openConvs: [(place: Int, output: String)] {
        layers.compactMap { layer in
            guard layer.node.op == "Conv", layer.isQuantized, let output = layer.node.output(0) else { return nil }
            let result = soleClamp(output).flatMap { graph.nodes[$0].output(0) } ?? output
            return soleQuantizer(result) == nil ? (layer.place, output) : nil
        }
    }

    /// Whether a value is read by a Sigmoid and by the Mul of both.
    private func isSiLU(_ name: String) -> Bool {
        consumers(name).contains { place in
            guard graph.nodes[place].is("Sigmoid"), let gate = graph.nodes[place].output(0) else { return false }
            return consumers(gate).contains { next in
                graph.nodes[next].is("Mul") && graph.nodes[next].inputs.contains(name)
            }
        }
    }

    /// A Relu or Clip that the quantizer behind it does not perform by saturating.
    func effectiveClamps() -> [Hit] {
        places(of: Self.clamps).compactMap { place in
            let clamp = graph.nodes[place]
            guard let input = clamp.input(0), let output = clamp.output(0), let source = producer(input),
                source.is(anyOf: ["Conv", "Gemm", "Add", "Mul"]),
                data(source).contains(where: { activation($0) != nil }),
                let quantizer = quantizers(output).first, !isRedundant(clamp, before: quantizer)
            else { return nil }
            return Hit(
                place, tensor: output,
                "the grid behind it also holds values that it cuts off, so that it and \(source.label) run in float")
        }
    }

    /// The runtime moves a quantizer up above a MaxPool, which then has no fast kernel.
    func poolsBehindFloat() -> [Hit] {
        places(of: ["MaxPool"]).compactMap { place in
            let pool = graph.nodes[place]
            guard let input = pool.input(0), let output = pool.output(0), !quantizers(output).isEmpty,
                dequantizer(input) == nil, let source = producer(input)
            else { return nil }
            return Hit(place, tensor: output, "it follows the float \(source.label) and is quantized behind")
        }
    }

    // MARK: Other operators

    /// DQ, operator, Q around an operator that has no integer form.
    func wrappedFloats() -> [Hit] {
        graph.nodes.indices.compactMap { place in
            let node = graph.nodes[place]
            guard linears[place] == nil, !hasIntegerForm(node), !ModelFacts.isQuantizing(node), isWrapped(node) else {
                return nil
            }
            if node.is(anyOf: Self.clamps), let quantizer = node.output(0).flatMap(soleQuantizer),
                isRedundant(node, before: quantizer)
            {
                return nil
            }
            return Hit(
                place, tensor: node.output(0), "it is wrapped in Q/DQ, and the runtime has no integer \(node.op) here")
        }
    }

    private func isWrapped(_ node: Node) -> Bool {
        let outputs = node.outputs.filter { !$0.isEmpty }
        return node.inputs.contains { activation($0) != nil } && !outputs.isEmpty
            && outputs.allSatisfy { !quantizers($0).isEmpty && quantizers($0).count == consumers($0).count }
    }

    /// Operators of which some operands are quantized and others are not.
    func partlyQuantized() -> [Hit] {
        places(of: ["Add", "Mul", "Concat", "MatMul"]).compactMap { place in
            let node = graph.nodes[place]
            let names = data(node)
            guard names.contains(where: { activation($0) != nil }), let output = node.output(0),
                endsInQuantizer(output),
                let float = names.first(where: { dequantizer($0) == nil })
            else { return nil }
            return Hit(place, tensor: float, "its input '\(float)' is float while others are quantized")
        }
    }

    /// Moved values need the same grid on both sides.
    func changedGrids() -> [Hit] {
        places(of: Self.moving).compactMap { place in
            let node = graph.nodes[place]
            guard hasIntegerForm(node), let before = node.input(0).flatMap(activation), let grid = before.single else {
                return nil
            }
            for output in node.outputs where !output.isEmpty {
                for after in quantizers(output) {
                    guard let other = after.single, type(after) == type(before), other != grid else { continue }
                    return Hit(
                        place, tensor: output,
                        "scale \(grid.scale) and zero point \(grid.zero) before it, \(other.scale) and \(other.zero) behind"
                    )
                }
            }
            return nil
        }
    }

    /// One DequantizeLinear for both operands of x * Sigmoid(x) in float.
    func sharedDequantizers() -> [Hit] {
        places(of: ["Sigmoid"]).compactMap { place in
            guard let x = graph.nodes[place].input(0), activation(x) != nil, isFloatSiLU(place) else { return nil }
            return Hit(place, tensor: x, "the Sigmoid and the Mul of x * Sigmoid(x) share a DequantizeLinear")
        }
    }

    private func isFloatSiLU(_ sigmoid: Int) -> Bool {
        guard let x = graph.nodes[sigmoid].input(0), let gate = graph.nodes[sigmoid].output(0) else { return false }
        return quantizers(gate).isEmpty
            && consumers(gate).contains { graph.nodes[$0].is("Mul") && graph.nodes[$0].inputs.contains(x) }
    }

    /// Operators with an integer form that lie between quantized parts without quantizers of their own.
    func floatIslands() -> [Hit] {
        graph.nodes.indices.compactMap { place in
            let node = graph.nodes[place]
            guard node.is(anyOf: Self.arithmetic), !(node.is("Sigmoid") && isFloatSiLU(place)) else { return nil }
            let names = data(node)
            guard names.contains(where: { activation($0) != nil }), names.allSatisfy({ dequantizer($0) != nil }),
                let output = node.output(0), !isOutput(output), let size = island(from: place)
            else { return nil }
            return Hit(
                place, tensor: output,
                "its output is not quantized: \(size) operators run in float between quantized parts, though all have an "
                    + "integer form")
        }
    }

    /// How many operators lie between `place` and the next quantizers, when all of them have integer forms.
    private func island(from place: Int) -> Int? {
        var seen: Set<Int> = [place]
        var pending = [place]
        var reachesQuantizer = false
        while let next = pending.popLast() {
            for output in graph.nodes[next].outputs where !output.isEmpty {
                if isOutput(output) { return nil }
                for reader in consumers(output) {
                    if let linear = linears[reader], linear.quantizes {
                        reachesQuantizer = true
                    } else if !hasIntegerForm(graph.nodes[reader]) && !graph.nodes[reader].is(anyOf: Self.clamps) {
                        return nil
                    } else if seen.insert(reader).inserted {
                        pending.append(reader)
                    }
                }
            }
            if seen.count > 64 { return nil }
        }
        return reachesQuantizer && seen.count > 1 ? seen.count : nil
    }

    // MARK: Concat

    /// Inputs that the grid of a Concat leaves hardly any levels.
    func mixedRanges() -> [Hit] {
        quantizedConcats.compactMap { place, inputs, output in
            for name in inputs {
                guard let range = knownRange(name), let scale = output.single?.scale, scale > 0 else { continue }
                let levels = max(abs(range.low), abs(range.high)) / scale
                guard levels < Self.fewLevels else { continue }
                return Hit(
                    place, tensor: name,
                    "'\(name)' reaches \(max(abs(range.low), abs(range.high))), but one step of the grid behind it is \(scale)"
                )
            }
            return nil
        }
    }

    /// Below this much of a grid nothing can be told apart.
    private static let fewLevels: Float = 8

    func unequalConcats() -> [Hit] {
        let mixed = Set(mixedRanges().map(\.place))
        return quantizedConcats.compactMap { place, inputs, output in
            guard let grid = output.single, !mixed.contains(place) else { return nil }
            // What others read too has a finer grid of its own for them.
            let others = inputs.filter { uses($0) == 1 }.compactMap(activation).filter { uses($0.input) == 1 }
                .compactMap(\.single).filter { $0 != grid }
            guard !others.isEmpty else { return nil }
            return Hit(
                place, tensor: output.input,
                "\(others.count) of its \(inputs.count) inputs, which nothing else reads, have another grid than its output"
            )
        }
    }

    private var quantizedConcats: [(place: Int, inputs: [String], output: Linear)] {
        places(of: ["Concat"]).compactMap { place in
            guard let output = graph.nodes[place].output(0).flatMap({ quantizers($0).first }) else { return nil }
            return (place, data(graph.nodes[place]), output)
        }
    }

    /// What is known of a value's range: of a Sigmoid's or Softmax's, or by its grid.
    private func knownRange(_ name: String) -> (low: Float, high: Float)? {
        guard let restored = activation(name) else { return producer(name).flatMap(unitRange) }
        let source = index.producer(of: restored.input).flatMap { linears[$0] }.flatMap { producer($0.input) }
        return source.flatMap(unitRange) ?? restored.range
    }

    private func unitRange(_ node: Node) -> (low: Float, high: Float)? {
        node.is(anyOf: ["Sigmoid", "Softmax"]) ? (0, 1) : nil
    }
}
