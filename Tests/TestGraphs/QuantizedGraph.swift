package import ModelGraph

/// Small graphs with Q/DQ, node by node, as some tool or other would write them.
package struct QuantizedGraph {
    package var graph = Graph(name: "quantized")
    private var numbers: SeededNumbers
    private var count = 0

    /// Size of the input `x`, and of what most nodes make of it.
    package static let shape = [1, channels, 8, 8]
    package static let channels = 16

    package init(_ shape: [Int] = QuantizedGraph.shape, seed: UInt64 = 3) {
        numbers = SeededNumbers(seed)
        graph.inputs = [ValueInfo(name: "x", type: .float, shape: shape.map { .fixed($0) })]
    }

    // MARK: Constants

    package mutating func floats(_ dims: [Int], _ range: ClosedRange<Float> = -1...1) -> String {
        constant(numbers.floats(dims.reduce(1, *), range), dims)
    }

    package mutating func constant(_ values: [Float], _ dims: [Int]) -> String {
        graph.addInitializer(Tensor(name: fresh("constant"), floats: values, dims: dims))
    }

    /// Integers of an 8-, 16- or 32-bit type.
    package mutating func integers(_ values: [Int], _ dims: [Int], _ type: ElementType) -> String {
        let bytes = values.flatMap { value in (0..<type.byteWidth).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        return graph.addInitializer(Tensor(name: fresh("integers"), type: type, dims: dims, bytes: bytes))
    }

    // MARK: Q and DQ

    package struct Grid {
        package var scale: Float
        package var zero: Int
        package var type: ElementType

        package init(_ scale: Float = 0.02, zero: Int = 128, _ type: ElementType = .uint8) {
            self.scale = scale
            self.zero = zero
            self.type = type
        }

        package static let signed = Grid(zero: 0, .int8)
    }

    package mutating func quantized(_ x: String, _ grid: Grid = Grid()) -> String {
        let (scale, zero) = parameters(grid)
        return add("QuantizeLinear", [x, scale, zero])
    }

    /// Q and DQ.
    package mutating func pair(_ x: String, _ grid: Grid = Grid()) -> String {
        let (scale, zero) = parameters(grid)
        return add("DequantizeLinear", [add("QuantizeLinear", [x, scale, zero]), scale, zero])
    }

    private mutating func parameters(_ grid: Grid) -> (String, String) {
        (constant([grid.scale], []), integers([grid.zero], [], grid.type))
    }

    /// A stored weight behind its DQ, with scales that differ from channel to channel.
    package mutating func weight(
        _ dims: [Int], axis: Int = 0, _ type: ElementType = .int8, zero: Int = 0, values: [Int]? = nil
    ) -> String {
        let stored =
            values ?? numbers.floats(dims.reduce(1, *), -100...100).map { Int($0) + (type == .uint8 ? 128 : 0) }
        let channels = dims[axis]
        let scales = (0..<channels).map { 0.002 + 0.01 * Float($0) / Float(channels) }
        let inputs = [
            integers(stored, dims, type), constant(scales, [channels]),
            integers([Int](repeating: zero, count: channels), [channels], type),
        ]
        return add("DequantizeLinear", inputs, [.int("axis", axis)])
    }

    /// A bias of zeros and ones whose scales are `factor` times those that fit `weight` behind an input of scale 0.02.
    package mutating func bias(_ channels: Int, factor: Float = 1, _ type: ElementType = .int32) -> String {
        let scales = (0..<channels).map { (0.002 + 0.01 * Float($0) / Float(channels)) * 0.02 * factor }
        let inputs = [
            integers((0..<channels).map { $0 % 2 }, [channels], type), constant(scales, [channels]),
            integers([Int](repeating: 0, count: channels), [channels], type),
        ]
        return add("DequantizeLinear", inputs, [.int("axis", 0)])
    }

    // MARK: Nodes

    @discardableResult
    package mutating func add(
        _ op: String, _ inputs: [String], _ attributes: [Attribute] = [], domain: String = ""
    ) -> String {
        let name = fresh(op.lowercased())
        graph.nodes.append(
            Node(op: op, inputs: inputs, outputs: [name], name: name, domain: domain, attributes: attributes))
        return name
    }

    /// A 3x3 Conv that keeps the size.
    package mutating func conv(_ x: String, weight: String? = nil, bias: String? = nil) -> String {
        let own = weight ?? self.weight([Self.channels, Self.channels, 3, 3])
        return add("Conv", [x, own] + (bias.map { [$0] } ?? []), [.ints("pads", [1, 1, 1, 1])])
    }

    /// Q, DQ, Conv, Q, DQ: as it should be.
    package mutating func layer(_ x: String, _ grid: Grid = Grid()) -> String { pair(conv(x), grid) }

    /// Two layers and their sum, each quantized on `grid`.
    package mutating func residual(_ grid: Grid) -> String {
        let first = layer(pair("x", grid), grid)
        return pair(add("Add", [first, layer(first, grid)]), grid)
    }

    // MARK: Result

    package func model(_ outputs: String..., opset: Int = 17) -> Model {
        var copy = graph
        copy.outputs = outputs.map { ValueInfo(name: $0, type: .float, shape: nil) }
        var model = Model(graph: copy, opset: opset, irVersion: opset > 20 ? 10 : 8)
        model.setOpset(OperatorDomain.microsoft, 1)
        return model
    }

    private mutating func fresh(_ stem: String) -> String {
        count += 1
        return "\(stem)\(count)"
    }
}
