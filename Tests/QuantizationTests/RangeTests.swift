import Foundation
import ModelGraph
import TestGraphs
import Testing

@testable import Quantization

@Suite struct RangeTests {
    private func range(_ rule: RangeRule, _ values: [Float]) throws -> ValueRange {
        try TensorStatistics(of: values).choose(rule).range
    }

    /// Mean squared error of `values` on the grid over `range`.
    private func error(_ range: ValueRange, _ values: [Float], _ function: FollowingActivation = .none) -> Double {
        let grid = Affine.unsigned(range)
        return values.reduce(0) { sum, value in
            let difference = function(grid.roundTrip(Double(value))) - function(Double(value))
            return sum + difference * difference
        } / Double(values.count)
    }

    @Test func minMaxTakesTheExtremes() throws {
        #expect(try range(.minMax, [-3, 0.5, 7]) == ValueRange(low: -3, high: 7))
    }

    @Test func percentileCutsBothTailsAlike() throws {
        // 1000 values 0.5, 1.5 … 999.5: the central 90 % leaves out 50 on each side.
        let values = (0..<1000).map { Float($0) + 0.5 }
        let chosen = try range(.percentile(90), values)
        // Bins of 1024 / 4096 = 0.25.
        #expect(abs(chosen.low - 50.5) <= 0.25 && abs(chosen.high - 949.5) <= 0.25, "\(chosen)")
        #expect(try range(.percentile(100), values) == ValueRange(low: 0.5, high: 999.5))
    }

    @Test func percentileLeavesAnOutlierOut() throws {
        let values = [Float](repeating: 1, count: 999) + [1000]
        let chosen = try range(.percentile(99), values)
        #expect(chosen.high < 1.5 && chosen.low == 1)
    }

    /// Twenty million values in [-1, 1] and a single one of 40.
    private func outlier() throws -> (statistics: TensorStatistics, ordinary: [Float]) {
        var numbers = SeededNumbers(1)
        let ordinary = numbers.floats(20_000)
        var statistics = try TensorStatistics(of: ordinary)
        for _ in 0..<10 { statistics.merge(statistics) }
        statistics.merge(try TensorStatistics(of: [40]))
        return (statistics, ordinary)
    }

    @Test func leastErrorBeatsMinMaxOnAnOutlier() throws {
        let (statistics, ordinary) = try outlier()
        let extremes = statistics.choose(.minMax).range
        let chosen = statistics.choose(.leastError).range
        #expect(extremes.high == 40 && chosen.high < 10)
        let total = Double(ordinary.count) * 1024
        func whole(_ range: ValueRange) -> Double { error(range, ordinary) * total + error(range, [40]) }
        #expect(whole(chosen) < 0.15 * whole(extremes))
    }

    @Test func entropyLeavesAnOutlierOutWhereMinMaxKeepsIt() throws {
        let (statistics, _) = try outlier()
        let chosen = statistics.choose(.entropy).range
        #expect(statistics.choose(.minMax).range.high == 40)
        #expect(chosen.high < 4 && chosen.high >= 0.99 && chosen.low <= -0.99, "\(chosen)")
    }

    /// What is spread evenly has no tail to give up.
    @Test func entropyKeepsUniformValues() throws {
        var numbers = SeededNumbers(3)
        let chosen = try range(.entropy, numbers.floats(200_000, 0...1))
        #expect(chosen.high > 0.98 && chosen.low >= 0, "\(chosen)")
    }

    @Test func entropyOfFewValuesIsTheirExtremes() throws {
        #expect(try range(.entropy, [0, 0]) == ValueRange(low: 0, high: 0))
        #expect(try range(.entropy, [2, 2, 2]).high == 2)
        #expect(try TensorStatistics(of: []).choose(.entropy).range == ValueRange(low: 0, high: 0))
    }

    @Test func leastErrorLeavesUniformValuesAlone() throws {
        var numbers = SeededNumbers(2)
        let values = numbers.floats(20_000)
        let chosen = try range(.leastError, values)
        let extremes = try range(.minMax, values)
        #expect(error(chosen, values) <= error(extremes, values) * 1.001)
    }

    @Test func autoTakesTheExtremesWhereTheyArePrecise() throws {
        var numbers = SeededNumbers(3)
        let even = try TensorStatistics(of: numbers.floats(5000)).choose(.auto)
        #expect(even.range.low < -0.99 && even.reason.hasPrefix("extremes"))
        let spiky = try outlier().statistics.choose(.auto)
        #expect(spiky.range.high < 10 && spiky.reason == "least squared error")
    }

