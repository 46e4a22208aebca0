import Domain
import Foundation
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Artifacts for other processors than this one.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct TargetTests {
    private func convert(_ target: Target, _ model: Model, _ samples: SampleArrays) throws -> Conversions.Outcome {
        var conversion = try Conversions()
        conversion.recipe.target = target
        conversion.recipe.scheme = .int8Static
        conversion.recipe.options.calibrator = .minMax
        return try conversion(model, samples)
    }

    /// A net of which one Conv has neighbouring weights of one sign and full size, and another has none.
    private static func risky() -> (GraphBuilder, SampleArrays) {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        let loud = g.constant([Float](repeating: 0.01, count: 16 * 8), [16, 8, 1, 1])
        let signs = (0..<16 * 16).map { Float($0 % 2 == 0 ? 0.05 : -0.05) }
        let first = g.relu(g.add("Conv", [x, loud], shape: [1, 16, 8, 8]))
        let second = g.relu(g.add("Conv", [first, g.constant(signs, [16, 16, 1, 1])], shape: [1, 16, 8, 8]))
        g.output(g.gemm(g.flatten(g.globalPool(g.conv(second, 24))), 10))
        return (g, SampleArrays("x", [8, 8, 8], count: 6))
    }

    private func weights(_ graph: Graph) -> [String: Tensor] {
        Dictionary(
            uniqueKeysWithValues: graph.initializers.filter { $0.type == .int8 && $0.dims.count > 1 }.map {
                ($0.name, $0)
            })
    }

    @Test func withoutVNNIOnlyLayersThatCanSaturateChange() throws {
        let (graph, samples) = Self.risky()
        let usual = try convert(.onnxruntimeX64, graph.model(), samples)
        let safe = try convert(.onnxruntimeX64AVX2, graph.model(), samples)
        let (before, after) = (weights(usual.graph), weights(safe.graph))
        #expect(Set(before.keys) == Set(after.keys))
        #expect(
            after.keys.contains { $0.contains("conv2") } && after.keys.contains { $0.contains("conv5") },
            "\(after.keys)")
        for (name, tensor) in after {
            let largest = try tensor.int64s().map(abs).max() ?? 0
            #expect(largest <= 127)
            if name.contains("conv2") { #expect(largest == 63, "\(name)") }
            if name.contains("conv5") { #expect(tensor == before[name], "\(name)") }
        }
        let report = try #require(usual.report.portability)
        #expect(report.saturatingLayers ?? 0 > 0 && report.layers?.first?.repaired == false)
        #expect(report.layers?.contains { $0.expectedShare ?? 0 > 0 } ?? false, "\(report)")
        let repaired = try #require(safe.report.portability)
        #expect(repaired.saturatingLayers == 0)
        #expect(repaired.layers?.count == report.saturatingLayers)
        #expect(repaired.layers?.allSatisfy(\.repaired) ?? false)
        #expect(LintReport(usual.artifact, target: .onnxruntimeX64AVX2).rules.map(\.code) == ["pair-saturation"])
        #expect(LintReport(safe.artifact, target: .onnxruntimeX64AVX2).isClean)
    }

    /// 7 bits cost accuracy, but little.
    @Test func narrowWeightsKeepTheOutputs() throws {
        let (graph, samples) = Self.risky()
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        let reference = try Evaluation(graph.model())(inputs)
        let safe = try convert(.onnxruntimeX64AVX2, graph.model(), samples)
        #expect(try relativeDifference(reference, Evaluation(safe.artifact, optimization: .all)(inputs)) < 0.1)
    }

    /// S8 artifacts hold the same integers, shifted; the engine runs all of them as integers, as it does on ARM.
    @Test func forARMActivationsAreSigned() throws {
        let model = PipelineTests.branchy().model()
        let x64 = try convert(.onnxruntimeX64, model, PipelineTests.samples)
        let arm = try convert(.onnxruntimeARM, model, PipelineTests.samples)
        #expect(!arm.graph.initializers.contains { $0.type == .uint8 })
        #expect(arm.graph.structuralProblems() == [])
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        #expect(try Evaluation(x64.artifact)(inputs) == Evaluation(arm.artifact)(inputs))
        let coverage = try #require(arm.report.coverage)
        #expect(coverage.floatNodes == x64.report.coverage?.floatNodes, "\(coverage.operators)")
        #expect(coverage.macShare == x64.report.coverage?.macShare)
        #expect(coverage.conversions == x64.report.coverage?.conversions)
        #expect(arm.plan.activations.allSatisfy { (-128...127).contains($0.zeroPoint) })
    }

    @Test func theIntegersOfBothTargetsAgreeInTheEngine() throws {
        let model = PipelineTests.branchy().model()
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        let x64 = try convert(.onnxruntimeX64, model, PipelineTests.samples)
        let arm = try convert(.onnxruntimeARM, model, PipelineTests.samples)
        let engine = Target.onnxruntimeARM.engine(try #require(RealEngine.shared))
        let outputs = model.graph.outputs.map(\.name)
        let session = try engine.makeSession(.bytes(arm.bytes), SessionOptions())
        let signed = try session.run(inputs, outputs: outputs).map { try $0.floats() }
        #expect(try relativeDifference(Evaluation(x64.artifact, optimization: .all)(inputs), signed) < 1e-3)
    }

    #if !arch(arm64)
        @Test func whatIsMadeForARMIsNotTimedHere() throws {
            var conversion = try Conversions()
            conversion.recipe.target = .onnxruntimeARM
            conversion.budget = Pipeline.Budget(decision: 0.05, report: 0.01)
            let outcome = try conversion(PipelineTests.branchy().model(), PipelineTests.samples)
            #expect(outcome.report.latency == nil && outcome.report.load == nil)
            #expect(outcome.report.latencyAbsence?.contains("ARM") ?? false)
            #expect(outcome.report.verdict.speed == .unmeasured && !outcome.report.verdict.deployForSpeed)
            #expect(outcome.plan.form == "integer")
            #expect(outcome.report.findings.contains { $0.code == "not-timed" })
            #expect(outcome.report.plan?.record?.target == .onnxruntimeARM)
        }
    #endif

    @Test func theReportSaysWhatHappensOnWhichProcessor() throws {
        let (graph, samples) = Self.risky()
        let report = try convert(.onnxruntimeX64, graph.model(), samples).report
        let portability = try #require(report.portability)
        #expect(portability.target == .onnxruntimeX64 && portability.processors?.count == 3)
        let (text, page) = (ReportText.render(report), ReportHTML.render(report))
        for words in ["Other processors", "without VNNI", "onnxruntime-x64-avx2"] {
            #expect(text.contains(words) && page.contains(words), "\(words)")
        }
        // What an older version stored has none of it.
        var old = report
        old.portability = .init(measuredWithVnni: true, note: "A note.")
        #expect(try JSON.decode(Report.self, from: JSON.encode(old)).portability == old.portability)
        #expect(ReportText.render(old).contains("A note."))
    }

    @Test func floatArithmeticIsTheSameEverywhere() throws {
        var conversion = try Conversions()
        conversion.recipe.target = .onnxruntimeX64AVX2
        conversion.recipe.scheme = .int8Weights
        let (graph, samples) = Self.risky()
        let outcome = try conversion(graph.model(), samples)
        #expect(outcome.report.portability?.layers == nil)
        #expect(outcome.report.portability?.note.contains("same on every processor") ?? false)
        // Nothing is narrowed: there are no sums of integers.
        #expect(try weights(outcome.graph).values.contains { try $0.int64s().map(abs).max() == 127 })
    }
}
