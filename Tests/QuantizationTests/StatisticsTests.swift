import Quantization
import TestGraphs
import Testing

@Suite struct StatisticsTests {
    /// Parts that differ in range by many powers of two, one of them with values that are not finite.
    private func parts() throws -> [TensorStatistics] {
        var numbers = SeededNumbers(3)
        let values: [[Float]] = [
            numbers.floats(500), numbers.floats(300, 0...1e-6), numbers.floats(200, -4000...12), [],
            [.nan, 2, .infinity, -0.0], [0],
        ]
        return try values.map { try TensorStatistics(of: $0) }
    }

    private func merged(_ parts: [TensorStatistics]) -> TensorStatistics {
        parts.reduce(into: TensorStatistics()) { $0.merge($1) }
    }

    @Test func mergingIsCommutative() throws {
        let parts = try parts()
        for a in parts { for b in parts { #expect(merged([a, b]) == merged([b, a])) } }
    }

    @Test func mergingIsAssociative() throws {
        let parts = try parts()
        for a in parts {
            for b in parts {
                for c in parts { #expect(merged([merged([a, b]), c]) == merged([a, merged([b, c])])) }
            }
        }
    }

    @Test func theOrderOfValuesDoesNotMatter() throws {
        var numbers = SeededNumbers(9)
        let values = numbers.floats(2000, -3...900) + [1e20, -1e-20, 0]
        let whole = try TensorStatistics(of: values)
        for _ in 0..<5 { #expect(try TensorStatistics(of: values.shuffled(using: &numbers)) == whole) }
    }

    @Test func howValuesAreSharedOutDoesNotMatter() throws {
        var numbers = SeededNumbers(10)
        let values = numbers.floats(1000, -1...1) + numbers.floats(1000, -1e4...1e4)
        let whole = try TensorStatistics(of: values)
        for share in [1, 7, 64, 999] {
            let parts = try stride(from: 0, to: values.count, by: share).map {
                try TensorStatistics(of: Array(values[$0..<min($0 + share, values.count)]))
            }
            // One bank fed piece by piece, and the pieces merged.
            let bank = try #require(StatisticsBank([.all]))
            for start in stride(from: 0, to: values.count, by: share) {
                Array(values[start..<min(start + share, values.count)]).withUnsafeBufferPointer { bank.observe(0, $0) }
            }
            #expect(withoutMeans(bank.statistics(0)) == withoutMeans(whole))
            if share > 60 { #expect(withoutMeans(merged(parts.reversed())) == withoutMeans(whole)) }
        }
    }

    /// The means are those of the pieces.
    private func withoutMeans(_ statistics: TensorStatistics) -> TensorStatistics {
        var rest = statistics
        rest.meanExtremes = nil
        return rest
    }

    private func observed(_ samples: [[Float]], banks: Int = 1) throws -> TensorStatistics {
        let all = try (0..<banks).map { _ in try #require(StatisticsBank([.all])) }
        for (place, sample) in samples.enumerated() {
            sample.withUnsafeBufferPointer { all[place % banks].observe(0, $0) }
        }
        for bank in all.dropFirst() { all[0].merge(bank) }
        return all[0].statistics(0)
    }

    /// Against the extremes of a batch in double precision.
    @Test func meanExtremesAreTheMeansOverTheSamples() throws {
        var numbers = SeededNumbers(12)
        let samples = (0..<37).map { numbers.floats(50 + $0, -3...Float($0)) } + [[.nan, 7, -.infinity], [.nan], []]
        let finite = samples.map { $0.filter(\.isFinite) }.filter { !$0.isEmpty }
        func mean(_ extreme: ([Float]) -> Float?) -> Double {
            finite.reduce(0) { $0 + Double(extreme($1) ?? 0) } / Double(finite.count)
        }
        let means = try #require(try observed(samples).meanExtremes)
        #expect(means.low == Float(mean { $0.min() }) && means.high == Float(mean { $0.max() }))
        #expect(try observed([[2, 5], [-4, 1], [-1, 3]]).meanExtremes == ValueRange(low: -1, high: 3))
    }

    /// In double precision the small values would vanish beside the large ones or not, depending on the order.
    @Test func meanExtremesAreExactInAnyOrder() throws {
        var numbers = SeededNumbers(13)
        let huge = Float.greatestFiniteMagnitude
        let tiny = Float.leastNonzeroMagnitude
        let samples: [[Float]] =
            [[huge], [-huge], [huge], [-huge], [3 * tiny], [tiny], [1], [1e-30], [-1e-30]]
            + (0..<30).map { _ in numbers.floats(1, -1e-3...1e3) }
        let first = try observed(samples)
        for banks in [1, 2, 5] {
            for _ in 0..<5 { #expect(try observed(samples.shuffled(using: &numbers), banks: banks) == first) }
        }
        let exact = [[huge], [3 * tiny], [-huge], [tiny]]
        #expect(try observed(exact).meanExtremes == ValueRange(low: tiny, high: tiny))
        #expect(try observed(exact.map { [-$0[0]] }).meanExtremes == ValueRange(low: -tiny, high: -tiny))
        #expect(try observed([[huge], [huge], [huge]]).meanExtremes == ValueRange(low: huge, high: huge))
    }

    @Test func theMeanRangeOfSeveralTensorsIsTheWidest() throws {
        let (a, b) = try (observed([[-1, 2], [-3, 4]]), observed([[0, 8], [0, 2]]))
        #expect(merged([a, b]).meanExtremes == ValueRange(low: -2, high: 5))
        #expect(merged([a, b]).choose(.meanMinMax).range == ValueRange(low: -2, high: 5))
        #expect(a.choose(.minMax).range == ValueRange(low: -3, high: 4))
        #expect(TensorStatistics().choose(.meanMinMax).range == ValueRange(low: 0, high: 0))
    }

    @Test func theHistogramCountsEveryFiniteValue() throws {
        let all = merged(try parts())
        #expect(all.bins.reduce(0, +) == 1003)
        #expect(all.nonFinite == 2)
        #expect(all.points(limit: 64).reduce(0) { $0 + $1.count } == 1003)
    }

    @Test func pointsLieWithinTheExtremes() throws {
        for part in try parts() where !part.isEmpty {
            for limit in [16, 1024, 8192] {
                let points = part.points(limit: limit)
                #expect(points.count <= limit + 1)
                #expect(points.allSatisfy { $0.value >= Double(part.minimum) && $0.value <= Double(part.maximum) })
                #expect(points.map(\.value) == points.map(\.value).sorted())
            }
        }
    }

    @Test func varianceIsThatOfTheValues() throws {
        let statistics = try TensorStatistics(of: [1, 1, 3, 3].map { $0 - 1e-4 })
        #expect(abs(statistics.variance - 1) < 1e-2)
    }

    @Test func nothingSeenIsEmpty() throws {
        let nothing = try TensorStatistics(of: [])
        #expect(nothing.isEmpty && nothing == TensorStatistics() && nothing.points().isEmpty && nothing.variance == 0)
        #expect(nothing.range == ValueRange(low: 0, high: 0))
        let broken = try TensorStatistics(of: [.nan, -.infinity])
        #expect(broken.isEmpty && broken.nonFinite == 2)
    }

    @Test func layerErrorsSumTheSameInAnyOrder() {
        var numbers = SeededNumbers(4)
        let samples = (0..<20).map { _ in
            let reference = numbers.floats(24)
            let test = zip(reference, numbers.floats(24, -0.01...0.01)).map(+)
            return LayerError(reference: reference, test: test, outer: 2, channels: 3, inner: 4)
        }
        let sum = LayerError(sum: samples, channels: 3)
        for _ in 0..<5 { #expect(LayerError(sum: samples.shuffled(using: &numbers), channels: 3) == sum) }
        #expect(sum.channels.allSatisfy { $0.count == 160 })
    }

    @Test func layerErrorsAreTakenPerChannel() {
        let reference: [Float] = [1, 2, 3, 4]
        let error = LayerError(reference: reference, test: [1.5, 2.5, 3, 3], outer: 1, channels: 2, inner: 2)
        #expect(error.meanError == [0.5, -0.5])
        // Channel 0: a constant error, which correction takes away; channel 1: 0 and -1 about -0.5.
        #expect(abs(error.correctedSQNR - 10 * 1.7781512503836436) < 1e-9)
        #expect(
            LayerError(reference: reference, test: reference, outer: 1, channels: 2, inner: 2).correctedSQNR
                == .infinity)
    }
}
