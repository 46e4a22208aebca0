import ModelGraph

/// A QuantizeLinear or DequantizeLinear with its numbers.
struct Linear {
    let place: Int
    /// Whether it quantizes; else it dequantizes.
    let quantizes: Bool
    let isDefaultDomain: Bool
    let input: String
    let output: String
    /// Of the integers; nil while it is not known.
    var type: ElementType?
    /// Nil when they are computed.
    let scales: [Float]?
    /// Zeros when left out, nil when they are computed.
    let zeros: [Int64]?
    /// As the node says it; 1 when it says nothing.
    let axis: Int
    let saysAxis: Bool
    /// Scales for blocks of values.
    let isBlocked: Bool

    /// Nil for other operators, and for ones without the inputs that they need.
    init?(_ node: Node, at place: Int, _ constants: [String: Tensor]) {
        guard node.op == "QuantizeLinear" || node.op == "DequantizeLinear",
            node.isDefaultDomain || node.domain == OperatorDomain.microsoft,
            let input = node.input(0), let scale = node.input(1), let output = node.output(0)
        else { return nil }
        self.place = place
        self.input = input
        self.output = output
        quantizes = node.op == "QuantizeLinear"
        isDefaultDomain = node.isDefaultDomain
        let scales = try? constants[scale]?.floats()
        self.scales = scales
        let zero = node.input(2).flatMap { constants[$0] }
        zeros = node.input(2) == nil ? [Int64](repeating: 0, count: scales?.count ?? 1) : try? zero?.int64s()
        axis = node.int("axis").flatMap { Int(exactly: $0) } ?? 1
        saysAxis = node.attribute("axis") != nil
        isBlocked = node.int("block_size") ?? 0 > 0
        type = zero?.type
        if !quantizes, let stored = constants[input]?.type, !stored.isFloat { type = stored }
        if type == nil, quantizes, node.input(2) == nil {
            let written = node.int("output_dtype").flatMap { Int32(exactly: $0) }.flatMap(ElementType.init(rawValue:))
            type = written ?? .uint8
        }
    }

    /// Whether all values share one scale and zero point, known now.
    var single: (scale: Float, zero: Int64)? {
        guard let scales, let zeros, scales.count == 1, zeros.count == 1 else { return nil }
        return (scales[0], zeros[0])
    }

    /// Smallest and largest real value.
    var range: (low: Float, high: Float)? {
        guard let single, let ends = type?.byteRange else { return nil }
        return (
            Float(clamped(ends.lowerBound, single.zero)) * single.scale,
            Float(clamped(ends.upperBound, single.zero)) * single.scale
        )
    }

    private func clamped(_ level: Int64, _ zero: Int64) -> Int64 {
        level.subtractingReportingOverflow(zero).partialValue
    }

    /// Whether values from `low` to `high` are all that the grid can hold.
    func saturates(at low: Float, _ high: Float) -> Bool {
        guard let single, let ends = type?.byteRange else { return false }
        func level(_ value: Float) -> Float { (value / single.scale).rounded(.toNearestOrEven) + Float(single.zero) }
        return low <= high && level(low) <= Float(ends.lowerBound) && level(high) >= Float(ends.upperBound)
    }

    var is16Bit: Bool { type == .int16 || type == .uint16 }
}
