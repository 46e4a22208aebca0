import Domain
import Inference
import ModelGraph
import TestGraphs
import Testing

@testable import Optimizer

/// Figures of the report whose right values are known.
@Suite struct ReportFigureTests {
    private func scores(_ values: [Float]) throws -> [TensorValue] {
        [try TensorValue(floats: values, shape: [1, values.count])]
    }

    /// Sample `index` has a margin of `index`; those in `flipped` are decided otherwise by INT8.
    private func fidelity(_ samples: [Int], flipped: Set<Int>) throws -> FidelityMeter {
        var meter = FidelityMeter(outputs: ["y"])
        for index in samples {
            let margin = Float(index)
            try meter.add(
                sample: index, reference: scores([5, 5 + margin, -20]),
                candidate: flipped.contains(index) ? scores([9, 1, 0]) : scores([1, 9, 0]))
        }
        return meter
    }

    @Test func closeCallsAreTheQuarterWithTheLeastMargins() throws {
        let meter = try fidelity([8, 3, 7, 1, 4, 2, 6, 5], flipped: [1, 7])
        let agreement = try #require(meter.result().agreement)
        #expect(agreement.top1 == 0.75)
        let calls = try #require(agreement.closeCalls)
        #expect(calls.samples == 2 && calls.margin == 2 && calls.top1 == 0.5)
        #expect(calls.top1Interval == Statistics.wilson(1, of: 2))
    }

    @Test func mergedMetersHaveTheCloseCallsOfTheWhole() throws {
        var first = try fidelity([1, 9, 10, 11, 12, 13], flipped: [9])
        first.merge(try fidelity([2, 3, 14, 15, 16, 17], flipped: [2, 3]))
        let calls = try #require(first.result().agreement?.closeCalls)
        #expect(calls.samples == 3 && calls.margin == 3 && abs(calls.top1 - 1 / 3.0) < 1e-12)
    }

    @Test func aFewSamplesHaveNoQuarter() throws {
        #expect(try fidelity(Array(1...7), flipped: [1]).result().agreement?.closeCalls == nil)
    }

    @Test func closeCallsAreShown() throws {
        var report = try SampleReport.make()
        report.fidelity?.agreement?.closeCalls = .init(
            samples: 250, margin: 0.31, top1: 0.936, top1Interval: .init(low: 0.899, high: 0.96))
        let words = "93.6 % of the 250 samples that FP32 decides by least (95 % 89.9–96.0), by margins of up to 0.310"
        #expect(ReportText.render(report, width: 200).contains("same best class for " + words))
        #expect(ReportHTML.render(report).contains("the same best class for \(words)."))
    }

    @Test func sizesAndMemoryAreShown() throws {
        var report = try SampleReport.make()
        report.size.artifactStoredBytes = 950_000
        report.size.artifactGzipBytes = 950_012
        (report.memory.fp32InferenceBytes, report.memory.int8InferenceBytes) = (41_200_000, 12_300_000)
        for page in [ReportText.render(report), ReportHTML.render(report)] {
            #expect(page.contains("950.0 kB stored and sent as deflate, 950.0 kB sent as gzip"))
            #expect(page.contains("41.2 MB") && page.contains("12.3 MB"))
        }
        (report.memory.fp32InferenceBytes, report.memory.int8InferenceBytes) = (nil, nil)
        report.memory.inferenceAbsence = "the kernel cannot"
        #expect(ReportText.render(report).contains("not measured: the kernel cannot"))
        #expect(ReportHTML.render(report).contains("Memory at inference was not measured: the kernel cannot."))
    }

    @Test func whatThePlanFoundIsShown() throws {
        var report = try SampleReport.make()
        report.plan = .init(
            quantizedActivations: 2, quantizedWeights: 2, keptFloat: [],
            layers: [
                .init(node: "a", sqnrDb: 30, accumulatedSqnrDb: 29, weightSqnrDb: 41.25, place: 0),
                .init(node: "b", sqnrDb: 35, weightSqnrDb: 38.04, place: 1),
            ], deadChannels: [.init(node: "b", channels: 64, zeroWeights: 3, constantOutputs: 5)],
            ranges: [
                .init(tensor: "x", low: 0, high: 1, clippedShare: 0), .init(tensor: "y", low: 0, high: 1),
                .init(tensor: "z", low: 0, high: 1, clippedShare: 0.0123),
            ])
        for page in [ReportText.render(report, width: 200), ReportHTML.render(report)] {
            #expect(page.contains("The weight that rounding hurts most is that of b, 38.0 dB."))
            #expect(page.contains("1 of 2 activations clip values seen in calibration; most z, 1.23 % of them."))
            #expect(
                page.contains("b: 3 of 64 channels have no weight but 0, 5 gave one value in all samples looked at"))
        }
        let html = ReportHTML.render(report)
        #expect(html.contains("<td>41.3</td>") && html.contains("<td>1.23 %</td>"))
        report.plan?.ranges = [.init(tensor: "x", low: 0, high: 1, clippedShare: 0)]
        #expect(ReportText.render(report).contains("No value seen in calibration is clipped."))
    }
}

