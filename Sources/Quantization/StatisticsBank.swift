import CKernels
import Foundation

/// Running statistics of many tensors for one thread: about 100 KB for each tensor seen, whatever the number of samples.
package final class StatisticsBank {
    private let shares: [Share]
    private let observations: OpaquePointer

    package var count: Int { shares.count }

    /// Those that a histogram may have.
    package static var exponents: ClosedRange<Int> { Int(OCTAVO_MIN_EXPONENT)...Int(OCTAVO_MAX_EXPONENT) }

    /// How much of a tensor the histogram counts. Extremes are always those of all values.
    package enum Share: Int, Sendable, CaseIterable {
        case all = 1, half = 2, quarter = 4, eighth = 8, sixteenth = 16

        /// Values that the histogram of a tensor needs: of so many, a share of one in ten thousand is known within 10 %.
        private static let enough = 1 << 20

        /// For a tensor that will show `values` values in all.
        package init(ofValues values: Int) {
            self = Self.allCases.last { values / $0.rawValue >= Self.enough } ?? .all
        }
    }

    /// One tensor for each share. Returns nil when there is no memory for them.
    package init?(_ shares: [Share]) {
        guard let made = octavo_observations_make(max(shares.count, 1)) else { return nil }
        self.shares = shares
        observations = made
    }

    deinit { octavo_observations_free(observations) }

    /// Adds `values`, all that one sample makes of it, to tensor `slot`. Slots outside 0..<count are ignored.
    package func observe(_ slot: Int, _ values: UnsafeBufferPointer<Float>) {
        guard (0..<count).contains(slot), let base = values.baseAddress else { return }
        octavo_observe_f32(base, values.count, shares[slot].rawValue, octavo_observation_at(observations, slot))
    }

    /// Adds what another thread saw of the same tensors.
    package func merge(_ other: StatisticsBank) {
        precondition(other.shares == shares, "banks of the same tensors")
        for slot in 0..<count {
            octavo_observation_merge(
                octavo_observation_at(observations, slot), octavo_observation_at(other.observations, slot))
        }
    }

    /// Extremes so far; nil before the first finite value.
    package func range(_ slot: Int) -> ValueRange? {
        precondition((0..<count).contains(slot))
        let summary = octavo_observation_read(octavo_observation_at(observations, slot))
        return summary.min <= summary.max ? ValueRange(low: summary.min, high: summary.max) : nil
    }

    package func statistics(_ slot: Int) -> TensorStatistics {
        precondition((0..<count).contains(slot))
        let state = octavo_observation_at(observations, slot)
        let summary = octavo_observation_read(state)
        guard summary.min <= summary.max else {
            var empty = TensorStatistics()
            empty.nonFinite = summary.nonfinite
            return empty
        }
        var bins = [UInt64](repeating: 0, count: OCTAVO_BINS)
        octavo_observation_bins(state, &bins)
        if shares[slot] != .all { for i in bins.indices { bins[i] *= UInt64(shares[slot].rawValue) } }
        return TensorStatistics(
            minimum: summary.min, maximum: summary.max,
            meanExtremes: ValueRange(low: Float(summary.mean_min), high: Float(summary.mean_max)),
            nonFinite: summary.nonfinite, exponent: Int(summary.exponent), bins: bins)
    }
}

/// Error of a layer against its float form, summed per output channel over any number of samples.
package struct LayerError: Equatable, Sendable {
    package struct Channel: Equatable, Sendable {
        package var reference = 0.0
        package var referenceSquared = 0.0
        package var error = 0.0
        package var errorSquared = 0.0
        package var count = 0.0
    }
    package var channels: [Channel]

    package init(channels: Int) { self.channels = Array(repeating: Channel(), count: channels) }

    /// Compares one sample's outputs of layout [outer, channels, inner]; both pointers hold that many values.
    package init(
        reference: UnsafePointer<Float>, test: UnsafePointer<Float>, outer: Int, channels: Int, inner: Int
    ) {
        var sums = [octavo_error](repeating: octavo_error(), count: channels)
        octavo_compare_f32(reference, test, outer, channels, inner, &sums)
        self.channels = sums.map {
            Channel(
                reference: $0.reference, referenceSquared: $0.reference_squared, error: $0.error,
                errorSquared: $0.error_squared, count: Double($0.count))
        }
    }

    /// The sum over samples, taken in an order that depends only on the values, so that shuffled samples give the same bits.
    package init(sum samples: [LayerError], channels: Int) {
        self.init(channels: channels)
        func total(_ pick: (Channel) -> Double, _ c: Int) -> Double {
            samples.map { pick($0.channels[c]) }.sorted().reduce(0, +)
        }
        for c in 0..<channels {
            self.channels[c] = Channel(
                reference: total(\.reference, c), referenceSquared: total(\.referenceSquared, c),
                error: total(\.error, c), errorSquared: total(\.errorSquared, c), count: total(\.count, c))
        }
    }

    /// Mean error per channel: what bias correction takes away (Nagel et al. 2019, arXiv:1906.04721, section 4.2).
    package var meanError: [Float] { channels.map { $0.count > 0 ? Float($0.error / $0.count) : 0 } }

    /// Signal-to-noise ratio in dB once the mean error of each channel is taken away.
    package var correctedSQNR: Double {
        var signal = 0.0
        var noise = 0.0
        for channel in channels where channel.count > 0 {
            signal += channel.referenceSquared
            noise += max(channel.errorSquared - channel.error * channel.error / channel.count, 0)
        }
        return decibels(signal, noise)
    }

    private func decibels(_ signal: Double, _ noise: Double) -> Double {
        noise > 0 && signal > 0 ? 10 * log10(signal / noise) : .infinity
    }
}

extension StatisticsBank {
    /// The kernels chosen for this processor: "reference", "avx2", "avx512" or "neon".
    package static var kernels: String { String(cString: octavo_kernels_name()) }
}
