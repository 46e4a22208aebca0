/// Uniform affine quantization of one tensor to 8 bits: `real = scale * (integer - zeroPoint)`
/// (Jacob et al. 2018, arXiv:1712.05877, eq. 1).
package struct Affine: Equatable, Sendable {
    package var scale: Float
    package var zeroPoint: Int

    package init(scale: Float, zeroPoint: Int) {
        self.scale = scale
        self.zeroPoint = zeroPoint
    }

    /// Unsigned 8-bit parameters whose grid covers `range`, widened to contain zero so that zero is exact.
    /// A range without width gets scale 1, zero point 0.
    package static func unsigned(_ range: ValueRange) -> Affine {
        let low = min(Double(range.low), 0)
        let high = max(Double(range.high), 0)
        let scale = Float((high - low) / 255)
        guard scale.isNormal else { return Affine(scale: 1, zeroPoint: 0) }
        let zero = (-low / Double(scale)).rounded(.toNearestOrEven)
        return Affine(scale: scale, zeroPoint: Int(min(max(zero, 0), 255)))
    }

    /// What `value` becomes after unsigned quantization and dequantization.
    package func roundTrip(_ value: Double) -> Double {
        let q = (value / Double(scale)).rounded(.toNearestOrEven) + Double(zeroPoint)
        return (min(max(q, 0), 255) - Double(zeroPoint)) * Double(scale)
    }

    /// The smallest and largest real value on the unsigned grid.
    package var range: ValueRange {
        ValueRange(low: Float(-zeroPoint) * scale, high: Float(255 - zeroPoint) * scale)
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
