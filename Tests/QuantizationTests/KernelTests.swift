import CKernels
import Testing

/// Every set of kernels gives the reference's bits.
@Suite struct KernelTests {
    typealias Kind = KernelSamples.Kind

    /// The same computation with each set of kernels, on every length and kind of input.
    private func expectEqualBits<Result: Equatable>(
        _ body: (UnsafePointer<Float>, Int) -> Result, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for kind in Kind.allCases {
            for length in KernelSamples.lengths {
                let values = KernelSamples.floats(kind, count: length)
                KernelSamples.misaligned(values) { x in
                    let expected = KernelSamples.with("reference") { body(x, length) }
                    for name in KernelSamples.names {
                        let actual = KernelSamples.with(name) { body(x, length) }
                        #expect(
                            actual == expected, "\(name), \(kind), \(length) values", sourceLocation: sourceLocation)
                    }
                }
            }
        }
    }

    @Test func rangesAreTheSame() {
        expectEqualBits { x, n in
            var range = octavo_range_empty()
            octavo_range_f32(x, n, &range)
            return [UInt64(range.min.bitPattern), UInt64(range.max.bitPattern), range.nonfinite]
        }
    }

    @Test(arguments: [-64, -3, 0, 2, 12, 13, 40, 128]) func histogramsAreTheSame(exponent: Int) {
        expectEqualBits { x, n in
            var bins = [UInt32](repeating: 0, count: Int(OCTAVO_BINS))
            octavo_histogram_f32(x, n, Int32(exponent), &bins)
            return bins
        }
    }

    @Test func observationsAreTheSame() {
        for every in [1, 2, 16] { expectEqualBits { x, n in Observation(x, n, every: every) } }
    }

    @Test(arguments: [(1, 1), (1, 5), (3, 7), (2, 16), (4, 33)]) func channelStatisticsAreTheSame(
        outer: Int, channels: Int
    ) {
        for inner in [true, false] {
            expectEqualBits { x, n in
                let rest = n / (outer * channels)
                var low = [Float](repeating: 0, count: channels)
                var high = low
                var sum = [Double](repeating: 0, count: channels)
                let (o, i) = inner ? (outer, rest) : (outer * rest, 1)
                octavo_channel_stats_f32(x, o, channels, i, &low, &high, &sum)
                return [low.map { UInt64($0.bitPattern) }, high.map { UInt64($0.bitPattern) }, sum.map(\.bitPattern)]
            }
        }
    }

    @Test(arguments: [(1, 1), (1, 5), (3, 7), (2, 16), (4, 33)]) func comparisonsAreTheSame(outer: Int, channels: Int) {
        for inner in [true, false] {
            expectEqualBits { x, n in
                let rest = n / (outer * channels)
                let test = KernelSamples.floats(.special, count: n, seed: 7)
                var errors = [octavo_error](repeating: octavo_error(), count: channels)
                let (o, i) = inner ? (outer, rest) : (outer * rest, 1)
                octavo_compare_f32(x, test, o, channels, i, &errors)
                return errors.map(\.words)
            }
        }
    }

    @Test(arguments: [(1, 1), (3, 7), (2, 19)]) func largestMagnitudesAreTheSame(outer: Int, channels: Int) {
        for inner in [true, false] {
            expectEqualBits { x, n in
                let rest = n / (outer * channels)
                var out = [Float](repeating: 0, count: channels)
                octavo_max_abs_per_channel(x, inner ? outer : outer * rest, channels, inner ? rest : 1, &out)
                return out.map(\.bitPattern)
            }
        }
    }

    @Test(arguments: [0.25, 0.1, 1e-30, 0, 3e38, Float.leastNonzeroMagnitude, .nan]) func quantizedValuesAreTheSame(
        scale: Float
    ) {
        expectEqualBits { x, n in
            var signed = [Int8](repeating: 0, count: n)
            octavo_quantize_f32_s8(x, n, scale, &signed)
            return signed
        }
        for zero: UInt8 in [0, 1, 128, 255] {
            expectEqualBits { x, n in
                var unsigned = [UInt8](repeating: 0, count: n)
                octavo_quantize_f32_u8(x, n, scale, zero, &unsigned)
                return unsigned
            }
            expectEqualBits { x, n in
                var fake = [Float](repeating: 0, count: n)
                octavo_fake_quantize_u8(x, n, scale, zero, &fake)
                return fake.map { $0.isNaN ? 0x7fc0_0000 : $0.bitPattern }
            }
        }
        expectEqualBits { x, n in
            var fake = [Float](repeating: 0, count: n)
            octavo_fake_quantize_s8(x, n, scale, &fake)
            return fake.map { $0.isNaN ? 0x7fc0_0000 : $0.bitPattern }
        }
    }

    @Test func theChoiceHasAName() {
        #expect(octavo_kernels_available(octavo_kernels_name()))
        #expect(octavo_kernels_available("reference"))
        #expect(!octavo_kernels_available("nothing"))
        #expect(!octavo_kernels_use_on_this_thread("nothing"))
    }
}

/// Everything an observation says.
struct Observation: Equatable {
    var words: [UInt64]
    var bins: [UInt64]

    init(_ x: UnsafePointer<Float>, _ n: Int, every: Int = 1) {
        self.init { octavo_observe_f32(x, n, every, $0) }
    }

    init(_ observe: (OpaquePointer) -> Void) {
        guard let state = octavo_observations_make(1) else { fatalError("no memory") }
        defer { octavo_observations_free(state) }
        observe(state)
        self.init(reading: state)
    }

    init(reading state: OpaquePointer) {
        let summary = octavo_observation_read(state)
        words = [
            UInt64(summary.min.bitPattern), UInt64(summary.max.bitPattern), summary.finite, summary.nonfinite,
            UInt64(bitPattern: Int64(summary.exponent)),
        ]
        bins = [UInt64](repeating: 0, count: Int(OCTAVO_BINS))
        octavo_observation_bins(state, &bins)
    }
}

extension octavo_error {
    var words: [UInt64] {
        [
            reference.bitPattern, reference_squared.bitPattern, error.bitPattern, error_squared.bitPattern, count,
            skipped,
        ]
    }
}