    @Test func theErrorIsJudgedBehindTheActivation() throws {
        var numbers = SeededNumbers(4)
        // A long negative tail that SiLU flattens.
        let values = numbers.floats(5000, -2...4) + numbers.floats(500, -40...(-2))
        let statistics = try TensorStatistics(of: values)
        let behind = statistics.choose(.auto, before: .silu)
        let own = statistics.choose(.leastError)
        #expect(behind.range.low > own.range.low && behind.range.low <= -8 + 1e-3, "\(behind) \(own)")
        #expect(error(behind.range, values, .silu) < error(own.range, values, .silu))
        #expect(behind.reason.hasSuffix("behind silu"))
    }

    private func statistics(of samples: [[Float]]) throws -> TensorStatistics {
        let parts = try samples.map { try TensorStatistics(of: $0) }
        var merged = parts.reduce(into: TensorStatistics()) { $0.merge($1) }
        func mean(_ values: [Float]) -> Float { values.reduce(0, +) / Float(values.count) }
        merged.meanExtremes = ValueRange(low: mean(parts.map(\.minimum)), high: mean(parts.map(\.maximum)))
        return merged
    }

    @Test func fewSamplesLeaveRoomForMore() throws {
        let seen = try statistics(of: [[-1, 2], [-1, 4], [-1, 3], [-1, 3]])
        let extremes = seen.choose(.minMax)
        let wider = seen.withHeadroom(extremes, samples: 4)
        // The mean of the maxima is 3, one below the largest; every sample reaches -1.
        #expect(abs(wider.range.high - (4 + 1 / log(4))) < 1e-6 && wider.range.low == -1)
        #expect(wider.reason.hasSuffix("room for further samples"))
        let inside = RangeChoice(range: ValueRange(low: -0.5, high: 3.5), reason: "least squared error")
        #expect(seen.withHeadroom(inside, samples: 4) == inside)
        for samples in [0, 1, 32, 1000] { #expect(seen.withHeadroom(extremes, samples: samples) == extremes) }
        let some = seen.withHeadroom(extremes, samples: 20).range.high
        #expect(some > 4 && some < 4 + 1 / Float(log(20.0)))
        #expect(TensorStatistics().withHeadroom(extremes, samples: 4) == extremes)
        let pixels = try statistics(of: [[0, 255], [40, 255]])
        #expect(pixels.withHeadroom(pixels.choose(.minMax), samples: 2) == pixels.choose(.minMax))
    }

    /// One feature of a few samples, as behind a global pooling: the next samples are not all within their extremes.
    @Test func theRoomLowersTheErrorOfFurtherSamples() throws {
        var gains = 0.0
        for seed in 1...200 {
            var numbers = SeededNumbers(UInt64(seed))
            // Nearly normal: sums of twelve.
            func draw(_ count: Int) -> [Float] { (0..<count).map { _ in numbers.floats(12).reduce(0, +) / 2 } }
            let seen = try statistics(of: draw(6).map { [$0] })
            let choice = seen.choose(.minMax)
            let later = draw(100)
            gains += log(error(choice.range, later) / error(seen.withHeadroom(choice, samples: 6).range, later))
        }
        #expect(gains / 200 > log(1.5), "the mean squared error shrinks by a factor of \(exp(gains / 200))")
    }

    @Test(arguments: [FollowingActivation.silu, .hardSwish, .gelu]) func activationsAreTheUsualOnes(
        _ activation: FollowingActivation
    ) {
        #expect(activation(0) == 0)
        #expect(abs(activation(9) - 9) < 0.01 && abs(activation(-9)) < 0.01)
        let one: [FollowingActivation: Double] = [.silu: 0.731058578, .hardSwish: 2.0 / 3, .gelu: 0.841344746]
        #expect(abs(activation(1) - (one[activation] ?? 0)) < 1e-8)
    }

    @Test(arguments: [Float(0), 5, -5, 1e-30, -1e-30, 1e30, -1e30, 3e38, Float.leastNormalMagnitude / 8])
    func degenerateRangesGiveUsableGrids(value: Float) throws {
        for rule in [RangeRule.minMax, .percentile(99.9), .leastError, .auto] {
            for values in [[value], [value, value, 0], [value, -value]] {
                let statistics = try TensorStatistics(of: values)
                for activation in [FollowingActivation.none, .silu] {
                    let grid = Affine.unsigned(statistics.choose(rule, before: activation).range)
                    #expect(grid.scale.isNormal && grid.scale > 0 && (0...255).contains(grid.zeroPoint))
                    #expect(grid.range.low.isFinite && grid.range.high.isFinite)
                }
            }
        }
    }
}

@Suite struct AffineTests {
    @Test func aGridCoversItsRangeAndZero() {
        #expect(Affine.unsigned(ValueRange(low: 0, high: 255)) == Affine(scale: 1, zeroPoint: 0))
        #expect(Affine.unsigned(ValueRange(low: 51, high: 255)) == Affine(scale: 1, zeroPoint: 0))
        #expect(Affine.unsigned(ValueRange(low: -255, high: -51)) == Affine(scale: 1, zeroPoint: 255))
        #expect(Affine.unsigned(ValueRange(low: -127.5, high: 127.5)).zeroPoint == 128)
        #expect(Affine.unsigned(ValueRange(low: 0, high: 0)) == Affine(scale: 1, zeroPoint: 0))
    }

