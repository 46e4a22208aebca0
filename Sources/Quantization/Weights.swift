import CKernels
package import ModelGraph

/// A weight in 8 bits: symmetric, one scale per output channel, -127...127, or -63...63 in channels that a target wants
/// narrow (the restricted range keeps the product sums symmetric; ONNX `QuantizeLinear`, axis form).
package struct QuantizedWeight: Sendable, Hashable {
    package var dims: [Int]
    /// Axis of `dims` that `scales` belong to.
    package var axis: Int
    package var values: [Int8]
    package var scales: [Float]
    /// Largest magnitude that each channel's values may have.
    package var limits: [Int8]

    /// The integer that stands for 0. Other than 0 only in weights that came in integers.
    package var zeroPoint = 0
    /// Whether all scales are one.
    package var isPerTensor = false
    /// Whether the integers came with the model: nothing may change them.
    package var isTrained = false
    /// The same weight in blocks: then `values` and `scales` are empty.
    package var blocks: BlockwiseWeight?

    package static let widest: Int8 = 127
    /// Of 7 bits: any two products with a U8 fit 16 bits together.
    package static let narrow: Int8 = 63

    /// The float tensor that integer arithmetic really uses, in the original layout.
    package func dequantized() -> [Float] {
        if let blocks { return blocks.restored(axis: axis) }
        let inner = dims[(axis + 1)...].reduce(1, *)
        let channels = dims[axis]
        return values.indices.map { Float(Int(values[$0]) - zeroPoint) * scales[($0 / inner) % channels] }
    }
}

extension QuantizedWeight {
    /// The weight of a MatMul or Gemm in blocks of `bits` bits.
    package init(blocks weight: Tensor, axis: Int, bits: Int, size: Int) throws {
        self.init(dims: weight.dims, axis: axis, values: [], scales: [], limits: [])
        blocks = try BlockwiseWeight(weight, axis: axis, bits: bits, size: size)
    }

    /// Rounds `weight` to nearest. A channel's scale is its largest magnitude over 127, over 63 in the channels `narrow`, or
    /// `minimumScales` where that is larger (so that the int32 bias fits); a channel of zeros gets scale 1.
    package init(_ weight: Tensor, axis: Int, minimumScales: [Float]? = nil, narrow: Set<Int> = []) throws {
        let floats = try weight.floats()
        guard floats.allSatisfy(\.isFinite) else {
            throw QuantizationError.unquantizable(tensor: weight.name, why: "it holds NaN or infinity")
        }
        let outer = weight.dims[..<axis].reduce(1, *)
        let inner = weight.dims[(axis + 1)...].reduce(1, *)
        let channels = weight.dims[axis]
        var largest = [Float](repeating: 0, count: channels)
        octavo_max_abs_per_channel(floats, outer, channels, inner, &largest)
        limits = largest.indices.map { narrow.contains($0) ? Self.narrow : Self.widest }
        let limits = limits
        let scales = largest.indices.map { channel in
            let scale = max(largest[channel] / Float(limits[channel]), minimumScales?[channel] ?? 0)
            return scale.isNormal ? scale : 1
        }
        var values = [Int8](repeating: 0, count: floats.count)
        floats.withUnsafeBufferPointer { from in
            values.withUnsafeMutableBufferPointer { to in
                guard let source = from.baseAddress, let target = to.baseAddress else { return }
                for row in 0..<(outer * channels) {
                    octavo_quantize_f32_s8(source + row * inner, inner, scales[row % channels], target + row * inner)
                }
            }
        }
        self.scales = scales
        dims = weight.dims
        self.axis = axis
        self.values = values
    }

    /// The least weight scales for which a bias of `bias` fits int32 at scale `activation * weight`, with a bit to spare.
    package static func scalesThatFit(bias: [Float], activation: Float) -> [Float] {
        bias.map { abs($0) / (activation * Float(1 << 30)) }
    }
}
