import CKernels
import Testing

/// What the kernels compute, against definitions written out here.
@Suite struct KernelMeaningTests {
    private let half = Int(OCTAVO_HALF_BINS)

    @Test func aRangeIgnoresAndCountsWhatIsNotFinite() {
        var range = octavo_range_empty()
        octavo_range_f32([3, .nan, -.infinity, -2, .infinity], 5, &range)
        octavo_range_f32([1, 7], 2, &range)
        #expect(range.min == -2 && range.max == 7 && range.nonfinite == 3)
    }

    @Test func aValueOnAnEdgeIsInTheBinNearerToZero() {
        let width = Float(1) / 4096
        let cases: [(Float, Int)] = [
            (0, 0), (-0.0, 0), (width, 0), (width.nextUp, 1), (-width, -1), (-width.nextUp, -2), (1, 4095), (-1, -4096),
            (.leastNonzeroMagnitude, 0), (-.leastNonzeroMagnitude, -1), (5, 4095), (-5, -4096), (0.5, 2047),
        ]
        for (value, bin) in cases {
            var bins = [UInt32](repeating: 0, count: half * 2)
            octavo_histogram_f32([value], 1, 0, &bins)
            #expect(bins.firstIndex(of: 1) == bin + half, "\(value)")
        }
    }

    @Test func theExponentIsTheSmallestThatCovers() {
        #expect(octavo_histogram_exponent(1) == 0)
        #expect(octavo_histogram_exponent(1.0000001) == 1)
        #expect(octavo_histogram_exponent(0.5) == -1)
        #expect(octavo_histogram_exponent(0) == -64)
        #expect(octavo_histogram_exponent(.leastNonzeroMagnitude) == -64)
        #expect(octavo_histogram_exponent(.greatestFiniteMagnitude) == 128)
    }

    @Test func countingFinelyAndMergingIsCountingCoarsely() {
        for kind in KernelSamples.Kind.allCases {
            let values = KernelSamples.floats(kind, count: 3000).filter { abs($0) <= 4 }
            for steps in [1, 2, 5, 12, 13, 60] {
                var fine = [UInt32](repeating: 0, count: half * 2)
                var coarse = fine
                octavo_histogram_f32(values, values.count, 2, &fine)
                octavo_histogram_f32(values, values.count, Int32(2 + steps), &coarse)
                var merged = fine.map(UInt64.init)
                octavo_histogram_merge_pairs(&merged, Int32(steps))
                let same = merged == coarse.map(UInt64.init)
                #expect(same, "\(kind), \(steps) steps")
            }
        }
    }

    @Test func anObservationDoesNotDependOnOrderOrCutting() {
        var random = Seeded(3)
        for kind in KernelSamples.Kind.allCases {
            var values = KernelSamples.floats(kind, count: 9001) + [0, 0, -.leastNonzeroMagnitude, 5000, 1, 2, -4, 16]
            let expected = Observation(values, values.count)
            for _ in 0..<4 {
                values.shuffle(using: &random)
                let shuffled = Observation { state in
                    var rest = values[...]
                    while !rest.isEmpty {
                        let piece = Array(rest.prefix(Int.random(in: 1...4000, using: &random)))
                        octavo_observe_f32(piece, piece.count, 1, state)
                        rest = rest.dropFirst(piece.count)
                    }
                }
                let same = shuffled == expected
                #expect(same, "\(kind)")
            }
        }
    }

    @Test func mergingObservationsIsObservingTogether() throws {
        for kind in KernelSamples.Kind.allCases {
            let first = KernelSamples.floats(kind, count: 4100)
            let second = KernelSamples.floats(.ordinary, count: 777, seed: 9).map { $0 * 0.01 }
            let array = try #require(octavo_observations_make(3))
            defer { octavo_observations_free(array) }
            octavo_observe_f32(first, first.count, 1, octavo_observation_at(array, 0))
            octavo_observe_f32(second, second.count, 1, octavo_observation_at(array, 1))
            octavo_observation_merge(octavo_observation_at(array, 2), octavo_observation_at(array, 1))
            octavo_observation_merge(octavo_observation_at(array, 2), octavo_observation_at(array, 0))
            let together = Observation(first + second, first.count + second.count)
            let same = Observation(reading: octavo_observation_at(array, 2)) == together
            #expect(same, "\(kind)")
        }
    }

    @Test func anObservationCountsEveryValueOnce() throws {
        let values = KernelSamples.floats(.special, count: 20_000)
        let seen = Observation(values, values.count)
        let finite = values.filter(\.isFinite)
        #expect(seen.bins.reduce(0, +) == UInt64(finite.count))
        #expect(seen.words[2] == UInt64(finite.count) && seen.words[3] == UInt64(values.count - finite.count))
        #expect(Float(bitPattern: UInt32(seen.words[0])) == finite.min())
    }

