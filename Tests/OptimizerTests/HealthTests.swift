import Domain
import Foundation
import Inference
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Whether a set shows the ranges of its kind, and whether two sets are of one kind.
@Suite struct HealthTests {
    private func moments(_ ranges: [(Double, Double)]) -> [SampleMoments] {
        ranges.map { SampleMoments(minimum: $0.0, maximum: $0.1, mean: ($0.0 + $0.1) / 2, deviation: $0.1 - $0.0) }
    }

    @Test func rangesConvergeOverSamplesThatDouble() {
        let array = moments([(0, 1), (0, 2), (-1, 2), (0, 4), (-4, 1), (0, 1)])
        let health = SampleHealth(moments: [array], identities: [0, 1, 2, 3, 4, 5]).report(duplicates: 2)
        #expect(health.convergence.map(\.samples) == [1, 2, 4, 6])
        #expect(health.convergence.map(\.share) == [0.125, 0.25, 0.625, 1])
        #expect(health.duplicates == 2 && health.constant == 0)
        // Without the fourth sample 2 of 8 are lacking, without the fifth 3.
        #expect(health.expectedGrowth == 0.625 / 6)
        let other = SampleHealth(moments: [array], identities: [5, 4, 3, 2, 1, 0]).report(duplicates: 0)
        #expect(other.convergence.map(\.share) == [0.125, 0.625, 1, 1], "in the order of the content")
    }

    @Test func onePointForOneSampleAndNoneForNoRange() {
        let one = SampleHealth(moments: [moments([(0, 1)])], identities: [7]).report(duplicates: 0)
        #expect(one.convergence == [.init(samples: 1, share: 1)] && one.expectedGrowth == nil)
        let flat = SampleHealth(moments: [moments([(2, 2), (2, 2)])], identities: [0, 1]).report(duplicates: 0)
        #expect(flat.convergence.isEmpty && flat.expectedGrowth == nil && flat.constant == 2)
    }

    @Test func aSampleThatGivesTheRangeAloneIsFound() {
        #expect(SampleHealth.lone(moments([(0, 1), (-6, 2), (0, 1)])) == .init(sample: 1, share: 7 / 8.0))
        #expect(SampleHealth.lone(moments([(0, 1)])) == nil)
    }

    private func summary(_ edit: (inout [Float]) -> Void) throws -> SampleSetSummary {
        let directory = try TestDirectory()
        var numbers = SeededNumbers(8)
        var values = numbers.floats(32 * 50)
        edit(&values)
        let zip = ZipWriter(members: [.init("x.npy", NPY.floats([32, 50], values))])
        return try SampleArchive.open(path: directory.file(zip.bytes), unpackInto: directory.path)
            .summary(preprocessing: .identity)
    }

