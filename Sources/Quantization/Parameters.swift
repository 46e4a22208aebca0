import ModelGraph

/// Uniform affine quantization of one tensor to 8 bits: `real = scale * (integer - zeroPoint)`
/// (Jacob et al. 2018, arXiv:1712.05877, eq. 1).
package struct Affine: Equatable, Sendable {
    package var scale: Float
    package var zeroPoint: Int
    /// The largest integer: 255, less where a trained grid ends earlier, 65535 for 16 bits.
    package var top: Int

    package init(scale: Float, zeroPoint: Int, top: Int = 255) {
        self.scale = scale
        self.zeroPoint = zeroPoint
        self.top = top
    }

    /// Unsigned parameters from 0 to `top` whose grid covers `range`, widened to contain zero so that zero is exact.
    /// A range without width gets scale 1, zero point 0.
    package static func unsigned(_ range: ValueRange, top: Int = 255) -> Affine {
        let low = min(Double(range.low), 0)
        let high = max(Double(range.high), 0)
        let scale = Float((high - low) / Double(top))
        guard scale.isNormal else { return Affine(scale: 1, zeroPoint: 0, top: top) }
        let zero = (-low / Double(scale)).rounded(.toNearestOrEven)
        return Affine(scale: scale, zeroPoint: Int(min(max(zero, 0), Double(top))), top: top)
    }

    /// What `value` becomes after unsigned quantization and dequantization.
    package func roundTrip(_ value: Double) -> Double {
        let q = (value / Double(scale)).rounded(.toNearestOrEven) + Double(zeroPoint)
        return (min(max(q, 0), Double(top)) - Double(zeroPoint)) * Double(scale)
    }

    /// The smallest and largest real value on the unsigned grid.
    package var range: ValueRange {
        ValueRange(low: Float(-zeroPoint) * scale, high: Float(top - zeroPoint) * scale)
    }
}

extension Affine {
    /// The zero point as the scalar that Q and DQ take.
    func zeroTensor(named name: String) -> Tensor { tensor([zeroPoint], dims: [], named: name) }

    /// Levels in the type of the grid: uint8 or uint16.
    func tensor(_ integers: [Int], dims: [Int], named name: String) -> Tensor {
        let width = top > 255 ? 2 : 1
        let bytes = integers.flatMap { value in (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        return Tensor(name: name, type: top > 255 ? .uint16 : .uint8, dims: dims, bytes: bytes)
    }
}

/// A closed interval of real values.
package struct ValueRange: Equatable, Sendable {
    package var low: Float
    package var high: Float

    package init(low: Float, high: Float) {
        self.low = low
        self.high = high
    }
}
