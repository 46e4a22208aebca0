import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// What the linter says against what the engine does.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct LintEngineTests {
    @Test(arguments: LintCase.all)
    func theEngineDoesWhatTheRuleSays(_ example: LintCase) throws {
        let scratch = try ScratchDirectory()
        switch example.effect {
        case .unseen: break
        case .refuses:
            #expect(throws: EngineError.self) { _ = try run(example.broken, scratch) }
        case .miscomputes:
            #expect(try error(example.broken) > 0.2)
            #expect(try error(example.clean) < 0.02)
            return
        case .runs(let op):
            #expect(try run(example.broken, scratch).contains(op))
            #expect(try !run(example.clean, scratch).contains { $0 == op && op != "DequantizeLinear" })
        case .converts:
            #expect(try conversions(example.broken, scratch) > conversions(example.clean, scratch))
        case .quantizesBefore(let op):
            #expect(try quantizesBefore(op, example.broken, scratch))
            #expect(try !quantizesBefore(op, example.clean, scratch))
        }
        _ = try run(example.clean, scratch)
    }

    /// The operators that the engine runs after its own optimization, in order.
    private func run(_ model: Model, _ scratch: ScratchDirectory) throws -> [String] {
        try scratch.write(model.bytes(), "case.onnx")
        return try Profile(
            scratch.path + "/case.onnx",
            in: EngineModels(engine: try #require(RealEngine.shared), directory: scratch.path),
            inputs: randomInputs(["x": QuantizedGraph.shape]), outputs: model.graph.outputs.map(\.name), runs: 1
        ).steps.map(\.op)
    }

    private func conversions(_ model: Model, _ scratch: ScratchDirectory) throws -> Int {
        try run(model, scratch).count { $0 == "QuantizeLinear" || $0 == "DequantizeLinear" }
    }

    private func quantizesBefore(_ op: String, _ model: Model, _ scratch: ScratchDirectory) throws -> Bool {
        let steps = try run(model, scratch)
        let place = try #require(steps.firstIndex(of: op))
        return steps[..<place].contains("QuantizeLinear")
    }

    /// How far the optimized model is from the same without optimization.
    private func error(_ model: Model) throws -> Float {
        let inputs = try randomInputs(["x": QuantizedGraph.shape])
        return try relativeDifference(
            Evaluation(model)(inputs), Evaluation(model, optimization: .all)(inputs))
    }

    /// Octavo's own artifacts keep the rules of their target.
    @Test(arguments: Target.allCases)
    func artifactsAreClean(_ target: Target) throws {
        var conversion = try Conversions()
        conversion.recipe.target = target
        conversion.recipe.scheme = .int8Static
        let artifact = try conversion(PipelineTests.branchy().model(), PipelineTests.samples).artifact
        let report = LintReport(artifact, target: target)
        #expect(report.quantized && report.isClean, "\(report.text)")
    }

    /// The stem stays float, and so does the MaxPool behind it: nothing is quantized before it is pooled.
    @Test func aFloatStemIsPooledInFloat() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 32, 32])
        let stem = g.maxPool(g.relu(g.conv(x, 32, stride: 2)))
        let body = g.relu(g.conv(g.relu(g.conv(stem, 48)), 48))
        g.output(g.gemm(g.flatten(g.globalPool(body)), 10))
        var conversion = try Conversions()
        conversion.recipe.scheme = .int8Static
        let outcome = try conversion(g.model(), SampleArrays("x", [3, 32, 32], count: 4))
        let report = LintReport(outcome.artifact, target: .onnxruntimeX64)
        #expect(report.isClean, "\(report.text)")
        let steps = try conversion.profile(outcome, randomInputs(["x": [1, 3, 32, 32]]))
        let pool = try #require(steps.firstIndex(of: "MaxPool"))
        #expect(!steps[..<pool].contains("QuantizeLinear") && steps.contains("QLinearConv"), "\(steps)")
        // The same numbers as without it.
        let inputs = try randomInputs(["x": [1, 3, 32, 32]])
        #expect(try relativeDifference(Evaluation(g.model())(inputs), Evaluation(outcome.artifact)(inputs)) < 0.1)
    }

    @Test func aReportCountsWhatItDoesNotList() throws {
        let example = try #require(LintCase.all.first { $0.code == "weight-axis" })
        var model = example.broken
        let conv = try #require(model.graph.nodes.first { $0.op == "Conv" })
        for index in 0..<(LintReport.mostListed + 5) {
            var copy = conv
            copy.name = "copy\u{1}\(index)" + String(repeating: "ü", count: 500)
            copy.outputs = ["copy\(index)"]
            model.graph.nodes.append(copy)
        }
        let report = LintReport(model, target: .onnxruntimeX64)
        #expect(report.violations.count + report.omitted == report.errors + report.warnings)
        #expect(report.omitted > 5 && report.errors > LintReport.mostListed)
        #expect(try JSON.encode(report).count < 1 << 20)
        #expect(!report.text.contains("\u{1}") && report.text.contains("… and "))
    }

    @Test func aFloatModelBreaksNoRule() {
        let report = LintReport(PipelineTests.branchy().model(), target: .onnxruntimeX64)
        #expect(!report.quantized && report.isClean)
        #expect(report.text.contains("not quantized"))
    }
}