    @Test func valuesOnTheGridSurvive() {
        let grid = Affine.unsigned(ValueRange(low: -1.3, high: 2.9))
        for q in 0...255 {
            let value = Double(q - grid.zeroPoint) * Double(grid.scale)
            #expect(abs(grid.roundTrip(value) - value) < 1e-9)
        }
        #expect(grid.roundTrip(0) == 0)
    }

    @Test func otherValuesMoveByHalfAStepAtMostAndSaturate() {
        let grid = Affine.unsigned(ValueRange(low: -1, high: 3))
        for i in 0...1000 {
            let value = -1 + Double(i) / 250
            #expect(abs(grid.roundTrip(value) - value) <= Double(grid.scale) * 0.5000001 + 1e-6)
        }
        #expect(grid.roundTrip(100) == Double(grid.range.high) || abs(grid.roundTrip(100) - 3) < 0.02)
        #expect(abs(grid.roundTrip(-100) + 1) < 0.02)
    }
}

@Suite struct WeightTests {
    @Test func everyChannelHasItsOwnScale() throws {
        let weight = Tensor(name: "w", floats: [1.27, -0.5, 0, 0, -12.7, 12.7], dims: [3, 2])
        let quantized = try QuantizedWeight(weight, axis: 0)
        #expect(quantized.scales == [Float(1.27) / 127, 1, Float(12.7) / 127])
        #expect(quantized.values == [127, -50, 0, 0, -127, 127])
    }

    @Test func channelsMayBeTheLastAxis() throws {
        let weight = Tensor(name: "w", floats: [1.27, 127, -0.64, 63.6, 0, -127], dims: [3, 2])
        let quantized = try QuantizedWeight(weight, axis: 1)
        #expect(quantized.scales == [Float(1.27) / 127, 1])
        #expect(quantized.values == [127, 127, -64, 64, 0, -127])
        let floats = try weight.floats()
        #expect(zip(quantized.dequantized(), floats).allSatisfy { abs($0 - $1) <= 0.5 })
    }

    @Test func everyWeightIsWithinHalfAStep() throws {
        var numbers = SeededNumbers(6)
        let floats = numbers.floats(5 * 7 * 9)
        for axis in 0..<3 {
            let quantized = try QuantizedWeight(Tensor(name: "w", floats: floats, dims: [5, 7, 9]), axis: axis)
            let largest = try #require(quantized.scales.max())
            #expect(zip(quantized.dequantized(), floats).allSatisfy { abs($0 - $1) <= largest * 0.5001 })
            #expect(quantized.values.allSatisfy { $0 >= -127 })
        }
    }

    @Test func scalesGrowUntilTheBiasFits() throws {
        let least = QuantizedWeight.scalesThatFit(bias: [1e6, 0, -1e6], activation: 1e-6)
        let weight = Tensor(name: "w", floats: [1e-3, 1e-3, 1], dims: [3, 1])
        let quantized = try QuantizedWeight(weight, axis: 0, minimumScales: least)
        for (bias, scale) in zip([Float(1e6), 0, -1e6], quantized.scales) {
            #expect(abs(Double(bias) / (1e-6 * Double(scale))) < Double(Int32.max))
        }
        #expect(quantized.values[1] == 127)
    }

    @Test func weightsThatAreNotFiniteAreRefused() {
        let weight = Tensor(name: "w", floats: [1, .infinity], dims: [2, 1])
        #expect(throws: QuantizationError.unquantizable(tensor: "w", why: "it holds NaN or infinity")) {
            _ = try QuantizedWeight(weight, axis: 0)
        }
    }

    @Test func tinyAndHugeWeightsGiveUsableScales() throws {
        let weight = Tensor(name: "w", floats: [Float.leastNonzeroMagnitude, 3e38, 1e-30], dims: [3, 1])
        let quantized = try QuantizedWeight(weight, axis: 0)
        #expect(quantized.scales.allSatisfy { $0.isNormal })
        #expect(quantized.values == [0, 127, 127])
    }
}
