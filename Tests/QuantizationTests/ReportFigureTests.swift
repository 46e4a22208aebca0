import Foundation
import ModelGraph
import TestGraphs
import Testing

@testable import Quantization

/// Figures of the report that are computed from statistics and weights, on numbers that can be counted by hand.
@Suite struct ReportFigureTests {
    private let unit = Affine.unsigned(ValueRange(low: 0, high: 1))

    @Test func theClippedShareIsThatOfTheValuesBeyondTheGrid() throws {
        let values =
            Array(repeating: Float(0.5), count: 970) + Array(repeating: 4, count: 20) + Array(repeating: -3, count: 10)
        let statistics = try TensorStatistics(of: values)
        #expect(statistics.clippedShare(by: unit) == 0.03)
        #expect(statistics.clippedShare(by: .unsigned(ValueRange(low: -3, high: 1))) == 0.02)
        #expect(statistics.clippedShare(by: .unsigned(ValueRange(low: -3, high: 4))) == 0)
    }

    @Test func whatRoundingMovesAnywayIsNotClipped() throws {
        // Half a step is 1/510.
        #expect(try TensorStatistics(of: [0, 1, 1.0015]).clippedShare(by: unit) == 0)
        #expect(try TensorStatistics(of: [0, 1, 1.0025]).clippedShare(by: unit) == 1 / 3.0)
    }

    @Test func aBinThatAnEndCutsThroughCountsInPart() throws {
        // Bins are 1/4096 wide at this exponent; 3000 values evenly over 0.25...0.75, of which 5 % lie above 0.725.
        let values = (0..<3000).map { 0.25 + Float($0) / 6000 }
        let grid = Affine.unsigned(ValueRange(low: 0, high: 0.725))
        let share = try #require(try TensorStatistics(of: values).clippedShare(by: grid))
        let exact = Double(values.count { Double($0) > 0.725 + Double(grid.scale) / 2 }) / 3000
        #expect(abs(share - exact) < 0.0005, "\(share) \(exact)")
    }

    @Test func nothingSeenIsNothingClipped() {
        #expect(TensorStatistics().clippedShare(by: unit) == nil)
    }

    /// Scales are 1 and 2: 63.4 becomes 63 and 101 becomes 100 or 102.
    @Test func theErrorOfAWeightIsThatOfItsIntegers() throws {
        let floats: [Float] = [127, 63.4, 254, 101]
        let tensor = Tensor(name: "w", floats: floats, dims: [2, 2])
        let error = try #require(try QuantizedWeight(tensor, axis: 0).error(of: floats))
        let signal = floats.reduce(0.0) { $0 + Double($1) * Double($1) }
        let expected: Double = 10 * log10(signal / 1.16)
        #expect(abs((error.sqnr ?? 0) - expected) < 1e-4)
        #expect(error.zeroChannels == 0)
        #expect(try QuantizedWeight(tensor, axis: 0).error(of: [1]) == nil)
    }

    @Test func aWeightThatItsIntegersHitExactlyHasNoError() throws {
        let floats: [Float] = [127, -64, 0, 0, 0, 0]
        let tensor = Tensor(name: "w", floats: floats, dims: [2, 3])
        let byRow = try #require(try QuantizedWeight(tensor, axis: 0).error(of: floats))
        #expect(byRow.sqnr == nil && byRow.zeroChannels == 1 && byRow.channels.count == 2)
        let byColumn = LayerError(weight: floats, restored: floats, dims: [2, 3], axis: 1)
        #expect(byColumn.zeroChannels == 1 && byColumn.channels.count == 3)
    }

    @Test func constantChannelsAreFoundOverSeveralSamples() {
        // [samples, channels]: the first is constant, the second nearly, the third silent.
        let samples: [[Float]] = [[0.7, 1000, 0], [0.7, 1000.01, 0], [0.7, 999.99, 0]]
        let errors = samples.map { LayerError(weight: $0, restored: $0, dims: [1, 3], axis: 1) }
        #expect(LayerError(sum: errors, channels: 3).constantChannels == 2)
        #expect(errors[0].constantChannels == nil)
        #expect(LayerError(channels: 3).constantChannels == nil)
    }
}
