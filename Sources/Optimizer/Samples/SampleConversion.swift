import Domain

/// Turns the stored bytes of one sample into the bytes of a model input: `(x * scale - mean[c]) / std[c]` in float32, then
/// the layout change; integers for integer inputs are only widened. Made once per input, used from any thread.
struct SampleConversion: Sendable {
    private let array: String
    private let source: ElementKind
    private let target: ElementKind
    private let preprocessing: Preprocessing
    private let plan: ChannelPlan
    /// For one-byte sources: the result for each byte and channel, 256 floats per channel.
    private let table: [Float]

    /// True when stored bytes are input bytes, so that they can be read in place.
    let isIdentity: Bool

    init(_ binding: Fit.Binding, _ preprocessing: Preprocessing) throws {
        array = binding.array.name
        source = binding.array.type
        target = binding.input.type
        let applies = target.isFloat
        let rule = applies ? preprocessing : .identity
        try rule.check()
        // A sample of an array without the batch axis is one row of batch 1.
        let stored = (binding.wholeInputs ? [] : [1]) + binding.array.shape.dropFirst()
        plan = try ChannelPlan.make(shape: Array(stored), preprocessing: rule, for: binding)
        self.preprocessing = rule
        isIdentity =
            source == target && rule.keepsValues && !rule.reverseChannels
            && (rule.layout == .asIs || stored.count < 3 || plan.channels == 1)
        table = applies ? Self.table(source, rule, plan.channels) : []
        guard target.storedWidth != nil else {
            throw Failure.samples("Input '\(binding.input.name)' is \(target.rawValue), which no array can feed.")
        }
    }

    /// Both buffers hold the same number of values; `index` is the sample's, for messages.
    func convert(_ bytes: UnsafeRawBufferPointer, into result: UnsafeMutableRawBufferPointer, sample index: Int) throws
    {
        switch target {
        case .float32: spread(bytes, result.assumingMemoryBound(to: Float.self))
        case .float64: spread(bytes, result.assumingMemoryBound(to: Double.self))
        case .float16: spread(bytes, result.assumingMemoryBound(to: Float16.self))
        case .bfloat16: spread(bytes, result.assumingMemoryBound(to: BrainFloat.self))
        default: try integers(bytes, result, index)
        }
    }
}

// MARK: - Float inputs

extension SampleConversion {
    private func spread<To: InputFloat>(_ bytes: UnsafeRawBufferPointer, _ result: UnsafeMutableBufferPointer<To>) {
        switch source {
        case .uint8, .int8, .bool: lookUp(bytes, result)
        case .float32: compute(bytes.assumingMemoryBound(to: Float.self), result)
        case .float64: compute(bytes.assumingMemoryBound(to: Double.self), result)
        case .float16: compute(bytes.assumingMemoryBound(to: Float16.self), result)
        case .uint16: compute(bytes.assumingMemoryBound(to: UInt16.self), result)
        case .int16: compute(bytes.assumingMemoryBound(to: Int16.self), result)
        case .uint32: compute(bytes.assumingMemoryBound(to: UInt32.self), result)
        case .int32: compute(bytes.assumingMemoryBound(to: Int32.self), result)
        case .uint64: compute(bytes.assumingMemoryBound(to: UInt64.self), result)
        case .int64: compute(bytes.assumingMemoryBound(to: Int64.self), result)
        case .bfloat16, .string, .other: break
        }
    }

    /// The path of pictures: bytes through a table of 256 results per channel.
    private func lookUp<To: InputFloat>(_ bytes: UnsafeRawBufferPointer, _ result: UnsafeMutableBufferPointer<To>) {
        table.withUnsafeBufferPointer { table in
            eachRun(bytes.count, result.count) { channel, from, to in
                let base = channel << 8
                for i in 0..<plan.run {
                    let byte = Int(bytes[from + i &* plan.sourceStride])
                    result[to + i &* plan.targetStride] = To(rounding: table[base | byte])
                }
            }
        }
    }

    private func compute<From: StoredNumber, To: InputFloat>(
        _ values: UnsafeBufferPointer<From>, _ result: UnsafeMutableBufferPointer<To>
    ) {
        let scale = Float(preprocessing.scale)
        eachRun(values.count, result.count) { channel, from, to in
            let (mean, std) = (Self.pick(preprocessing.mean, channel, 0), Self.pick(preprocessing.std, channel, 1))
            for i in 0..<plan.run {
                let x = values[from + i &* plan.sourceStride].float
                result[to + i &* plan.targetStride] = To(rounding: (x * scale - mean) / std)
            }
        }
    }