    @Test(arguments: [2, 4, 8, 16]) func aPartOfTheValuesStandsForAllOfThem(_ every: Int) {
        let values = KernelSamples.floats(.ordinary, count: 1_000_003)
        let (all, part) = (Observation(values, values.count), Observation(values, values.count, every: every))
        // Extremes, what is not finite and the histogram's exponent come from all values.
        #expect([0, 1, 3, 4].allSatisfy { all.words[$0] == part.words[$0] })
        let counted = part.bins.reduce(0, +)
        #expect(abs(Double(counted) * Double(every) / Double(values.count) - 1) < 0.01)
        var (above, sampledAbove, furthest) = (0.0, 0.0, 0.0)
        for (a, b) in zip(all.bins, part.bins) {
            above += Double(a) / Double(values.count)
            sampledAbove += Double(b) / Double(counted)
            furthest = max(furthest, abs(above - sampledAbove))
        }
        // Kolmogorov-Smirnov: for as many independent values, one case in a million is further off.
        #expect(furthest < 2.7 / Double(counted).squareRoot())
    }

    @Test func channelSumsMatchPlainArithmetic() {
        // Whole numbers: every order of addition gives the same sum.
        let (outer, channels, inner) = (3, 5, 13)
        let x = (0..<outer * channels * inner).map { Float($0 % 17) - 5 }
        let y = x.map { $0 * 2 + 1 }
        var low = [Float](repeating: 0, count: channels)
        var high = low
        var sum = [Double](repeating: 0, count: channels)
        var errors = [octavo_error](repeating: octavo_error(), count: channels)
        octavo_channel_stats_f32(x, outer, channels, inner, &low, &high, &sum)
        octavo_compare_f32(x, y, outer, channels, inner, &errors)
        for c in 0..<channels {
            let mine = (0..<outer).flatMap { o in (0..<inner).map { (o * channels + c) * inner + $0 } }
            let differences = mine.map { Double(y[$0] - x[$0]) }
            #expect(low[c] == mine.map { x[$0] }.min() && high[c] == mine.map { x[$0] }.max())
            #expect(sum[c] == mine.reduce(0) { $0 + Double(x[$1]) })
            #expect(errors[c].reference_squared == mine.reduce(0) { $0 + Double(x[$1] * x[$1]) })
            #expect(errors[c].error == differences.reduce(0, +))
            #expect(errors[c].error_squared == differences.reduce(0) { $0 + $1 * $1 })
            #expect(errors[c].count == UInt64(mine.count) && errors[c].skipped == 0)
        }
    }

    @Test func roundingIsToEvenAndNaNIsTheZeroPoint() {
        let x: [Float] = [0.5, 1.5, 2.5, -0.5, -1.5, 200, -200, .nan, .infinity, -.infinity]
        var signed = [Int8](repeating: 0, count: x.count)
        var unsigned = [UInt8](repeating: 0, count: x.count)
        var fake = [Float](repeating: 0, count: x.count)
        octavo_quantize_f32_s8(x, x.count, 1, &signed)
        octavo_quantize_f32_u8(x, x.count, 1, 10, &unsigned)
        octavo_fake_quantize_u8(x, x.count, 1, 10, &fake)
        #expect(signed == [0, 2, 2, 0, -2, 127, -127, 0, 127, -127])
        #expect(unsigned == [10, 12, 12, 10, 8, 210, 0, 10, 255, 0])
        #expect(fake == [0, 2, 2, 0, -2, 200, -10, 0, 245, -10])
        #expect(fake[3].sign == .plus)
    }

    @Test(arguments: [false, true]) func preprocessingIsTheFloatFormula(reverse: Bool) {
        let (h, w, c) = (5, 3, 3)
        let bytes = (0..<h * w * c).map { UInt8(truncatingIfNeeded: $0 * 37) }
        let mean: [Float] = [0.485, 0.456, 0.406]
        let std: [Float] = [0.229, 0.224, 0.225]
        let scale = Float(1) / 255
        var planes = [Float](repeating: 0, count: bytes.count)
        var pixels = planes
        var fromFloats = planes
        #expect(octavo_preprocess_u8_nhwc_nchw(bytes, h, w, c, scale, mean, std, reverse, &planes))
        #expect(octavo_preprocess_u8_nhwc_nhwc(bytes, h, w, c, scale, mean, std, reverse, &pixels))
        octavo_preprocess_f32_nhwc_nchw(bytes.map(Float.init), h, w, c, scale, mean, std, reverse, &fromFloats)
        for pixel in 0..<h * w {
            for channel in 0..<c {
                let byte = bytes[pixel * c + (reverse ? c - 1 - channel : channel)]
                let scaled = Float(byte) * scale
                let expected = (scaled - mean[channel]) / std[channel]
                #expect(planes[channel * h * w + pixel] == expected)
                #expect(pixels[pixel * c + channel] == expected)
                #expect(fromFloats[channel * h * w + pixel] == expected)
            }
        }
    }
}
