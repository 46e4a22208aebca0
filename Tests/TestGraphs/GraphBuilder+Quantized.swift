package import ModelGraph

/// Q/DQ pairs as tools for quantization-aware training export them.
extension GraphBuilder {
    /// `x` through a pair on a signed or unsigned 8-bit grid; returns what the DQ gives.
    package mutating func pair(_ x: String, scale: Float, zero: Int = 0, signed: Bool = false) -> String {
        let parameters = [constant([scale], []), integer(zero, signed ? .int8 : .uint8)]
        let q = add("QuantizeLinear", [x] + parameters, shape: shapes[x], type: signed ? .int8 : .uint8)
        return add("DequantizeLinear", [q] + parameters, shape: shapes[x], type: .float)
    }

    /// A float weight behind a signed pair with one scale per entry of `axis`, or one for all.
    package mutating func pairedWeight(_ dims: [Int], axis: Int?, limit: Float) -> String {
        let weight = floats(dims, -limit...limit)
        let channels = axis.map { dims[$0] } ?? 1
        let scales = (0..<channels).map { limit / 127 * (1 + Float($0) / 64) }
        let scale = constant(scales, axis == nil ? [] : [channels])
        let zero = graph.addInitializer(
            Tensor(
                name: weight + "_zero", int8s: Array(repeating: 0, count: channels), dims: axis == nil ? [] : [channels]
            ))
        let attributes: [Attribute] = axis.map { [.int("axis", $0)] } ?? []
        let q = add("QuantizeLinear", [weight, scale, zero], attributes, shape: dims, type: .int8)
        return add("DequantizeLinear", [q, scale, zero], attributes, shape: dims, type: .float)
    }

    /// Integers from the file behind a DQ.
    package mutating func storedWeight(
        _ dims: [Int], scale: Float, zero: Int, type: ElementType, values: [UInt8]
    ) -> String {
        let stored = graph.addInitializer(Tensor(name: "stored", type: type, dims: dims, bytes: values))
        return add(
            "DequantizeLinear", [stored, constant([scale], []), integer(zero, type)], shape: dims, type: .float)
    }

    /// A Conv of kernel 3 that keeps the size, or of kernel 1, on a weight that is computed in the graph.
    package mutating func conv(_ x: String, weight: String, _ channels: Int, kernel: Int = 3) -> String {
        let shape = shapes[x] ?? []
        return add(
            "Conv", [x, weight],
            [
                .ints("kernel_shape", [kernel, kernel]),
                .ints("pads", Array(repeating: kernel / 2, count: 4)),
            ], shape: [shape[0], channels] + shape.dropFirst(2))
    }

    private mutating func integer(_ value: Int, _ type: ElementType) -> String {
        graph.addInitializer(
            Tensor(name: "zero", type: type, dims: [], bytes: [UInt8(truncatingIfNeeded: value)]))
    }
}
