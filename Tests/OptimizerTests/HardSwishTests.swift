import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Hard sigmoids and hard swishes, as exporters write them, in float and in integers.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct HardSwishTests {
    /// x times its gate, in the words of PyTorch, Paddle, Keras and ONNX itself.
    enum Spelling: String, CaseIterable {
        case product, divided, before, gate, whole

        func write(_ x: String, in g: inout GraphBuilder) -> String {
            if self == .whole { return g.add("HardSwish", [x]) }
            let sum = g.add("Add", [x, g.constant([3], [])])
            let clip = g.add("Clip", [sum, g.constant([0], []), g.constant([6], [])])
            let (six, sixth) = (g.constant([6], []), g.constant([1.0 / 6], []))
            switch self {
            case .product: return g.add("Mul", [g.add("Mul", [x, clip]), sixth])
            case .divided: return g.add("Div", [g.add("Mul", [clip, x]), six])
            case .before: return g.add("Mul", [g.add("Mul", [sixth, x], shape: [1, 32, 6, 6]), clip])
            default: return g.add("Mul", [x, g.add("Div", [clip, six])])
            }
        }
    }

    private func net(_ spelling: Spelling) -> GraphBuilder {
        var g = GraphBuilder(seed: 31)
        let x = g.input("x", [1, 8, 6, 6], openBatch: true)
        let a = spelling.write(g.conv(x, weight: g.floats([32, 8, 3, 3], -1.2...1.2), 32), in: &g)
        g.output(g.conv(spelling.write(g.conv(a, 32), in: &g), 16))
        return g
    }

    @Test(arguments: Spelling.allCases) func everySpellingBecomesAHardSigmoidAndAMul(_ spelling: Spelling) throws {
        let graph = try RewriteTests().check(
            "hard swish to HardSigmoid and Mul", net(spelling), [1, 8, 6, 6], within: 1e-6,
            // The engine takes HardSwish apart by itself.
            count: spelling == .whole ? 0 : 2)
        #expect(graph.nodes.map(\.op).filter { $0 != "Conv" }.sorted() == ["HardSigmoid", "HardSigmoid", "Mul", "Mul"])
    }

    /// Other slopes, ends or operands are other functions.
    @Test(arguments: [(3, 0, 5, 6), (2, 0, 6, 6), (3, 0, 6, 5), (3, -1, 6, 6)])
    func otherFunctionsStay(_ offset: Float, _ low: Float, _ high: Float, _ divisor: Float) throws {
        var g = GraphBuilder(seed: 32)
        let x = g.input("x", [1, 8, 6, 6], openBatch: true)
        let y = g.conv(x, 16)
        let sum = g.add("Add", [y, g.constant([offset], [])])
        let clip = g.add("Clip", [sum, g.constant([low], []), g.constant([high], [])])
        g.output(g.conv(g.add("Div", [g.add("Mul", [y, clip]), g.constant([divisor], [])]), 16))
        try RewriteTests().check("hard swish to HardSigmoid and Mul", g, [1, 8, 6, 6], within: 1e-6, count: 0)
    }

    @Test func constantsThatAddAnAxisStay() throws {
        var g = GraphBuilder(seed: 35)
        let x = g.input("x", [1, 32], openBatch: true)
        let y = g.gemm(x, 24)
        let sum = g.add("Add", [y, g.constant([3], [1, 1, 1])], shape: [1, 1, 24])
        let clip = g.add("Clip", [sum, g.constant([0], []), g.constant([6], [])])
        g.output(g.add("Div", [clip, g.constant([6], [])]))
        try RewriteTests().check("hard swish to HardSigmoid and Mul", g, [1, 32], within: 0, count: 0)
    }

    @Test(arguments: Spelling.allCases) func itRunsInIntegersThroughout(_ spelling: Spelling) throws {
        var conversions = try Conversions()
        conversions.recipe.scheme = .int8Static
        let model = net(spelling).model()
        let outcome = try conversions(model, SampleArrays("x", [8, 6, 6], count: 16))
        #expect(outcome.fate(of: "HardSigmoid") == ["integer", "integer"])
        let inputs = try randomInputs(["x": [1, 8, 6, 6]])
        let steps = try conversions.profile(outcome, inputs)
        #expect(steps.count { $0 == "QLinearAdd" } == 2 && steps.count { $0 == "QLinearMul" } == 2, "\(steps)")
        #expect(steps.count { $0 == "DequantizeLinear" } == 1, "\(steps)")
        let difference = try relativeDifference(
            Evaluation(model)(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
        #expect(difference < 0.04, "\(difference)")
    }

    /// Slopes of Keras and of anybody; S8 activations too.
    @Test(
        arguments: [(Float(0.2), Float(0.5)), (0.5, 0), (0.1, -0.25), (1, 1)], [Target.onnxruntimeX64, .onnxruntimeARM])
    func anySlopeAndOffsetIsKept(_ parameters: (alpha: Float, beta: Float), _ target: Target) throws {
        var g = GraphBuilder(seed: 33)
        let x = g.input("x", [1, 8, 6, 6])
        let y = g.conv(x, weight: g.floats([32, 8, 3, 3], -1.2...1.2), 32)
        let gate = g.add(
            "HardSigmoid", [y], [.float("alpha", parameters.alpha), .float("beta", parameters.beta)])
        g.output(g.conv(g.add("Mul", [y, gate]), 16))
        var conversions = try Conversions()
        (conversions.recipe.scheme, conversions.recipe.target) = (.int8Static, target)
        let outcome = try conversions(g.model(), SampleArrays("x", [8, 6, 6], count: 16))
        #expect(outcome.fate(of: "HardSigmoid") == ["integer"])
        let inputs = try randomInputs(["x": [1, 8, 6, 6]])
        let difference = try relativeDifference(
            Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
        #expect(difference < 0.04, "\(difference)")
    }

    @Test func aFallingHardSigmoidStaysFloat() throws {
        var g = GraphBuilder(seed: 34)
        let x = g.input("x", [1, 8, 6, 6])
        g.output(g.conv(g.add("HardSigmoid", [g.conv(x, 32)], [.float("alpha", -0.2)]), 16))
        let outcome = try Conversions()(g.model(), SampleArrays("x", [8, 6, 6], count: 8))
        #expect(outcome.fate(of: "HardSigmoid") == ["float"])
    }
}
