/// A number as archives store it, and what it is in float32, rounded to nearest.
protocol StoredNumber {
    var float: Float { get }
}

/// A floating point number as models take it.
protocol InputFloat {
    /// Rounds to nearest, ties to even.
    init(rounding value: Float)
}

extension Float: StoredNumber, InputFloat {
    var float: Float { self }
    init(rounding value: Float) { self = value }
}

extension Double: StoredNumber, InputFloat {
    var float: Float { Float(self) }
    init(rounding value: Float) { self = Double(value) }
}

extension Float16: StoredNumber, InputFloat {
    var float: Float { Float(self) }
    init(rounding value: Float) { self = Float16(value) }
}

/// bfloat16: the upper half of a float32.
struct BrainFloat: InputFloat {
    let bits: UInt16

    init(rounding value: Float) {
        let raw = value.bitPattern
        bits =
            value.isNaN
            ? UInt16(truncatingIfNeeded: raw >> 16) | 0x40
            : UInt16(truncatingIfNeeded: (raw &+ 0x7fff &+ (raw >> 16 & 1)) >> 16)
    }
}

extension FixedWidthInteger {
    var float: Float { Float(self) }
}

extension UInt16: StoredNumber {}
extension Int16: StoredNumber {}
extension UInt32: StoredNumber {}
extension Int32: StoredNumber {}
extension UInt64: StoredNumber {}
extension Int64: StoredNumber {}