    @Test func theSetSaysWhatIsOddAboutIt() throws {
        let plain = try summary { _ in }
        #expect(plain.findings.map(\.code) == ["few-samples"])
        #expect((plain.health?.expectedGrowth ?? 1) < 0.01 && plain.health?.convergence.last?.share == 1)
        let outlier = try summary { $0[3 * 50 + 7] = 40 }
        #expect(
            outlier.findings.contains {
                $0.code == "lone-extreme" && $0.pointer == "x" && $0.detail.contains("Sample 3 alone gives 9")
            }, "\(outlier.findings)")
        #expect(outlier.findings.contains { $0.code == "ranges-unsettled" })
        let blank = try summary { values in for index in 50..<150 { values[index] = 0.25 } }
        #expect(
            blank.findings.contains {
                $0.code == "constant-samples" && $0.detail.hasPrefix("2 of 32 samples")
                    && $0.detail.contains("sample 1.")
            }, "\(blank.findings)")
        #expect(blank.health?.constant == 2 && blank.health?.duplicates == 1)
    }

    // MARK: Two sets

    @Test func distanceIsSeenInMeansInSpreadAndInRange() throws {
        let a = (0..<10).map { SampleMoments(minimum: 0, maximum: 1, mean: 0.5 + 0.01 * Double($0), deviation: 0.2) }
        let same = try #require(SampleDistance(calibration: a, evaluation: a).report("x"))
        #expect(same.meanShift == 0 && same.spreadRatio == 1 && same.beyond == 0 && same.finding(samples: 10) == nil)
        // As when one of them was left in 0...255.
        let raw = a.map { $0.applying(Preprocessing(scale: 255)) }
        let far = try #require(SampleDistance(calibration: a, evaluation: raw).report("x"))
        #expect((far.meanShift ?? 0) > 10 && abs((far.spreadRatio ?? 0) - 255) < 1e-9 && far.beyond == 1)
        let finding = try #require(far.finding(samples: 10))
        #expect(finding.code == "evaluation-differs" && finding.severity == .warning && finding.pointer == "x")
        #expect(SampleDistance(calibration: a, evaluation: []).report("x") == nil)
        // Numbers that JSON does not have stay out of the report.
        let vast = a.map { $0.applying(Preprocessing(scale: 1e300)) }
        let wide = try #require(SampleDistance(calibration: vast, evaluation: vast.reversed()).report("x"))
        #expect(wide.meanShift.map(\.isFinite) != false && wide.spreadRatio.map(\.isFinite) != false)
    }

    @Test func momentsAreComparedAsTheModelGetsThem() {
        let stored = SampleMoments(minimum: 0, maximum: 255, mean: 127.5, deviation: 51)
        let applied = stored.applying(Preprocessing(scale: 1 / 255.0, mean: [0.25, 0.75], std: [-0.5]))
        #expect(applied == SampleMoments(minimum: -1, maximum: 1, mean: 0, deviation: 0.4))
    }

    // MARK: The model's own ranges

    @Test func rangesOfTensorsConvergeWhateverTheThreads() throws {
        func bank() throws -> StatisticsBank { try #require(StatisticsBank([.all, .all])) }
        func watches(_ shares: [[Int]]) throws -> RangeCourse {
            let all = try shares.map { _ in RangeWatch(try bank(), checkpoints: [1, 2, 4, 5]) }
            for position in 0..<5 {
                guard let thread = shares.firstIndex(where: { $0.contains(position) }) else { continue }
                all[thread].starts(position)
                [Float(0), Float([1, 2, 2, 8, 10][position])].withUnsafeBufferPointer {
                    all[thread].bank.observe(0, $0)
                }
            }
            return RangeCourse(checkpoints: [1, 2, 4, 5], all)
        }
        let one = try #require(try watches([[0, 1, 2, 3, 4]]).report)
        #expect(one.points.map(\.samples) == [1, 2, 4, 5] && one.points.map(\.mean) == [0.1, 0.2, 0.8, 1])
        #expect(one.tensors == 1 && one.moving == 1 && abs((one.expectedGrowth ?? 0) - 0.8 / 3) < 1e-12)
        for shares in [[[0, 2, 4], [1, 3]], [[1], [0, 2, 3, 4]], [[3, 4], [0, 1, 2], []]] {
            #expect(try watches(shares).report == one)
        }
    }

    @Test(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) func aJobReportsThemAll() throws {
        var g = GraphBuilder(seed: 3)
        let x = g.input("x", [1, 3, 8, 8])
        g.output(g.gemm(g.flatten(g.globalPool(g.relu(g.conv(g.relu(g.conv(x, 16)), 16)))), 10))
        let calibration = SampleArrays("x", [3, 8, 8], count: 12)
        let evaluation = SampleArrays("x", [3, 8, 8], count: 12, seed: 21, range: 0...9)
        let report = try Conversions()(g.model(), calibration, evaluation: evaluation).report
        let health = try #require(report.calibration)
        #expect(health.convergence?.points.map(\.samples) == [1, 2, 4, 8, 12])
        #expect(health.convergence?.points.last?.mean == 1)
        #expect(health.distance?.map(\.array) == ["x"])
        #expect(health.findings.contains { $0.code == "evaluation-differs" })
        #expect(report.split.overlap == 0 && !report.findings.contains { $0.code == "overlapping-samples" })
        let agreement = try #require(report.fidelity?.agreement)
        #expect((agreement.klDivergence ?? -1) >= 0 && (agreement.fp32Confidence ?? 0) > 0.1)
        let same = try Conversions()(g.model(), calibration, evaluation: calibration).report
        // A gate leaves out what is in both.
        var half = SampleArrays()
        guard case .floats(let known) = calibration.arrays[0].values,
            case .floats(let fresh) = evaluation.arrays[0].values
        else { return }
        half.add("x", floats: Array(known[..<(5 * 192)] + fresh[..<(7 * 192)]), [12, 3, 8, 8])
        var conversions = try Conversions()
        conversions.recipe.gate = .init(metric: .cosine, maxDrop: 0.5)
        let gated = try conversions(g.model(), calibration, evaluation: half).report
        #expect(gated.split.overlap == 5 && gated.gate?.detail.contains("on 7 held-out samples") == true)
        #expect(same.split.overlap == 12 && same.findings.contains { $0.code == "overlapping-samples" })
    }
}

