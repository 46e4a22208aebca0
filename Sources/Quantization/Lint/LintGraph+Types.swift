import ModelGraph

/// Rules of element types, scales and operator sets.
extension LintGraph {
    /// S8 activations where the target wants U8, or the other way round.
    func wrongSigns(_ unwanted: ElementType) -> [Hit] {
        let quantizers = linears.values.filter { $0.quantizes && constants[$0.input] == nil }
        let pairs = quantizers.compactMap { linear -> Hit? in
            guard type(linear) == unwanted else { return nil }
            return Hit(linear.place, tensor: linear.input, "it makes \(Self.name(unwanted)) of '\(linear.input)'")
        }
        let others = operands.compactMap { operand -> Hit? in
            guard let zero = operand.activationZero, constants[zero]?.type == unwanted else { return nil }
            return Hit(operand.place, tensor: operand.activation, "it multiplies \(Self.name(unwanted)) activations")
        }
        return pairs + others
    }

    /// Operators whose inputs and outputs are not all of one type.
    func mixedTypes() -> [Hit] {
        graph.nodes.indices.compactMap { place in
            let node = graph.nodes[place]
            guard node.is(anyOf: Self.fusable) else { return nil }
            let isWeighted = Layer.operators.contains(node.op)
            let inputs = data(node).enumerated().compactMap { position, name -> ElementType? in
                guard !isWeighted || position == 0 || activation(name) != nil else { return nil }
                return dequantizer(name).flatMap(type)
            }
            let outputs = node.outputs.flatMap { $0.isEmpty ? [] : clampedQuantizers($0) }.compactMap(type)
            let all = Set(inputs + outputs)
            guard !inputs.isEmpty, all.count > 1 else { return nil }
            return Hit(place, "it has \(all.map(Self.name).sorted().join()) on its inputs and outputs")
        }
    }

    /// 16-bit integers before operator set 21 are no valid QuantizeLinear.
    func sixteenBitsTooEarly() -> [Hit] {
        guard opset < 21 else { return [] }
        return linears.values.filter { $0.is16Bit && $0.isDefaultDomain }.map {
            Hit($0.place, tensor: $0.input, "it has \($0.type?.description ?? "") in operator set \(opset)")
        }
    }

    func sixteenBitActivations() -> [Hit] {
        linears.values.filter { $0.quantizes && $0.is16Bit && constants[$0.input] == nil }.map {
            Hit($0.place, tensor: $0.input, "it makes \($0.type?.description ?? "") of '\($0.input)'")
        }
    }

    /// Scales along an axis came with operator set 13.
    func channelsTooEarly() -> [Hit] {
        guard opset < 13 else { return [] }
        return linears.values.filter { $0.isDefaultDomain && ($0.saysAxis || $0.scales?.count ?? 1 > 1) }.map {
            Hit($0.place, tensor: $0.input, "it has a scale for each channel in operator set \(opset)")
        }
    }

    func invalidScales() -> [Hit] {
        linears.values.compactMap { linear in
            guard let bad = linear.scales?.first(where: { !($0 > 0 && $0.isFinite) }) else { return nil }
            return Hit(linear.place, tensor: linear.input, "it has the scale \(bad)")
        }
    }

    private static func name(_ type: ElementType) -> String {
        switch type {
        case .int8: "S8"
        case .uint8: "U8"
        default: "\(type)"
        }
    }

    // MARK: Integer operators

    /// An operator that reads integers by itself, without Q/DQ around it.
    struct Operand {
        let place: Int
        let activation: String
        let activationZero: String?
        let weight: String
        let weightZero: String?
    }

    var operands: [Operand] {
        graph.nodes.indices.compactMap { place in
            let node = graph.nodes[place]
            let positions: (weight: Int, zero: Int, weightZero: Int)
            switch node.op {
            case "QLinearConv", "QLinearMatMul", "QGemm": positions = (3, 2, 5)
            case "ConvInteger", "MatMulInteger": positions = (1, 2, 3)
            default: return nil
            }
            guard let activation = node.input(0), let weight = node.input(positions.weight) else { return nil }
            return Operand(
                place: place, activation: activation, activationZero: node.input(positions.zero), weight: weight,
                weightZero: node.input(positions.weightZero))
        }
    }
}

extension [String] {
    fileprivate func join() -> String { joined(separator: " and ") }
}
