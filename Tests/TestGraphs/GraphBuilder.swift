package import ModelGraph

/// Repeatable numbers (SplitMix64, Steele et al. 2014).
package struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    package init(_ seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    package mutating func floats(_ count: Int, _ range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }
}

/// Small float graphs, node by node: weights come from a seeded generator, shapes at batch 1 are kept along the way.
package struct GraphBuilder {
    package var graph = Graph(name: "test")
    /// Shapes of all values that are not constants.
    package private(set) var shapes: [String: [Int]] = [:]
    package private(set) var types: [String: ElementType] = [:]
    private var numbers: SeededNumbers
    private var count = 0

    package init(seed: UInt64 = 1) { numbers = SeededNumbers(seed) }

    @discardableResult
    package mutating func input(
        _ name: String, _ shape: [Int], openBatch: Bool = false, type: ElementType = .float
    ) -> String {
        var dims = shape.map { Dim.fixed($0) }
        if openBatch { dims[0] = .symbolic("N") }
        return input(name, shape, dims: dims, type: type)
    }

    /// An input declared as `dims`, of which `shape` is one example.
    @discardableResult
    package mutating func input(_ name: String, _ shape: [Int], dims: [Dim], type: ElementType = .float) -> String {
        graph.inputs.append(ValueInfo(name: name, type: type, shape: dims))
        note(name, shape, type)
        return name
    }

    package mutating func output(_ names: String...) {
        for name in names {
            graph.outputs.append(ValueInfo(name: name, type: types[name] ?? .float, shape: nil))
        }
    }

    // MARK: Constants

    package mutating func floats(_ dims: [Int], _ range: ClosedRange<Float> = -1...1) -> String {
        constant(numbers.floats(dims.reduce(1, *), range), dims)
    }

    package mutating func constant(_ values: [Float], _ dims: [Int]? = nil) -> String {
        graph.addInitializer(Tensor(name: fresh("constant"), floats: values, dims: dims))
    }

    package mutating func integers(_ values: [Int64], _ dims: [Int]? = nil) -> String {
        graph.addInitializer(Tensor(name: fresh("constant"), int64s: values, dims: dims))
    }

    // MARK: Nodes

    /// A node with one output. Without a shape the output has that of the first input.
    @discardableResult
    package mutating func add(
        _ op: String, _ inputs: [String], _ attributes: [Attribute] = [], shape: [Int]? = nil, type: ElementType? = nil,
        domain: String = ""
    ) -> String {
        add(op, inputs, attributes, shapes: [shape ?? shapes[inputs[0]] ?? []], type: type, domain: domain)[0]
    }

    @discardableResult
    package mutating func add(
        _ op: String, _ inputs: [String], _ attributes: [Attribute] = [], shapes: [[Int]], type: ElementType? = nil,
        domain: String = ""
    ) -> [String] {
        let stem = fresh(op.lowercased())
        let outputs = shapes.indices.map { shapes.count == 1 ? stem : "\(stem)_\($0)" }
        for (output, shape) in zip(outputs, shapes) {
            note(output, shape, type ?? inputs.first.flatMap { types[$0] } ?? .float)
        }
        graph.nodes.append(
            Node(op: op, inputs: inputs, outputs: outputs, name: stem, domain: domain, attributes: attributes))
        return outputs
    }

    /// A square Conv that keeps the size, divided by the stride; weights are scaled to keep the variance.
    package mutating func conv(
        _ x: String, _ channels: Int, kernel: Int = 3, stride: Int = 1, group: Int = 1, bias: Bool = true
    ) -> String {
        let input = shapes[x] ?? []
        let spatial = input.count - 2
        let weight = [channels, input[1] / group] + Array(repeating: kernel, count: spatial)
        let limit = (3 / Float(weight.dropFirst().reduce(1, *))).squareRoot()
        var inputs = [x, floats(weight, -limit...limit)]
        if bias { inputs.append(floats([channels], -0.2...0.2)) }
        let pads = Array(repeating: kernel / 2, count: 2 * spatial)
        return add(
            "Conv", inputs,
            [
                .ints("kernel_shape", Array(repeating: kernel, count: spatial)),
                .ints("strides", Array(repeating: stride, count: spatial)), .ints("pads", pads),
                .int("group", group),
            ], shape: [input[0], channels] + input.dropFirst(2).map { ($0 + stride - 1) / stride })
    }

    package mutating func gemm(_ x: String, _ channels: Int, transposed: Bool = true, bias: Bool = true) -> String {
        let depth = shapes[x]?.last ?? 1
        let limit = (3 / Float(depth)).squareRoot()
        var inputs = [x, floats(transposed ? [channels, depth] : [depth, channels], -limit...limit)]
        if bias { inputs.append(floats([channels], -0.2...0.2)) }
        return add(
            "Gemm", inputs, transposed ? [.int("transB", 1)] : [], shape: [shapes[x]?.first ?? 1, channels])
    }

    package mutating func matMul(_ x: String, _ channels: Int) -> String {
        let shape = shapes[x] ?? []
        let depth = shape.last ?? 1
        let limit = (3 / Float(depth)).squareRoot()
        return add("MatMul", [x, floats([depth, channels], -limit...limit)], shape: shape.dropLast() + [channels])
    }

    package mutating func relu(_ x: String) -> String { add("Relu", [x]) }

    package mutating func silu(_ x: String) -> String { add("Mul", [x, add("Sigmoid", [x])]) }

    package mutating func concat(_ inputs: [String], axis: Int = 1) -> String {
        var shape = shapes[inputs[0]] ?? []
        shape[axis] = inputs.reduce(0) { $0 + (shapes[$1]?[axis] ?? 0) }
        return add("Concat", inputs, [.int("axis", axis)], shape: shape)
    }

    package mutating func maxPool(_ x: String) -> String {
        let shape = shapes[x] ?? []
        return add(
            "MaxPool", [x], [.ints("kernel_shape", [2, 2]), .ints("strides", [2, 2])],
            shape: shape.prefix(2) + shape.dropFirst(2).map { $0 / 2 })
    }

    package mutating func globalPool(_ x: String) -> String {
        let shape = shapes[x] ?? []
        return add("GlobalAveragePool", [x], shape: shape.prefix(2) + [1, 1])
    }

    package mutating func flatten(_ x: String) -> String {
        let shape = shapes[x] ?? []
        return add("Flatten", [x], [.int("axis", 1)], shape: [shape[0], shape.dropFirst().reduce(1, *)])
    }

    // MARK: Results

    package func model(opset: Int = 17, irVersion: Int64 = 8) -> Model {
        var model = Model(graph: graph, opset: opset, irVersion: irVersion)
        for domain in Set(graph.nodes.map(\.domain)).sorted() where !domain.isEmpty { model.setOpset(domain, 1) }
        return model
    }

    private mutating func fresh(_ stem: String) -> String {
        count += 1
        return "\(stem)\(count)"
    }

    private mutating func note(_ name: String, _ shape: [Int], _ type: ElementType) {
        shapes[name] = shape
        types[name] = type
    }
}