/// The same figures of real conversions.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct ReportFigureConversionTests {
    /// Two Gemms; of the first's eight outputs the first two have no weights. The second has one output that sees nothing but
    /// those two.
    private func model() -> Model {
        var numbers = SeededNumbers(4)
        var g = GraphBuilder(seed: 4)
        let x = g.input("x", [1, 16])
        let first = g.constant(Array(repeating: 0, count: 32) + numbers.floats(96), [8, 16])
        let bias = g.constant(numbers.floats(8), [8])
        let hidden = g.add("Gemm", [x, first, bias], [.int("transB", 1)], shape: [1, 8])
        var weights = numbers.floats(48)
        weights.replaceSubrange(0..<8, with: [0.5, -0.25, 0, 0, 0, 0, 0, 0])
        let second = g.constant(weights, [6, 8])
        g.output(g.add("Gemm", [hidden, second], [.int("transB", 1)], shape: [1, 6]))
        return g.model()
    }

    @Test func deadChannelsAreCountedWhereTheyAre() throws {
        var convert = try Conversions()
        convert.recipe.scheme = .int8Static
        let plan = try #require(try convert(model(), SampleArrays("x", [16], count: 12)).report.plan)
        let dead = try #require(plan.deadChannels)
        #expect(dead.map(\.channels) == [8, 6], "\(dead)")
        #expect(dead.map(\.zeroWeights) == [2, 0], "\(dead)")
        #expect(dead.map(\.constantOutputs) == [2, 1], "\(dead)")
        let layers = try #require(plan.layers)
        // Rounding to 1/127 of the largest weight of a row of uniform numbers leaves about 48 dB.
        #expect(layers.count == 2 && layers.allSatisfy { (40...60).contains($0.weightSqnrDb ?? 0) }, "\(layers)")
    }

    @Test func aModelWithoutDeadChannelsSaysSo() throws {
        var convert = try Conversions()
        convert.recipe.scheme = .int8Static
        let plan = try convert(PipelineTests.branchy().model(), PipelineTests.samples).report.plan
        #expect(plan?.deadChannels == [])
    }

    @Test func fourBitsLeaveLessOfAWeightThanEight() throws {
        func worst(_ scheme: Scheme) throws -> Double {
            var convert = try Conversions()
            convert.recipe.scheme = scheme
            let layers = try convert(model(), SampleArrays("x", [16], count: 12)).report.plan?.layers
            return try #require(layers?.compactMap(\.weightSqnrDb).min())
        }
        let (eight, four) = try (worst(.int8Blockwise), worst(.int4Blockwise))
        // Four bits less are worth 6.02 dB each.
        #expect((18...30).contains(eight - four), "\(eight) \(four)")
    }

    @Test func aPercentileClipsWhatItSays() throws {
        func shares(_ calibrator: Calibrator) throws -> [Double] {
            var convert = try Conversions()
            convert.recipe.scheme = .int8Static
            convert.recipe.options.calibrator = calibrator
            convert.recipe.options.percentile = 90
            let ranges = try convert(model(), SampleArrays("x", [16], count: 64)).report.plan?.ranges
            return try #require(ranges).compactMap(\.clippedShare)
        }
        let exact = try shares(.minMax)
        #expect(!exact.isEmpty && exact.allSatisfy { $0 == 0 }, "\(exact)")
        // Five in a hundred at either end, less what lies within half a step of the end.
        let clipped = try shares(.percentile)
        #expect(clipped.contains { (0.08...0.1).contains($0) } && clipped.allSatisfy { $0 <= 0.101 }, "\(clipped)")
    }

    @Test func aPeakOfMemoryIsNotForgottenWhenTheKernelsMarkIsSetBack() throws {
        let memory = try Conversions()(PipelineTests.branchy().model(), PipelineTests.samples).report.memory
        let peaks = memory.phases.map(\.peakRssBytes)
        #expect(peaks == peaks.sorted() && peaks.last ?? 0 <= memory.peakRssBytes ?? 0, "\(memory)")
        #expect((memory.fp32InferenceBytes == nil) == (memory.inferenceAbsence != nil))
        #expect((memory.int8InferenceBytes == nil) == (memory.inferenceAbsence != nil))
    }

    @Test func aKernelThatCannotForgetAPeakIsNamed() throws {
        let scratch = try ScratchDirectory()
        #expect(throws: InferenceMemory.Absence.self) {
            try InferenceMemory(root: scratch.path).growth { Issue.record("nothing can be measured") }
        }
    }
}