/// Outputs of many numbers that are no class scores.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct EmbeddingOutputTests {
    /// A vector for each sample; `scale` multiplies it.
    private func agreement(_ scale: Float, gate: Recipe.Gate? = nil, labels: Bool = false) throws
        -> Report.Fidelity.Agreement?
    {
        var g = GraphBuilder(seed: 3)
        let sums = g.gemm(g.flatten(g.relu(g.conv(g.input("x", [1, 3, 8, 8]), 16))), 64)
        g.output(g.add("Mul", [sums, g.constant([scale])], shape: [1, 64]))
        var conversions = try Conversions()
        conversions.recipe.gate = gate
        var evaluation = SampleArrays("x", [3, 8, 8], count: 8, seed: 21)
        if labels { evaluation.add("labels", integers: (0..<8).map { Int64($0) }, [8]) }
        let samples = SampleArrays("x", [3, 8, 8], count: 12)
        return try conversions(g.model(), samples, evaluation: evaluation).report.fidelity?.agreement
    }

    @Test func whatFP32ItselfGivesByChanceIsNoClass() throws {
        #expect(try agreement(0.01) == nil)
        #expect(try agreement(10) != nil)
    }

    @Test func whoSpeaksOfClassesIsBelieved() throws {
        #expect(try agreement(0.01, labels: true) != nil)
        #expect(try agreement(0.01, gate: .init(metric: .agreement, maxDrop: 1)) != nil)
    }
}

/// What order alone does not show.
@Suite struct ScoreShiftTests {
    @Test func divergenceIsKullbackAndLeiblers() throws {
        var shift = ScoreShift()
        shift.add([0.5, 0.25, 0.25], [0.25, 0.5, 0.25])
        let result = try #require(shift.result)
        #expect(abs(result.divergence - 0.25 * log(2.0)) < 1e-9)
        #expect(result.fp32 == 0.5 && result.int8 == 0.5)
    }

    @Test func logitsBecomeProbabilities() throws {
        var shift = ScoreShift()
        shift.add([2, 0], [1, 0])
        let result = try #require(shift.result)
        #expect(abs(result.fp32 - 1 / (1 + exp(-2.0))) < 1e-6 && abs(result.int8 - 1 / (1 + exp(-1.0))) < 1e-6)
        #expect(result.divergence > 0)
        var huge = ScoreShift()
        huge.add([1000, -1000], [900, -2000])
        #expect(huge.result.map { $0.divergence.isFinite } == true)
    }

    @Test func aSqueezeThatKeepsTheOrderIsSeen() throws {
        var meter = FidelityMeter(outputs: ["y"])
        for sample in 0..<4 {
            let scores: [Float] = [6, 1, Float(sample), 0]
            try meter.add(
                sample: sample, reference: [TensorValue(floats: scores, shape: [1, 4])],
                candidate: [TensorValue(floats: scores.map { $0 * 0.4 }, shape: [1, 4])])
        }
        let agreement = try #require(meter.result().agreement)
        #expect(agreement.top1 == 1)
        #expect(
            (agreement.fp32Confidence ?? 0) > (agreement.int8Confidence ?? 1) + 0.2
                && (agreement.klDivergence ?? 0) > 0.1)
    }

    @Test func mergingIsAdding() {
        var (one, a, b) = (ScoreShift(), ScoreShift(), ScoreShift())
        one.add([1, 2], [2, 1])
        one.add([0, 3], [0, 2])
        a.add([1, 2], [2, 1])
        b.add([0, 3], [0, 2])
        a.merge(b)
        #expect(
            a.result.map { [$0.divergence, $0.fp32, $0.int8] } == one.result.map { [$0.divergence, $0.fp32, $0.int8] })
        var empty = ScoreShift()
        empty.add([.nan, 1], [0, 1])
        empty.add([1], [1])
        #expect(empty.result == nil)
    }

    /// For regressions, sounds and embeddings.
    @Test func outputsHaveCorrelationAndCosinesOfSingleSamples() throws {
        var error = OutputError()
        _ = error.add([1, 2, 3], [2, 4, 6])
        _ = error.add([1, 0, 0], [1, 1, 0])
        let output = error.report("y")
        // numpy.corrcoef of [1 2 3 1 0 0] and [2 4 6 1 1 0].
        #expect(abs((output.correlation ?? 0) - 0.9627197246824659) < 1e-9)
        #expect(abs((output.worstSampleCosine ?? 0) - 1 / 2.0.squareRoot()) < 1e-9)
        #expect(abs((output.meanSampleCosine ?? 0) - (1 + 1 / 2.0.squareRoot()) / 2) < 1e-9)
        var flat = OutputError()
        _ = flat.add([2, 2], [2, 3])
        #expect(flat.report("y").correlation == nil)
    }
}
