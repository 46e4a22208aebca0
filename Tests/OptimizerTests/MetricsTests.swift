import Domain
import Foundation
import Inference
import Testing

@testable import Optimizer

/// What make_metrics.py computed with numpy and scipy.
private struct Golden: Decodable {
    struct Numbers: Decodable {
        var sqnr: Double
        var cosine: Double
        var max: Double
        var mean: Double
    }
    var reference: [[Float]]
    var candidate: [[Float]]
    var boxes: [[Float]]
    var boxesCandidate: [[Float]]
    var labels: [Int]
    var scores: Numbers
    var boxFidelity: Numbers
    var agreement: Double
    var agreementTop5: Double
    var worst: [Int]
    var worstSqnr: Double
    var fp32Top1: Int
    var int8Top1: Int
    var fp32Top5: Int
    var int8Top5: Int
    var lost: Int
    var gained: Int
    var wilson: [[Double]]
    var mcnemar: [[Double]]
    var paired: [[Double]]
    var deltaInterval: [Double]

    static func load() throws -> Golden {
        try JSONDecoder().decode(Golden.self, from: Data(TestFixture.bytes("metrics.json")))
    }
}

@Suite struct MetricsTests {
    private let golden: Golden

    init() throws { golden = try Golden.load() }

    private func near(_ a: Double?, _ b: Double, within tolerance: Double = 1e-9) -> Bool {
        a.map { abs($0 - b) <= tolerance * max(1, abs(b)) } ?? false
    }

    private func row(_ values: [Float]) throws -> TensorValue {
        try TensorValue(floats: values, shape: [1, values.count])
    }

    private func filled(_ range: Range<Int>) throws -> FidelityMeter {
        var meter = FidelityMeter(outputs: ["boxes", "scores"])
        for index in range {
            // A box list has a third axis, so that only the second output looks like class scores.
            let boxes = try TensorValue(floats: golden.boxes[index], shape: [1, 2, 3])
            let boxesCandidate = try TensorValue(floats: golden.boxesCandidate[index], shape: [1, 2, 3])
            try meter.add(
                sample: index, digest: SampleDigest(value: UInt64(index)),
                reference: [boxes, row(golden.reference[index])],
                candidate: [boxesCandidate, row(golden.candidate[index])])
        }
        return meter
    }

    @Test func fidelityMatchesNumpy() throws {
        let result = try filled(golden.labels.indices).result()
        #expect(result.samples == 40)
        for (output, numbers) in zip(result.outputs, [golden.boxFidelity, golden.scores]) {
            #expect(near(output.sqnrDb, numbers.sqnr))
            #expect(near(output.cosine, numbers.cosine))
            #expect(near(output.maxAbsError, numbers.max))
            #expect(near(output.meanAbsError, numbers.mean))
            #expect(!output.identical)
        }
        let agreement = try #require(result.agreement)
        #expect(agreement.output == "scores" && agreement.classes == 12)
        #expect(near(agreement.top1, golden.agreement))
        #expect(near(agreement.top5, golden.agreementTop5))
    }

    @Test func theWorstSamplesComeFirst() throws {
        var meter = FidelityMeter(outputs: ["scores"])
        for index in golden.labels.indices {
            try meter.add(
                sample: index, digest: SampleDigest(value: UInt64(index)), reference: [row(golden.reference[index])],
                candidate: [row(golden.candidate[index])])
        }
        let worst = meter.result().worst
        #expect(worst.map(\.index) == golden.worst)
        #expect(near(worst.first?.sqnrDb, golden.worstSqnr))
        #expect(worst.first?.digest == SampleDigest(value: UInt64(golden.worst[0])).description)
    }

