import Domain
import Foundation
import Inference
import ModelGraph
import Testing

@testable import Optimizer

/// Outputs that hold a class for each of their places.
@Suite struct ChoiceMeterTests {
    /// [1, places, classes] with `best` at each place.
    private func sequence(_ best: [Int], of classes: Int) throws -> TensorValue {
        let rows = best.flatMap { chosen in
            (0..<classes).map { $0 == chosen ? 0.6 : Float(0.4) / Float(classes - 1) }
        }
        return try TensorValue(floats: rows, shape: [1, best.count, classes])
    }

    /// [1, classes, 2, width] with `best` at each pixel, as scores of any size.
    private func picture(_ best: [Int], of classes: Int, _ high: Float, _ low: Float) throws -> TensorValue {
        let planes = (0..<classes).flatMap { kind in best.map { $0 == kind ? high : low } }
        return try TensorValue(floats: planes, shape: [1, classes, 2, best.count / 2])
    }

    private func meter(_ pairs: [(TensorValue, TensorValue)], expected: Bool = false) throws -> Report.Fidelity {
        var meter = FidelityMeter(outputs: ["y"], scoresExpected: expected)
        for (index, pair) in pairs.enumerated() {
            try meter.add(sample: index, reference: [pair.0], candidate: [pair.1])
        }
        return meter.result()
    }

    @Test func stepsOfASequenceAreCounted() throws {
        let result = try meter([
            (sequence([0, 1, 2, 3], of: 5), sequence([0, 1, 2, 4], of: 5)),
            (sequence([4, 4, 1, 0], of: 5), sequence([4, 4, 1, 0], of: 5)),
            // A sequence of another length is read as well.
            (sequence([2, 1], of: 5), sequence([2, 1], of: 5)),
        ])
        let choices = try #require(result.outputs[0].choices)
        #expect(choices.axis == 2 && choices.classes == 5)
        #expect(choices.samples == 3 && choices.places == 10 && choices.same == 0.9)
        #expect(choices.whole == 2 && choices.wholeInterval == Statistics.wilson(2, of: 3))
        #expect(choices.meanIou == nil)
        #expect(result.agreement == nil && result.choices == choices)
        #expect(result.choiceWords[0].hasPrefix("Output 'y': same best class at 90.0 % of 10 places (95 % "))
        #expect(result.choiceWords[0].hasSuffix("), at all of them in 2 of 3 samples."))
    }

    @Test func pixelsAreCountedAlongTheChannels() throws {
        let a = try picture([0, 0, 1, 1, 2, 2, 2, 2], of: 3, 0.8, 0.1)
        let b = try picture([0, 0, 1, 1, 1, 2, 2, 2], of: 3, 0.8, 0.1)
        let choices = try #require(meter([(a, b)]).outputs[0].choices)
        #expect(choices.axis == 1 && choices.classes == 3 && choices.places == 8)
        #expect(choices.same == 0.875)
        // 2 of 2, 2 of 3 and 3 of 4 places.
        #expect(abs((choices.meanIou ?? 0) - (1 + 2.0 / 3 + 0.75) / 3) < 1e-12)
    }

    @Test func logarithmsAndIntegersAreChoicesOtherNumbersAreNot() throws {
        let shares: [Float] = [0.7, 0.2, 0.1, 0.1, 0.1, 0.8]
        let logs = try TensorValue(floats: shares.map { log($0) }, shape: [2, 1, 3])
        #expect(try ChoiceRule(readFrom: logs) == .largest(axis: 2, classes: 3))
        let numbers = try TensorValue(floats: [0.7, 0.2, 0.3, 0.1, 0.1, 0.8], shape: [2, 1, 3])
        #expect(try ChoiceRule(readFrom: numbers) == nil)
        let empty = try TensorValue(floats: [], shape: [2, 0, 3])
        #expect(try ChoiceRule(readFrom: empty) == nil)
        let broken = try TensorValue(floats: [.nan, 0.2, 0.8], shape: [1, 1, 3])
        #expect(try ChoiceRule(readFrom: broken) == nil)
        let far = try TensorValue(int64s: [.max, .min, 7, 7], shape: [4])
        let near = try TensorValue(int64s: [.max, .min + 1, 7, 7], shape: [4])
        let choices = try #require(meter([(far, near)]).outputs[0].choices)
        #expect(choices.axis == nil && choices.classes == nil && choices.same == 0.75 && choices.meanIou == nil)
        #expect(choices.shareWords == "same value at 75.0 % of 4 places")
    }

