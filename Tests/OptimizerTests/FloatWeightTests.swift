import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Layers that stay float in an integer form, and what becomes of their weights.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct FloatWeightTests {
    /// Two layers in integers, and beside them one of `channels` whose logarithm keeps it in float.
    private func model(_ channels: Int) -> Model {
        var g = GraphBuilder(seed: 51)
        let x = g.input("x", [1, 8, 6, 6])
        let a = g.conv(g.relu(g.conv(x, 32)), 16)
        let b = g.conv(x, channels)
        g.output(a, g.add("Log", [g.add("Add", [g.add("Abs", [b]), g.constant([1], [])])]))
        return g.model()
    }

    private func convert(_ model: Model, exclude: [String] = [], integers: Int = 2) throws -> (
        Conversions, Conversions.Outcome
    ) {
        var conversions = try Conversions()
        conversions.recipe.scheme = .int8Static
        conversions.recipe.options.exclude = exclude
        let outcome = try conversions(model, SampleArrays("x", [8, 6, 6], count: 40))
        #expect(outcome.plan.operations.count { $0.op == "Conv" && $0.fate == "integer" } == integers)
        return (conversions, outcome)
    }

    private func floatLayer(_ outcome: Conversions.Outcome) throws -> PlanDocument.Operation {
        try #require(outcome.plan.operations.first { $0.op == "Conv" && $0.fate == "float" })
    }

    @Test func weightsOfFloatLayersAreStoredInEightBitsAndRestoredAtLoad() throws {
        let model = model(64)
        let (conversions, outcome) = try convert(model)
        let layer = try floatLayer(outcome)
        #expect(layer.reason?.contains("logarithm") == true && layer.reason?.contains("8 bits") == true)
        #expect(!outcome.graph.initializers.contains { $0.type == .float && $0.count > 64 })
        let inputs = try randomInputs(["x": [1, 8, 6, 6]])
        let steps = try conversions.profile(outcome, inputs)
        #expect(!steps.contains("Cast") && steps.contains { $0.hasSuffix("Conv") }, "\(steps)")
        let (before, after) = try (
            Evaluation(model)(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs)
        )
        #expect(relativeDifference([before[1]], [after[1]]) < 0.02)
    }

    /// Between integers on both sides, a float layer no longer gives its result itself: something stands behind it that keeps
    /// the runtime from quantizing it.
    @Test func aFloatLayerBetweenIntegersIsFound() throws {
        var g = GraphBuilder(seed: 52)
        let x = g.input("x", [1, 8, 6, 6])
        // A grid that holds the first channel is too coarse for the others, and only those are read.
        let a = g.uneven(x, by: 20)
        let fine = (0..<(64 * 32)).map { (place: Int) -> Float in
            place % 32 == 0 ? 0 : Float((place * 7919) % 101 - 50) * 0.01
        }
        let coarse = fine.indices.map { $0 % 32 == 0 ? 1 : fine[$0] * 0.01 }
        let layers = [fine, coarse].map { weights in
            g.add(
                "Conv", [a, g.constant(weights, [64, 32, 1, 1])], [.ints("kernel_shape", [1, 1])], shape: [1, 64, 6, 6])
        }
        let flat = g.add("Reshape", [layers[0], g.integers([1, 64, 36])], shape: [1, 64, 36])
        g.output(
            g.conv(g.add("Reshape", [flat, g.integers([1, 64, 6, 6])], shape: [1, 64, 6, 6]), 16, kernel: 1), layers[1])
        let model = g.model()
        let outcome = try convert(model, integers: 4).1
        #expect(try floatLayer(outcome).reason?.contains("8 bits") == true)
        #expect(outcome.graph.nodes.contains { $0.name.hasSuffix("/keep_float") })
        #expect(!outcome.graph.initializers.contains { $0.type == .float && $0.count > 64 })
        let inputs = try randomInputs(["x": [1, 8, 6, 6]])
        let (before, after) = try (
            Evaluation(model)(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs)
        )
        // The grid before it leaves 17 dB.
        #expect(relativeDifference(before, after) < 0.25)
    }

    @Test func fewOrExcludedOnesAreLeftAsTheyAre() throws {
        let few = try convert(model(8)).1
        #expect(try floatLayer(few).reason?.contains("8 bits") == false)
        let name = try floatLayer(convert(model(64)).1).node
        let excluded = try convert(model(64), exclude: [name.asWildcard]).1
        #expect(try floatLayer(excluded).reason?.contains("8 bits") == false)
        #expect(excluded.graph.initializers.contains { $0.type == .float && $0.count == 64 * 8 * 9 })
    }
}
