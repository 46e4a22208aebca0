import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Whole conversions, from files to files: what comes out is repeatable and does not depend on accidents.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct PipelineTests {
    /// Residual block, SiLU, Concat, MaxPool and a Gemm at the end.
    static func branchy(openBatch: Bool = false) -> GraphBuilder {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8], openBatch: openBatch)
        let a = g.relu(g.conv(x, 16))
        let b = g.relu(g.add("Add", [g.conv(g.silu(g.conv(a, 16)), 16), a]))
        let c = g.maxPool(g.concat([b, g.conv(b, 16)]))
        g.output(g.gemm(g.flatten(g.globalPool(g.relu(g.conv(c, 24)))), 10))
        return g
    }
    static let samples = SampleArrays("x", [8, 8, 8], count: 6)

    @Test func theSameOrderGivesTheSameBytes() throws {
        let model = Self.branchy().model()
        let first = try Conversions()(model, Self.samples)
        let second = try Conversions()(model, Self.samples)
        #expect(first.bytes == second.bytes)
        #expect(first.artifact.graph.structuralProblems() == [])
    }

    @Test func shuffledSamplesGiveTheSameBytes() throws {
        let model = Self.branchy().model()
        var bounded = try Conversions()
        bounded.recipe.options.maxSamples = 3
        for conversion in [try Conversions(), bounded] {
            let first = try conversion(model, Self.samples)
            let second = try conversion(model, Self.samples.reordered([3, 0, 5, 1, 4, 2]))
            #expect(first.bytes == second.bytes)
        }
    }

    @Test func theNumberOfThreadsDoesNotMatter() throws {
        let model = Self.branchy().model()
        var two = try Conversions()
        two.threads = 2
        #expect(try Conversions()(model, Self.samples).bytes == two(model, Self.samples).bytes)
    }

    @Test(arguments: Calibrator.allCases) func everyCalibratorWorks(_ calibrator: Calibrator) throws {
        var conversion = try Conversions()
        conversion.recipe.options.calibrator = calibrator
        let outcome = try conversion(Self.branchy().model(), Self.samples)
        #expect(outcome.plan.form == "integer")
        #expect(try quality(outcome, Self.branchy(), batch: 1) < 0.2)
    }

    @Test func oneSampleIsEnough() throws {
        let outcome = try Conversions()(Self.branchy().model(), SampleArrays("x", [8, 8, 8], count: 1))
        #expect(outcome.artifact.graph.structuralProblems() == [])
        #expect(outcome.report.split.calibrationSamples == 1)
    }

    @Test func anOpenBatchStaysOpen() throws {
        let builder = Self.branchy(openBatch: true)
        let outcome = try Conversions()(builder.model(), Self.samples)
        #expect(outcome.plan.form == "integer")
        for batch in [1, 4] { #expect(try quality(outcome, builder, batch: batch) < 0.2) }
    }

    /// Difference to FP32 relative to the largest output.
    private func quality(_ outcome: Conversions.Outcome, _ builder: GraphBuilder, batch: Int) throws -> Float {
        let inputs = try randomInputs(["x": [batch, 8, 8, 8]])
        return try relativeDifference(
            Evaluation(builder.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
    }

    @Test func branchyNetsRunInIntegersOnly() throws {
        let conversion = try Conversions()
        let outcome = try conversion(Self.branchy().model(), Self.samples)
        let steps = try conversion.profile(outcome, randomInputs(["x": [1, 8, 8, 8]]))
        let allowed: Set<String> = ["QGemm", "MaxPool", "NhwcMaxPool", "Transpose", "Reshape", "Flatten", "Concat"]
        let inner = steps.drop { $0 == "QuantizeLinear" }
        #expect(inner.allSatisfy { $0.hasPrefix("QLinear") || allowed.contains($0) }, "\(steps)")
        #expect(steps.count { $0 == "QLinearConv" } == 5, "\(steps)")
        #expect(steps.first == "QuantizeLinear")
    }

    @Test func aPinnedSchemeIsNotTimed() throws {
        var conversion = try Conversions()
        conversion.budget = Pipeline.Budget(decision: 0.2, report: 0.01)
        conversion.recipe.scheme = .int8Weights
        let weights = try conversion(Self.branchy().model(), Self.samples)
        #expect(weights.plan.form == "weight-only" && weights.plan.activations.isEmpty)
        conversion.recipe.scheme = .int8Static
        let integer = try conversion(Self.branchy().model(), Self.samples)
        #expect(integer.plan.form == "integer")
        #expect(!(integer.log + weights.log).contains { $0.contains("the speed") }, "\(integer.log)")
    }

    @Test func aGateThatHoldsIsReported() throws {
        var conversion = try Conversions()
        conversion.recipe.gate = .init(metric: .agreement, maxDrop: 1)
        let evaluation = SampleArrays("x", [8, 8, 8], count: 2, seed: 3)
        let report = try conversion(Self.branchy().model(), Self.samples, evaluation: evaluation).report
        #expect(report.gate?.met == true)
        #expect(report.search == nil)
    }

    @Test func aGateThatFailsFailsTheJob() throws {
        var conversion = try Conversions()
        conversion.recipe.gate = .init(metric: .agreement, maxDrop: -0.01)
        let failure = try conversion.failure(
            Self.branchy().model(), Self.samples, evaluation: SampleArrays("x", [8, 8, 8], count: 2, seed: 3))
        #expect(failure.type == .gateNotMet && failure.stage == .verify)
        #expect(failure.detail.contains("Most sensitive: "), "\(failure.detail)")
    }

    @Test func aGateWithoutLabelsFailsTheJob() throws {
        var conversion = try Conversions()
        conversion.recipe.gate = .init(metric: .top1, maxDrop: 0.5)
        let failure = try conversion.failure(
            Self.branchy().model(), Self.samples, evaluation: SampleArrays("x", [8, 8, 8], count: 2, seed: 3))
        #expect(failure.type == .gateNotMet && failure.detail.contains("labels"), "\(failure.detail)")
    }

    @Test func anEvaluationSetIsWhatQualityIsMeasuredOn() throws {
        let outcome = try Conversions()(
            Self.branchy().model(), Self.samples, evaluation: SampleArrays("x", [8, 8, 8], count: 2, seed: 3))
        #expect(outcome.report.split.heldOut && outcome.report.split.evaluationSamples == 2)
        #expect(outcome.report.split.overlap == 0)
    }

    @Test func samplesUnderAnotherNameAreNotHeldOut() throws {
        let same = try Conversions()(Self.branchy().model(), Self.samples, evaluation: Self.samples)
        #expect(!same.report.split.heldOut && same.report.split.overlap == 6)
        #expect(same.report.verdict.quality == .calibrationFidelity)
        #expect(same.report.verdict.line.contains("measured on the calibration samples"), "\(same.report.verdict.line)")
    }

    @Test func excludedNodesStayFloat() throws {
        var conversion = try Conversions()
        conversion.recipe.options.exclude = ["conv*"]
        let outcome = try conversion(Self.branchy().model(), Self.samples)
        #expect(Set(outcome.fate(of: "Conv")) == ["float"] && outcome.fate(of: "Gemm") == ["integer"])
    }

    /// The engine fuses the two into one node of another name.
    @Test func anExcludedMatMulStaysFloatWithItsBias() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8])
        let product = g.matMul(x, 16)
        g.output(g.gemm(g.relu(g.add("Add", [product, g.floats([16])])), 10))
        var conversion = try Conversions()
        conversion.recipe.options.exclude = [product, "no such node"]
        let outcome = try conversion(g.model(), SampleArrays("x", [8]))
        #expect(outcome.plan.operations.first?.fate == "float" && outcome.fate(of: "Gemm").last == "integer")
        #expect(outcome.report.findings.filter { $0.code == "exclude-unmatched" }.count == 1)
    }

    @Test func excludingEverythingLeavesNothingToQuantize() throws {
        var conversion = try Conversions()
        conversion.recipe.options.exclude = ["*"]
        #expect(try conversion.failure(Self.branchy().model(), Self.samples).type == .nothingToQuantize)
    }

    @Test func theTimedFormIsDelivered() throws {
        var conversion = try Conversions()
        conversion.budget = .init(decision: 0.01, report: 0.01)
        let outcome = try conversion(Self.branchy().model(), Self.samples)
        #expect(outcome.artifact.graph.structuralProblems() == [])
        #expect(outcome.log.contains { $0.hasPrefix("integer form: ") })
    }

    @Test func theEngineLoadsTheArtifactWithTheOriginalSignature() throws {
        let builder = Self.branchy(openBatch: true)
        let outcome = try Conversions()(builder.model(), Self.samples)
        let engine = try #require(RealEngine.shared)
        let before = try engine.makeSession(.bytes(builder.model().bytes()), SessionOptions())
        let after = try engine.makeSession(.bytes(outcome.bytes), SessionOptions())
        #expect(before.inputs == after.inputs && before.outputs.map(\.name) == after.outputs.map(\.name))
    }
}
