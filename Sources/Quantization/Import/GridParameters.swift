import ModelGraph

/// The parameters of a QuantizeLinear or DequantizeLinear, read from its constants.
struct GridParameters {
    /// Of the integers.
    let type: ElementType
    let scales: [Float]
    let zeroPoints: [Int]
    /// Axis of the scales when there are several.
    let axis: Int?
    /// Several scales along one channel, as block-wise formats have them.
    let isBlockwise: Bool
    /// The integers that a Clip between Q and DQ leaves, in the type's own numbers.
    var limits: ClosedRange<Int>?

    /// `integers` is their type, where the tensor is known. Throws `QuantizationImport.Refusal` where a parameter is computed.
    init(_ node: Node, _ graph: Graph, _ index: GraphIndex, integers: ElementType?) throws {
        func constant(_ position: Int) throws -> Tensor? {
            guard let name = node.input(position) else { return nil }
            guard let place = index.initializer(named: name) else {
                throw QuantizationImport.Refusal(reason: "'\(name)', a parameter of \(node.label), is computed")
            }
            return graph.initializers[place]
        }
        guard let scale = try constant(1) else {
            throw QuantizationImport.Refusal(reason: "\(node.label) has no scale")
        }
        let zero = try constant(2)
        let declared = node.int("output_dtype").flatMap { ElementType(rawValue: Int32(clamping: $0)) }
        type = integers ?? zero?.type ?? (node.op == "QuantizeLinear" ? declared : nil) ?? .uint8
        guard Self.isStorable(type), zero?.type ?? type == type else {
            throw QuantizationImport.Refusal(
                reason: "\(node.label) has integers of \(type)\(zero.map { " and a zero point of \($0.type)" } ?? "")")
        }
        scales = try scale.floats()
        let zeros = try zero.flatMap { $0.type.isInteger ? try $0.int64s().map { Int(clamping: $0) } : nil }
        zeroPoints = zeros ?? Array(repeating: 0, count: scales.count)
        isBlockwise = node.int("block_size") ?? 0 > 0
        axis = scales.count > 1 ? Int(clamping: node.int("axis") ?? 1) : nil
        guard zeroPoints.count == scales.count, !scales.isEmpty else {
            throw QuantizationImport.Refusal(reason: "\(node.label) has \(scales.count) scales and other zero points")
        }
    }

    /// Whether ONNX has Q and DQ for a type: none of them is wider than 32 bits, so differences of two always fit an `Int`.
    private static func isStorable(_ type: ElementType) -> Bool {
        type != .string && type.bitWidth <= 32 && type != .float && type != .bool
    }

    /// Whether a pair of these two gives back what it took, rounded.
    func pairs(with other: GridParameters) -> Bool {
        scales == other.scales && zeroPoints == other.zeroPoints && axis == other.axis && !isBlockwise
    }

    private var isUsable: Bool { scales.allSatisfy { $0.isFinite && $0 > 0 } }
    private var offset: Int { type == .int8 ? 128 : 0 }

    /// The grid of an activation on unsigned numbers; nil when it cannot be one.
    var grid: Affine? {
        guard type == .int8 || type == .uint8, scales.count == 1, isUsable else { return nil }
        let top = limits.map { min(255, $0.upperBound + offset) } ?? 255
        guard top > 0 else { return nil }
        return Affine(scale: scales[0], zeroPoint: zeroPoints[0] + offset, top: top)
    }

    var whyNoGrid: String {
        if type != .int8 && type != .uint8 {
            return "its grid is \(type), and the runtime's integer kernels take 8 bits"
        }
        if !isUsable { return "its scale is not a positive number" }
        if scales.count == 1 { return "nothing is left of its grid behind a Clip" }
        return "its grid has a scale for each channel, and the runtime's integer kernels take one"
    }

    var whyNoWeight: String {
        if type != .int8 && type != .uint8 { return "it is stored as \(type), not in 8 bits" }
        if isBlockwise { return "it has several scales in one channel" }
        if !isUsable { return "its scale is not a positive number" }
        return "its channels have different zero points"
    }

    // MARK: Constants

    /// `integers` as the float values that DequantizeLinear makes of them.
    func restored(_ integers: Tensor) throws -> [Float] {
        guard integers.type.isInteger, !isBlockwise else {
            throw QuantizationImport.Refusal(
                reason: "'\(integers.name)' is stored as \(integers.type)\(isBlockwise ? " in blocks" : "")")
        }
        let values = try integers.int64s()
        let places = try channels(of: integers.dims)
        return values.indices.map { i in
            let channel = places(i)
            return Float(Int(clamping: values[i]) - zeroPoints[channel]) * scales[channel]
        }
    }

    /// `float` as the integers that QuantizeLinear makes of it, all of them 8 bits wide.
    func quantized(_ float: Tensor) throws -> Tensor? {
        guard type == .int8 || type == .uint8, !isBlockwise, isUsable else { return nil }
        let bounds = limits ?? (type == .int8 ? -128...127 : 0...255)
        let places = try channels(of: float.dims)
        let values = try float.floats()
        let integers = values.indices.map { i -> Int in
            let channel = places(i)
            let level = (values[i] / scales[channel]).rounded(.toNearestOrEven)
            guard level.isFinite else { return zeroPoints[channel] }
            let whole = Int(min(max(level, -100_000), 100_000)) + zeroPoints[channel]
            return min(max(whole, bounds.lowerBound), bounds.upperBound)
        }
        return Tensor(
            name: float.name, type: type, dims: float.dims, bytes: integers.map { UInt8(truncatingIfNeeded: $0) })
    }

    /// The integers of a weight as signed ones; nil when no kernel has them so.
    func weight(_ integers: Tensor, source: Tensor) throws -> TrainedWeight? {
        guard type == .int8 || type == .uint8, !isBlockwise, isUsable, Set(zeroPoints).count == 1 else { return nil }
        _ = try channels(of: integers.dims)
        let zero = zeroPoints[0]
        let shift = type == .uint8 ? 128 : 0
        let values = try integers.int64s().map { Int($0) }
        // Without a zero point where the numbers allow it, moved into the signed range otherwise.
        let centred = values.allSatisfy { (-128...127).contains($0 - zero) }
        let (moved, rest) = centred ? (zero, 0) : (shift, zero - shift)
        return TrainedWeight(
            source: source, values: values.map { Int8(clamping: $0 - moved) }, scales: scales, axis: axis(of: integers),
            zeroPoint: rest)
    }

    private func axis(of tensor: Tensor) -> Int? { axis.map { $0 < 0 ? $0 + tensor.dims.count : $0 } }

    /// Which scale each element has.
    private func channels(of dims: [Int]) throws -> (Int) -> Int {
        guard scales.count > 1, let axis else { return { _ in 0 } }
        let place = axis < 0 ? axis + dims.count : axis
        guard dims.indices.contains(place), dims[place] == scales.count else {
            throw QuantizationImport.Refusal(
                reason: "\(scales.count) scales along axis \(axis) do not fit a tensor of shape \(dims)")
        }
        let (inner, count) = (dims[(place + 1)...].reduce(1, *), scales.count)
        return { ($0 / inner) % count }
    }
}
