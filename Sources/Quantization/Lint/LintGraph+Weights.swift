import ModelGraph

/// Rules of weights and biases.
extension LintGraph {
    /// Per-channel scales must lie along the output channels.
    func weightsOnWrongAxis() -> [Hit] {
        layers.compactMap { layer in
            guard layer.input != nil, let weight = layer.weight, !weight.isBlocked, weight.scales?.count ?? 1 > 1,
                let rank = stored(weight)?.dims.count
            else { return nil }
            let axis = weight.axis < 0 ? weight.axis + rank : weight.axis
            let right = layer.channelAxis(rank: rank)
            guard axis != right else { return nil }
            return Hit(
                layer.place, tensor: weight.input,
                "the scales of its weight lie along axis \(axis); output channels are axis \(right)")
        }
    }

    /// Float operators that read a stored weight through a DequantizeLinear, which runs in every inference.
    func weightsNotFolded() -> [Hit] {
        linears.values.sorted { $0.place < $1.place }.flatMap { linear -> [Hit] in
            guard !linear.quantizes, isStored(linear) else { return [] }
            return consumers(linear.output).filter { computesInFloat($0, on: linear.output) }.map {
                Hit($0, tensor: linear.input, "its weight is dequantized anew in every run, and it computes in float")
            }
        }
    }

    /// Whether the node reads `weight` as such and gets no integers to multiply it with. (A MatMul may: with a stored weight
    /// alone it becomes a MatMulNBits.)
    private func computesInFloat(_ place: Int, on weight: String) -> Bool {
        let node = graph.nodes[place]
        let positions = node.inputs.indices.filter { node.inputs[$0] == weight }
        if node.is("Gather") { return positions.contains(0) }
        if node.is(anyOf: ["LSTM", "GRU", "RNN"]) { return positions.contains(1) || positions.contains(2) }
        guard node.is(anyOf: ["Conv", "ConvTranspose", "Gemm"]), positions.contains(1) else { return false }
        return activation(node.inputs[0]) == nil
    }

    /// Float weights in the middle of a quantized pattern: the runtime quantizes them itself, with one scale.
    func weightsLeftFloat() -> [Hit] {
        layers.compactMap { layer in
            guard ["Conv", "ConvTranspose", "Gemm"].contains(layer.node.op), layer.input != nil,
                constants[layer.node.inputs[1]]?.type.isFloat ?? false, let output = layer.node.output(0),
                endsInQuantizer(output)
            else { return nil }
            return Hit(
                layer.place, tensor: layer.node.inputs[1],
                "its weight is float between a DequantizeLinear and a QuantizeLinear")
        }
    }

    func weightZeroPoints() -> [Hit] {
        integerWeights.compactMap { weight in
            guard weight.type == .int8, weight.zeros.contains(where: { $0 != 0 }) else { return nil }
            return Hit(weight.place, tensor: weight.tensor, "its S8 weight has a zero point other than 0")
        }
    }

    func unsignedWeights() -> [Hit] {
        integerWeights.compactMap { weight in
            weight.type == .uint8 ? Hit(weight.place, tensor: weight.tensor, "its weight is U8") : nil
        }
    }

    /// Layers whose pairs of products can exceed 16 bits.
    func saturatingPairs() -> [Hit] {
        integerWeights.compactMap { weight in
            guard weight.type == .int8, weight.zeros.allSatisfy({ $0 == 0 }), let tensor = constants[weight.tensor],
                tensor.type == .int8, let values = try? tensor.int64s().map({ Int8(truncatingIfNeeded: $0) }),
                let pairs = WeightPairs(
                    values, dims: tensor.dims, axis: weight.axis(tensor.dims.count), of: graph.nodes[weight.place])
            else { return nil }
            let risky = pairs.saturating.count
            guard risky > 0 else { return nil }
            return Hit(
                weight.place, tensor: weight.tensor,
                "\(risky) of its \(pairs.channels) outputs have neighbouring weights that add up to more than 128")
        }
    }

    // MARK: Biases

    func biasTypes() -> [Hit] {
        quantizedBiases.compactMap { layer, bias in
            guard let type = bias.type, type != .int32 else { return nil }
            return Hit(layer.place, tensor: bias.input, "its bias is stored as \(type), not int32")
        }
    }

