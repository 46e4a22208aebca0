package import ModelGraph

/// What a model that came with QuantizeLinear and DequantizeLinear says of its own quantization: grids and integers that
/// training, or another tool, has settled. They are kept bit for bit.
package struct TrainedQuantization: Sendable {
    /// Grids by tensor name, on the unsigned numbers that x64 computes with: the scale as it came, the zero point of a
    /// signed grid moved by 128, which changes no value.
    package var activations: [String: Affine] = [:]
    private var weights: [Int: [TrainedWeight]] = [:]
    package private(set) var weightCount = 0

    package init() {}

    package var isEmpty: Bool { activations.isEmpty && weights.isEmpty }

    package mutating func add(_ weight: TrainedWeight) {
        guard let key = Self.key(weight.source) else { return }
        weights[key, default: []].append(weight)
        weightCount += 1
    }

    /// The integers that `tensor` was trained in, with scales along `axis`. Weights are known by their values: folding and
    /// rewriting give them other names and other shapes.
    func weight(_ tensor: Tensor, axis: Int) -> QuantizedWeight? {
        guard let key = Self.key(tensor), let known = weights[key] else { return nil }
        return known.lazy.compactMap { $0.fitted(to: tensor, axis: axis) }.first
    }

    /// Whether `tensor` came in integers, wherever their scales lie.
    package func holds(_ tensor: Tensor) -> Bool { Self.key(tensor).map { weights[$0] != nil } ?? false }

    private static func key(_ tensor: Tensor) -> Int? {
        try? tensor.withBytes { bytes in
            var hasher = Hasher()
            hasher.combine(bytes: bytes)
            return hasher.finalize()
        }
    }
}

/// A weight in the integers that it came in.
package struct TrainedWeight: Sendable {
    /// What stands for it in the float graph.
    var source: Tensor
    var values: [Int8]
    var scales: [Float]
    /// Axis of the scales; nil with one scale for the whole tensor.
    var axis: Int?
    var zeroPoint = 0

    /// The same for a tensor of equal values. It may have lost axes of size 1 behind the first one.
    fileprivate func fitted(to tensor: Tensor, axis wanted: Int) -> QuantizedWeight? {
        guard tensor.count == values.count, tensor.dims.indices.contains(wanted) else { return nil }
        if let axis, scales.count > 1 {
            let same = tensor.dims == source.dims && axis == wanted
            let first = axis == 0 && wanted == 0 && tensor.dims[0] == source.dims[0]
            guard same || first, scales.count == tensor.dims[wanted] else { return nil }
        }
        let equal = try? tensor.withBytes { a in try source.withBytes { b in a.elementsEqual(b) } }
        guard equal == true else { return nil }
        let single = axis == nil || scales.count == 1
        return QuantizedWeight(
            dims: tensor.dims, axis: wanted, values: values,
            scales: single ? Array(repeating: scales[0], count: tensor.dims[wanted]) : scales,
            limits: Array(repeating: QuantizedWeight.widest, count: tensor.dims[wanted]), zeroPoint: zeroPoint,
            isPerTensor: single, isTrained: true)
    }

    /// The same with axes in another order.
    func transposed(_ order: [Int], source transposed: Tensor) throws -> TrainedWeight {
        let integers = try Tensor(name: "values", int8s: values, dims: source.dims).transposed(order)
        var result = self
        result.source = transposed
        result.values = try integers.int64s().map { Int8(truncatingIfNeeded: $0) }
        result.axis = axis.flatMap { order.firstIndex(of: $0) }
        return result
    }

    /// The same times one factor for each entry of the first axis: integers change sign at most. Nil where that is not exact.
    func scaled(by factors: [Double], source scaled: Tensor) -> TrainedWeight? {
        let negative = factors.contains { $0 < 0 }
        guard let channels = source.dims.first, channels == factors.count, channels > 0,
            axis ?? 0 == 0 || scales.count == 1,
            zeroPoint == 0, !negative || !values.contains(-128)
        else { return nil }
        let inner = values.count / channels
        var result = self
        result.source = scaled
        result.axis = 0
        result.scales = factors.indices.map { channel in
            let scale = scales.count == 1 ? scales[0] : scales[channel]
            let product = Float(Double(scale) * abs(factors[channel]))
            return product.isNormal ? product : scale
        }
        for channel in 0..<channels where factors[channel] <= 0 {
            for place in (channel * inner)..<((channel + 1) * inner) {
                result.values[place] = factors[channel] < 0 ? -values[place] : 0
            }
        }
        return result
    }
}
