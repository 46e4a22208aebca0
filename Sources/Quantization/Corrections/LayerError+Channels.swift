import Foundation

extension LayerError {
    /// Channels whose reference was one value throughout; nil when no channel showed two values to compare. What the sums of
    /// a constant leave for its variance is below 1e-12 of its power.
    package var constantChannels: Int? {
        guard channels.contains(where: { $0.count > 1 }) else { return nil }
        return channels.count { channel in
            guard channel.count > 1 else { return false }
            let variation = channel.referenceSquared - channel.reference * channel.reference / channel.count
            return variation <= channel.referenceSquared * 1e-12
        }
    }

    /// Channels whose reference was 0 throughout.
    package var zeroChannels: Int { channels.count { $0.referenceSquared == 0 } }

    /// Signal over noise in dB, mean errors included; nil when nothing differs or there is no signal.
    package var sqnr: Double? {
        let signal = channels.reduce(0) { $0 + $1.referenceSquared }
        let noise = channels.reduce(0) { $0 + $1.errorSquared }
        return signal > 0 && noise > 0 ? 10 * log10(signal / noise) : nil
    }
}

extension QuantizedWeight {
    /// What the integers make of the float weight `floats`, channel by channel; nil for a weight of another size.
    package func error(of floats: [Float]) -> LayerError? {
        let restored = dequantized()
        guard restored.count == floats.count, dims.reduce(1, *) == floats.count else { return nil }
        return LayerError(weight: floats, restored: restored, dims: dims, axis: axis)
    }
}

extension LayerError {
    /// Of a weight of `dims` with its output channels along `axis`; both arrays hold so many values.
    package init(weight: [Float], restored: [Float], dims: [Int], axis: Int) {
        precondition(weight.count == dims.reduce(1, *) && restored.count == weight.count, "one value for each place")
        let empty = LayerError(channels: dims[axis])
        self = weight.withUnsafeBufferPointer { weight in
            restored.withUnsafeBufferPointer { restored in
                guard let reference = weight.baseAddress, let test = restored.baseAddress else { return empty }
                return LayerError(
                    reference: reference, test: test, outer: dims[..<axis].reduce(1, *), channels: dims[axis],
                    inner: dims[(axis + 1)...].reduce(1, *))
            }
        }
    }
}
