import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// SmoothQuant and cross-layer equalization: the float model stays what it is, the integer one gains.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct BalanceTests {
    /// A LayerNormalization with outliers in some channels, read by three products through one Reshape and by itself.
    private func transformer(spelledOut: Bool = false) -> GraphBuilder {
        var g = GraphBuilder(seed: 41)
        let x = g.input("x", [1, 6, 32])
        let factors = g.constant((0..<32).map { $0 % 8 == 0 ? 40 : 0.5 + Float($0) / 64 })
        let addends = g.floats([32], -0.2...0.2)
        let normal =
            spelledOut
            ? g.add("Add", [g.add("Mul", [g.add("Tanh", [x]), factors]), addends])
            : g.add("LayerNormalization", [x, factors, addends], [.int("axis", -1)])
        let parts = (0..<3).map { _ in g.add("Add", [g.matMul(normal, 24), g.floats([24])]) }
        let sum = g.add("Add", [g.add("Add", [parts[0], parts[1]]), g.add("Tanh", [parts[2]])])
        g.output(g.matMul(g.add("Tanh", [sum]), 16))
        return g
    }

    /// Conv, depthwise Conv and pointwise Conv with Relus between them, whose channels span three decades.
    private func chain(activation: String = "Relu") -> GraphBuilder {
        var g = GraphBuilder(seed: 42)
        let x = g.input("x", [1, 16, 8, 8])
        let a = g.conv(x, 24, bias: false)
        let spread = g.constant((0..<24).map { [0.03, 0.3, 1, 8, 30, 2][$0 % 6] }, [24, 1, 1])
        let b = g.add(activation, [g.add("Mul", [a, spread])])
        let c = g.add(activation, [g.conv(b, 24, group: 24)])
        g.output(g.conv(g.add(activation, [g.conv(c, 32, kernel: 1)]), 12, kernel: 1))
        return g
    }

    private func convert(
        _ g: GraphBuilder, _ samples: SampleArrays, _ edit: (inout Recipe.Options) -> Void
    ) throws -> (PreparedModel, Conversions.Outcome) {
        var conversion = try Conversions()
        edit(&conversion.recipe.options)
        conversion.recipe.scheme = .int8Static
        // All layers in integers, so that what is compared is the weights and not the choice of layers.
        conversion.recipe.options.minLayerSqnr = 0
        return (try conversion.prepare(g.model(), samples), try conversion(g.model(), samples))
    }

    private func sqnr(_ outcome: Conversions.Outcome) throws -> Double {
        try #require(outcome.report.fidelity?.outputs.first?.sqnrDb)
    }

    @Test(arguments: [false, true]) func smoothingChangesNothingInFloatAndGainsInIntegers(_ spelledOut: Bool) throws {
        let g = transformer(spelledOut: spelledOut)
        let samples = SampleArrays("x", [6, 32], count: 8)
        let (plain, before) = try convert(g, samples) { _ in }
        let (smooth, after) = try convert(g, samples) { $0.smooth = true }
        #expect(smooth.rewrites["SmoothQuant"] == 1 && after.plan.rewrites["SmoothQuant"] == 1)
        #expect(plain.topology.graph.initializers != smooth.topology.graph.initializers)
        let (a, b) = try (Evaluation(plain.model), Evaluation(smooth.model))
        for seed in 60..<64 as Range<UInt64> {
            let inputs = try randomInputs(["x": [1, 6, 32]], seed: seed)
            #expect(try a(inputs) == b(inputs))
        }
        let (without, with) = try (sqnr(before), sqnr(after))
        #expect(with > without + 1, "\(without) \(with)")
    }

    @Test(arguments: ["Relu", "LeakyRelu"]) func equalizationChangesNothingInFloat(_ activation: String) throws {
        let g = chain(activation: activation)
        let samples = SampleArrays("x", [16, 8, 8], count: 8)
        let (plain, before) = try convert(g, samples) { _ in }
        let (equal, after) = try convert(g, samples) { $0.equalize = true }
        #expect(equal.rewrites["cross-layer equalization"] == 3)
        let (a, b) = try (Evaluation(plain.model), Evaluation(equal.model))
        for seed in 70..<74 as Range<UInt64> {
            let inputs = try randomInputs(["x": [1, 16, 8, 8]], seed: seed)
            #expect(try relativeDifference(a(inputs), b(inputs)) < 1e-6)
        }
        let (without, with) = try (sqnr(before), sqnr(after))
        #expect(with > without + 1, "\(without) \(with)")
    }

    /// Ranges of the weights of each channel between two layers, before and after.
    @Test func rangesMeetInTheMiddle() throws {
        let samples = SampleArrays("x", [16, 8, 8], count: 2)
        func spread(_ prepared: PreparedModel) throws -> Float {
            let graph = prepared.topology.graph
            let convs = graph.nodes.filter { $0.op == "Conv" }
            let first = try #require(graph.tensor(convs[0].inputs[1])).floats()
            let second = try #require(graph.tensor(convs[1].inputs[1])).floats()
            let ratios = (0..<24).map { channel -> Float in
                let r1 = first[(channel * 144)..<((channel + 1) * 144)].map(abs).max() ?? 0
                let r2 = second[(channel * 9)..<((channel + 1) * 9)].map(abs).max() ?? 0
                return max(r1 / r2, r2 / r1)
            }
            return ratios.max() ?? 0
        }
        let plain = try spread(convert(chain(), samples) { _ in }.0)
        let equal = try spread(convert(chain(), samples) { $0.equalize = true }.0)
        // Powers of two leave a factor of two at most.
        #expect(plain > 20 && equal <= 2.01, "\(plain) \(equal)")
    }

    @Test func whatEndsInAClipIsNotEqualized() throws {
        var g = GraphBuilder(seed: 43)
        let x = g.input("x", [1, 16, 8, 8])
        let clipped = g.add("Clip", [g.conv(x, 24), g.constant([0], []), g.constant([6], [])])
        g.output(g.conv(clipped, 12))
        let (prepared, outcome) = try convert(g, SampleArrays("x", [16, 8, 8])) { $0.equalize = true }
        #expect(prepared.rewrites["cross-layer equalization"] == 0)
        #expect(outcome.report.findings.contains { $0.code == "equalize-unused" })
    }

    @Test func bothAreOffByDefault() throws {
        let (prepared, _) = try convert(transformer(), SampleArrays("x", [6, 32])) { _ in }
        #expect(prepared.rewrites["SmoothQuant"] == nil && prepared.rewrites["cross-layer equalization"] == nil)
    }
}