    @Test func metersOfPartsMergeToTheMeterOfTheWhole() throws {
        var parts = try filled(0..<17)
        parts.merge(try filled(17..<40))
        let (a, b) = (parts.result(), try filled(0..<40).result())
        #expect(a.worst == b.worst)
        var (one, other) = (try #require(a.agreement), try #require(b.agreement))
        // Sums of fractions depend on their order in the last bits.
        #expect(near(one.klDivergence, other.klDivergence ?? 0) && near(one.fp32Confidence, other.fp32Confidence ?? 0))
        (one.klDivergence, one.fp32Confidence, one.int8Confidence) = (nil, nil, nil)
        (other.klDivergence, other.fp32Confidence, other.int8Confidence) = (nil, nil, nil)
        #expect(one == other)
        #expect(near(a.outputs[1].sqnrDb, b.outputs[1].sqnrDb ?? 0))
        var empty = FidelityMeter(outputs: ["boxes", "scores"])
        empty.merge(parts)
        #expect(empty.result() == a)
    }

    @Test func equalOutputsAreIdenticalAndHaveNoRatio() throws {
        var meter = FidelityMeter(outputs: ["y"])
        try meter.add(sample: 0, reference: [row([1, 2])], candidate: [row([1, 2])])
        let result = meter.result()
        #expect(result.outputs[0].identical)
        #expect(result.outputs[0].sqnrDb == nil)
        #expect(result.outputs[0].cosine == 1)
        #expect(result.worst.isEmpty)
    }

    @Test func outputsThatAreNotFiniteAreCountedNotAveraged() throws {
        var meter = FidelityMeter(outputs: ["y"])
        try meter.add(sample: 0, reference: [row([1, 2])], candidate: [row([1, .nan])])
        try meter.add(sample: 1, reference: [row([1, .infinity])], candidate: [row([1, 2])])
        try meter.add(sample: 2, reference: [row([1, 2, 3])], candidate: [row([1, 2])])
        try meter.add(sample: 3, reference: [row([1, 2])], candidate: [row([1, 1])])
        let result = meter.result()
        #expect(result.outputs[0].broken == 1)
        #expect(result.outputs[0].incomparable == 2)
        #expect(result.outputs[0].values == 2)
        #expect(result.worst.map(\.index) == [0, 3])
        #expect(result.worst[0].sqnrDb == nil)
        _ = try JSON.encode(result)
    }

    @Test(
        arguments: [
            ([1, 10], 10), ([1, 2, 1, 1], 2), ([1, 1], nil), ([2, 10], nil), ([10], nil), ([1, 4, 10], nil),
            ([1, 10, 2, 2], nil),
        ] as [([Int], Int?)])
    func classScoresAreKnownByShape(_ shape: [Int], _ classes: Int?) {
        #expect(ClassScores.classes(inShape: shape) == classes)
    }

    @Test func equalScoresRankByIndexAndNaNLast() {
        let scores = ClassScores([1, 3, .nan, 3, 2])
        #expect(scores.best == 1)
        #expect((0..<5).map { scores.rank(of: $0) } == [3, 0, 4, 1, 2])
    }

    @Test func accuracyMatchesNumpy() throws {
        var meter = AccuracyMeter(output: "scores", classes: 12)
        var second = meter
        for index in golden.labels.indices {
            let (a, b) = (try row(golden.reference[index]), try row(golden.candidate[index]))
            if index < 11 {
                try meter.add(sample: index, label: golden.labels[index], reference: a, candidate: b)
            } else {
                try second.add(sample: index, label: golden.labels[index], reference: a, candidate: b)
            }
        }
        meter.merge(second)
        let result = try #require(meter.result())
        #expect(result.samples == 40)
        #expect(result.fp32Top1.correct == golden.fp32Top1 && result.int8Top1.correct == golden.int8Top1)
        #expect(result.fp32Top5?.correct == golden.fp32Top5 && result.int8Top5?.correct == golden.int8Top5)
        #expect(result.lost == golden.lost && result.gained == golden.gained)
        #expect(near(result.delta, Double(golden.int8Top1 - golden.fp32Top1) / 40))
        #expect(near(result.deltaInterval.low, golden.deltaInterval[0]))
        #expect(near(result.deltaInterval.high, golden.deltaInterval[1]))
    }

    @Test func aLabelThatIsNoClassIsRefusedByName() {
        var meter = AccuracyMeter(output: "scores", classes: 3)
        #expect {
            try meter.add(sample: 7, label: 3, reference: row([1, 2, 3]), candidate: row([1, 2, 3]))
        } throws: {
            SamplesNPYTests.isRefusal($0, "'labels' has 3 for sample 7, but output 'scores' has 3 classes, 0 to 2")
        }
        #expect(meter.result() == nil)
    }

    @Test func intervalsAndTestsMatchScipy() {
        for row in golden.wilson {
            let interval = Statistics.wilson(Int(row[0]), of: Int(row[1]))
            #expect(near(interval.low, row[2], within: 1e-8) && near(interval.high, row[3], within: 1e-8))
        }
        for row in golden.mcnemar {
            #expect(near(Statistics.mcnemar(lost: Int(row[0]), gained: Int(row[1])), row[2], within: 1e-8))
        }
        for row in golden.paired {
            let interval = Statistics.pairedDifference(lost: Int(row[0]), gained: Int(row[1]), total: Int(row[2]))
            #expect(near(interval.low, row[3]) && near(interval.high, row[4]))
        }
        #expect(Statistics.mcnemar(lost: 0, gained: 0) == 1)
        #expect(Statistics.wilson(0, of: 0) == Report.Interval(low: 0, high: 1))
    }

    @Test func quantilesAreOfTheNearestRank() {
        let values = (1...10).map(Double.init)
        #expect(
            [0.0, 0.05, 0.5, 0.9, 0.91, 1].map { Statistics.quantile($0, ofSorted: values) } == [1, 1, 5, 9, 10, 10])
        #expect(Statistics.median([3, 1, 2, 10]) == 2.5)
        #expect(Statistics.median([Double]()) == 0)
    }

    @Test func theSeededGeneratorIsTheSameEverywhere() {
        // First outputs of SplitMix64 for seed 1234567, from the public reference.
        var random = SplitMix64(seed: 1_234_567)
        #expect([random.next(), random.next()] == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973])
        var values = Array(0..<100)
        random.shuffle(&values)
        #expect(values.sorted() == Array(0..<100) && values != Array(0..<100))
    }
}
