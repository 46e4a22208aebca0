import Domain

/// Range and soundness of an array, gathered piece by piece.
struct ArrayScan {
    private(set) var minimum: Double?
    private(set) var maximum: Double?
    /// Whether every value seen is a whole number.
    private(set) var isWhole = true
    /// What was seen of each whole sample.
    private(set) var samples: [SampleMoments] = []
    private var sample = Sums()

    private struct Sums {
        var low = Double.infinity
        var high = -Double.infinity
        var sum = 0.0
        var squares = 0.0
        var count = 0.0
    }

    /// Ends a sample: what was taken since the last end is one.
    mutating func endSample() {
        let mean = sample.count > 0 ? sample.sum / sample.count : 0
        let variance = sample.count > 0 ? sample.squares / sample.count - mean * mean : 0
        samples.append(
            SampleMoments(
                minimum: sample.low, maximum: sample.high, mean: mean, deviation: max(0, variance).squareRoot()))
        sample = Sums()
    }

    /// Takes in values; returns the index of the first one that is NaN or infinite.
    mutating func take(_ bytes: UnsafeRawBufferPointer, type: ElementKind) -> Int? {
        switch type {
        case .float32: return floats(bytes.assumingMemoryBound(to: Float.self))
        case .float64: return floats(bytes.assumingMemoryBound(to: Double.self))
        case .float16: return floats(bytes.assumingMemoryBound(to: Float16.self))
        case .uint8, .bool: integers(bytes.assumingMemoryBound(to: UInt8.self))
        case .int8: integers(bytes.assumingMemoryBound(to: Int8.self))
        case .uint16: integers(bytes.assumingMemoryBound(to: UInt16.self))
        case .int16: integers(bytes.assumingMemoryBound(to: Int16.self))
        case .uint32: integers(bytes.assumingMemoryBound(to: UInt32.self))
        case .int32: integers(bytes.assumingMemoryBound(to: Int32.self))
        case .uint64: integers(bytes.assumingMemoryBound(to: UInt64.self))
        case .int64: integers(bytes.assumingMemoryBound(to: Int64.self))
        default: break
        }
        return nil
    }

    private mutating func floats<T: BinaryFloatingPoint>(_ values: UnsafeBufferPointer<T>) -> Int? {
        guard var low = values.first else { return nil }
        var high = low
        // x - x is 0 for finite x and NaN otherwise: one sum finds any bad value without a branch.
        var poison: T = 0
        var (sum, squares) = (0.0, 0.0)
        for value in values {
            low = value < low ? value : low
            high = value > high ? value : high
            poison += value - value
            let wide = Double(value)
            sum += wide
            squares += wide * wide
        }
        guard poison == 0 else { return values.firstIndex { !$0.isFinite } }
        if isWhole { isWhole = values.allSatisfy { $0 == $0.rounded(.towardZero) } }
        widen(Double(low), Double(high), sum, squares, values.count)
        return nil
    }

    private mutating func integers<T: FixedWidthInteger>(_ values: UnsafeBufferPointer<T>) {
        guard var low = values.first else { return }
        var high = low
        var (sum, squares) = (0.0, 0.0)
        for value in values {
            low = value < low ? value : low
            high = value > high ? value : high
            let wide = Double(value)
            sum += wide
            squares += wide * wide
        }
        widen(Double(low), Double(high), sum, squares, values.count)
    }

    private mutating func widen(_ low: Double, _ high: Double, _ sum: Double, _ squares: Double, _ count: Int) {
        sample.low = min(sample.low, low)
        sample.high = max(sample.high, high)
        sample.sum += sum
        sample.squares += squares
        sample.count += Double(count)
        minimum = minimum.map { Swift.min($0, low) } ?? low
        maximum = maximum.map { Swift.max($0, high) } ?? high
    }
}

extension UnsafeRawBufferPointer {
    /// The buffer as whole values. Only for aligned buffers of this target's own making.
    func assumingMemoryBound<T>(to: T.Type) -> UnsafeBufferPointer<T> {
        let count = count / MemoryLayout<T>.stride
        guard let base = baseAddress, count > 0 else { return UnsafeBufferPointer(start: nil, count: 0) }
        return UnsafeBufferPointer(start: base.assumingMemoryBound(to: T.self), count: count)
    }
}