    /// Accepted are scales within about 1 % of s_x * s_w (measured: 1.01 fuses, 1.02 does not).
    func biasScales() -> [Hit] {
        quantizedBiases.compactMap { layer, bias in
            guard bias.type == .int32 else { return nil }
            if bias.zeros?.contains(where: { $0 != 0 }) ?? false {
                return Hit(layer.place, tensor: bias.input, "its bias has a zero point other than 0")
            }
            guard let input = layer.input?.single?.scale, let weight = layer.weight?.scales, let own = bias.scales,
                !own.isEmpty, !weight.isEmpty, own.count == weight.count || own.count == 1 || weight.count == 1
            else { return nil }
            for channel in 0..<max(own.count, weight.count) {
                let wanted = input * weight[weight.count == 1 ? 0 : channel]
                let found = own[own.count == 1 ? 0 : channel]
                if abs(found - wanted) > 0.015 * abs(wanted) {
                    return Hit(
                        layer.place, tensor: bias.input,
                        "its bias has scale \(found) where input and weight make \(wanted) (channel \(channel))")
                }
            }
            return nil
        }
    }

    /// A Gemm, or a MatMul and an Add that become one, with a float bias and a float output: neither form is an integer one.
    func floatBiases() -> [Hit] {
        layers.compactMap { layer in
            guard layer.isQuantized, let output = layer.node.output(0), !isOutput(output) || layer.node.op == "Gemm"
            else {
                return nil
            }
            if layer.node.op == "Gemm" {
                guard let bias = layer.node.input(2), constants[bias]?.type.isFloat ?? false, !endsInQuantizer(output)
                else { return nil }
                return Hit(layer.place, tensor: bias, "its bias is float and its output is not quantized")
            }
            guard layer.node.op == "MatMul", consumers(output).count == 1, let next = consumers(output).first,
                graph.nodes[next].is("Add"),
                let bias = graph.nodes[next].inputs.first(where: { constants[$0]?.type.isFloat ?? false }),
                let sum = graph.nodes[next].output(0), !endsInQuantizer(sum)
            else { return nil }
            return Hit(layer.place, tensor: bias, "the runtime makes a float Gemm of it and of the Add behind it")
        }
    }

    func scaledGemms() -> [Hit] {
        layers.compactMap { layer in
            guard layer.node.op == "Gemm", layer.isQuantized else { return nil }
            let (alpha, beta) = (layer.node.float("alpha") ?? 1, layer.node.float("beta") ?? 1)
            guard alpha != 1 || beta != 1 && layer.node.input(2) != nil else { return nil }
            return Hit(layer.place, "it has alpha \(alpha) and beta \(beta)")
        }
    }

    // MARK: What they are made of

    /// The tensor that a DequantizeLinear restores.
    private func stored(_ linear: Linear) -> Tensor? {
        constants[linear.input]
            ?? index.producer(of: linear.input).flatMap { linears[$0] }.flatMap { constants[$0.input] }
    }

    private var quantizedBiases: [(Layer, Linear)] {
        layers.compactMap { layer in
            guard layer.isQuantized, let bias = layer.bias else { return nil }
            return (layer, bias)
        }
    }

    /// A weight that integer arithmetic reads: behind Q/DQ, or as an operand of an integer operator.
    private struct IntegerWeight {
        let place: Int
        let op: String
        let isTransposed: Bool
        let tensor: String
        let type: ElementType
        let zeros: [Int64]

        func axis(_ rank: Int) -> Int {
            if op.hasSuffix("Conv") || op.hasPrefix("Conv") { return 0 }
            return isTransposed ? 0 : max(rank - 1, 0)
        }
    }

    private var integerWeights: [IntegerWeight] {
        let behind = layers.compactMap { layer -> IntegerWeight? in
            guard layer.isQuantized, let weight = layer.weight, let type = weight.type else { return nil }
            return IntegerWeight(
                place: layer.place, op: layer.node.op, isTransposed: layer.node.int("transB") ?? 0 != 0,
                tensor: weight.input, type: type, zeros: weight.zeros ?? [])
        }
        return behind
            + operands.compactMap { operand in
                guard let tensor = constants[operand.weight] else { return nil }
                let zeros = operand.weightZero.flatMap { try? constants[$0]?.int64s() } ?? []
                return IntegerWeight(
                    place: operand.place, op: graph.nodes[operand.place].op,
                    isTransposed: graph.nodes[operand.place].int("transB") ?? 0 != 0,
                    tensor: operand.weight, type: tensor.type, zeros: zeros)
            }
    }
}