    /// Calls `body` with the channel of the result and the first places in source and result of each run.
    private func eachRun(_ sourceCount: Int, _ targetCount: Int, _ body: (Int, Int, Int) -> Void) {
        let count = plan.blocks * plan.channels * plan.run
        precondition(sourceCount == count && targetCount == count, "a sample has as many values as its input")
        for block in 0..<plan.blocks {
            for channel in 0..<plan.channels {
                let stored = preprocessing.reverseChannels ? plan.channels - 1 - channel : channel
                body(
                    channel, block * plan.sourceBlock + stored * plan.sourceChannel,
                    block * plan.targetBlock + channel * plan.targetChannel)
            }
        }
    }

    private static func table(_ source: ElementKind, _ rule: Preprocessing, _ channels: Int) -> [Float] {
        guard source.storedWidth == 1 else { return [] }
        let scale = Float(rule.scale)
        return (0..<channels).flatMap { channel in
            let (mean, std) = (pick(rule.mean, channel, 0), pick(rule.std, channel, 1))
            return (0..<256).map { byte in
                let x =
                    switch source {
                    case .int8: Float(Int8(truncatingIfNeeded: byte))
                    case .bool: Float(byte == 0 ? 0 : 1)
                    default: Float(byte)
                    }
                return (x * scale - mean) / std
            }
        }
    }

    /// One value for all channels, one per channel, or none.
    private static func pick(_ values: [Double], _ channel: Int, _ absent: Float) -> Float {
        guard let first = values.first else { return absent }
        return Float(values.count == 1 ? first : values[channel])
    }
}

// MARK: - Integer inputs

extension SampleConversion {
    private func integers(_ bytes: UnsafeRawBufferPointer, _ result: UnsafeMutableRawBufferPointer, _ index: Int) throws
    {
        switch source {
        case .bool, .uint8: try widen(bytes.assumingMemoryBound(to: UInt8.self), result, index)
        case .int8: try widen(bytes.assumingMemoryBound(to: Int8.self), result, index)
        case .uint16: try widen(bytes.assumingMemoryBound(to: UInt16.self), result, index)
        case .int16: try widen(bytes.assumingMemoryBound(to: Int16.self), result, index)
        case .uint32: try widen(bytes.assumingMemoryBound(to: UInt32.self), result, index)
        case .int32: try widen(bytes.assumingMemoryBound(to: Int32.self), result, index)
        case .uint64: try widen(bytes.assumingMemoryBound(to: UInt64.self), result, index)
        case .int64: try widen(bytes.assumingMemoryBound(to: Int64.self), result, index)
        default: break
        }
    }

    private func widen<From: FixedWidthInteger>(
        _ values: UnsafeBufferPointer<From>, _ result: UnsafeMutableRawBufferPointer, _ index: Int
    ) throws {
        switch target {
        case .bool, .uint8: try copy(values, result.assumingMemoryBound(to: UInt8.self), index)
        case .int8: try copy(values, result.assumingMemoryBound(to: Int8.self), index)
        case .uint16: try copy(values, result.assumingMemoryBound(to: UInt16.self), index)
        case .int16: try copy(values, result.assumingMemoryBound(to: Int16.self), index)
        case .uint32: try copy(values, result.assumingMemoryBound(to: UInt32.self), index)
        case .int32: try copy(values, result.assumingMemoryBound(to: Int32.self), index)
        case .uint64: try copy(values, result.assumingMemoryBound(to: UInt64.self), index)
        case .int64: try copy(values, result.assumingMemoryBound(to: Int64.self), index)
        default: break
        }
    }

    private func copy<From: FixedWidthInteger, To: FixedWidthInteger>(
        _ values: UnsafeBufferPointer<From>, _ result: UnsafeMutableBufferPointer<To>, _ index: Int
    ) throws {
        precondition(values.count == result.count, "a sample has as many values as its input")
        for i in values.indices {
            guard let value = To(exactly: values[i]) else {
                throw Failure.samples(
                    "Array '\(array)' has \(values[i]) in sample \(index), which does not fit the input's type "
                        + "\(target.rawValue). Save values in range.", array: array)
            }
            result[i] = value
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// The buffer as whole values. Only for aligned buffers.
    func assumingMemoryBound<T>(to: T.Type) -> UnsafeMutableBufferPointer<T> {
        let count = count / MemoryLayout<T>.stride
        guard let base = baseAddress, count > 0 else { return UnsafeMutableBufferPointer(start: nil, count: 0) }
        return UnsafeMutableBufferPointer(start: base.assumingMemoryBound(to: T.self), count: count)
    }
}