    /// An artifact of NaN does not agree with whoever chooses the first class.
    @Test func whatIsNoNumberChoosesNothing() throws {
        let a = try sequence([0, 0, 1, 2], of: 3)
        var values = try a.floats()
        (values[0], values[5]) = (.nan, .nan)
        let choices = try #require(meter([(a, TensorValue(floats: values, shape: a.shape))]).outputs[0].choices)
        #expect(choices.same == 0.5 && choices.whole == 0)
    }

    @Test func rawScoresAreReadOnlyWhereScoresAreExpected() throws {
        let a = try picture([0, 1, 1, 0], of: 2, 9, -3)
        let b = try picture([0, 1, 0, 0], of: 2, 9, -3)
        #expect(try meter([(a, b)]).choices == nil)
        let choices = try #require(meter([(a, b)], expected: true).choices)
        #expect(choices.axis == 1 && choices.same == 0.75)
    }

    @Test func metersOfPartsMergeToTheWhole() throws {
        let pairs = try (0..<6).map { seed in
            (try picture([0, 1, 2, seed % 3], of: 3, 0.8, 0.1), try picture([0, 1, seed % 3, 1], of: 3, 0.8, 0.1))
        }
        var (first, second) = (FidelityMeter(outputs: ["y"]), FidelityMeter(outputs: ["y"]))
        for (index, pair) in pairs.enumerated() {
            if index < 2 {
                try first.add(sample: index, reference: [pair.0], candidate: [pair.1])
            } else {
                try second.add(sample: index, reference: [pair.0], candidate: [pair.1])
            }
        }
        first.merge(second)
        #expect(try first.result().choices == meter(pairs).choices)
        var empty = FidelityMeter(outputs: ["y"])
        empty.merge(first)
        #expect(empty.result().choices == first.result().choices)
    }

    @Test func anIntervalOverPlacesKnowsThatSamplesVary() {
        let even = Array(repeating: (successes: 90, total: 100), count: 20)
        let uneven = (0..<20).map { (successes: $0 < 18 ? 100 : 0, total: 100) }
        let (a, b) = (Statistics.clusteredShare(even), Statistics.clusteredShare(uneven))
        // Samples that do not vary count for one draw each, as do places that all go with their sample.
        #expect(a == Statistics.wilson(18, of: 20))
        #expect(abs(b.low - a.low) < 0.02 && abs(b.high - a.high) < 0.02)
        let mixed = (0..<20).map { (successes: 85 + $0 % 3 * 5, total: 100) }
        let c = Statistics.clusteredShare(mixed)
        #expect(c.low > a.low && c.high < a.high && c.low < 0.898 && c.high > 0.898)
        #expect(Statistics.clusteredShare([]) == Report.Interval(low: 0, high: 1))
        #expect(Statistics.clusteredShare([(5, 5)]) == Statistics.wilson(1, of: 1))
    }

    @Test func theVerdictNamesThePlaces() throws {
        var report = try SampleReport.make()
        report.accuracy = nil
        report.fidelity?.agreement = nil
        report.fidelity?.outputs[0].choices = .init(
            axis: 2, classes: 97, samples: 16, places: 1280, same: 0.99996, sameInterval: .init(low: 0.98, high: 1),
            whole: 15, wholeInterval: .init(low: 0.7, high: 1))
        let line = Report.Verdict.judge(report).line
        #expect(line.hasSuffix("same best class at 99.99 % of 1280 places, SQNR 24.1 dB, no labels"))
    }
}
