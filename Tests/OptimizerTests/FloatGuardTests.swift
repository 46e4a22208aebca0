import Domain
import Inference
import ModelGraph
import TestGraphs
import Testing

@testable import Optimizer

/// Layers that the plan leaves in float between integer ones: the engine would quantize their weights by itself, with one
/// scale for all channels.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct FloatGuardTests {
    enum Layer: String, CaseIterable {
        case conv, convRelu, convClip, convMoved, convReluMoved, transposed, gemm, gemmRelu
    }

    /// A layer of channels that differ a hundredfold, between two that run in integers.
    private static func model(_ layer: Layer) -> (model: Model, shape: [Int], op: String) {
        var g = GraphBuilder(seed: 11)
        let isGemm = layer == .gemm || layer == .gemmRelu
        let x = g.input("x", isGemm ? [1, 32] : [1, 8, 6, 6])
        let first = g.relu(isGemm ? g.gemm(x, 32) : g.conv(x, 32))
        var y: String
        var numbers = SeededNumbers(4)
        func uneven(_ dims: [Int], axis: Int) -> [Float] {
            let inner = dims[(axis + 1)...].reduce(1, *)
            return numbers.floats(dims.reduce(1, *), -0.1...0.1).enumerated().map { place, value in
                (place / inner) % dims[axis] % 2 == 0 ? value : value * 0.01
            }
        }
        switch layer {
        case .transposed:
            let weight = g.constant(uneven([32, 16, 2, 2], axis: 1), [32, 16, 2, 2])
            y = g.add("ConvTranspose", [first, weight], [.ints("strides", [2, 2])], shape: [1, 16, 12, 12])
        case .gemm, .gemmRelu:
            let weight = g.constant(uneven([24, 32], axis: 0), [24, 32])
            y = g.add("Gemm", [first, weight, g.floats([24])], [.int("transB", 1)], shape: [1, 24])
        default:
            let weight = g.constant(uneven([16, 32, 3, 3], axis: 0), [16, 32, 3, 3])
            y = g.add("Conv", [first, weight, g.floats([16])], [.ints("pads", [1, 1, 1, 1])], shape: [1, 16, 6, 6])
        }
        if [.convRelu, .convReluMoved, .gemmRelu].contains(layer) { y = g.relu(y) }
        if layer == .convClip { y = g.add("Clip", [y, g.constant([0], []), g.constant([6], [])]) }
        if layer == .convMoved || layer == .convReluMoved {
            y = g.add("Reshape", [y, g.integers([0, 16, 4, 9])], shape: [1, 16, 4, 9])
        }
        g.output(isGemm ? g.gemm(y, 16) : g.conv(y, 16))
        let op = isGemm ? "Gemm" : layer == .transposed ? "ConvTranspose" : "Conv"
        return (g.model(), isGemm ? [32] : [8, 6, 6], op)
    }

    @Test func theEngineLeavesAPoolInFloat() throws {
        var g = GraphBuilder(seed: 12)
        let x = g.input("x", [1, 8, 6, 6])
        let means = g.add("GlobalAveragePool", [g.relu(g.conv(x, 32))], shape: [1, 32, 1, 1])
        g.output(g.conv(means, 32, kernel: 1))
        let pool = try #require(g.graph.nodes.first { $0.op == "GlobalAveragePool" })
        for isExcluded in [false, true] {
            var conversion = try Conversions()
            conversion.recipe.scheme = .int8Static
            if isExcluded { conversion.recipe.options.exclude = [pool.name] }
            let outcome = try conversion(g.model(), SampleArrays("x", [8, 6, 6], count: 8))
            let steps = try conversion.profile(outcome, randomInputs(["x": [1, 8, 6, 6]]))
            #expect(steps.contains(isExcluded ? "GlobalAveragePool" : "QLinearGlobalAveragePool"), "\(steps)")
        }
    }

    @Test(arguments: Layer.allCases) func theEngineLeavesFloatLayersInFloat(_ layer: Layer) throws {
        let (model, shape, op) = Self.model(layer)
        let place = op == "ConvTranspose" ? 0 : 1
        let node = try #require(model.graph.nodes.filter { $0.op == op }.dropFirst(place).first)
        var conversion = try Conversions()
        conversion.recipe.options.exclude = [node.name]
        let outcome = try conversion(model, SampleArrays("x", shape, count: 8))
        #expect(outcome.plan.operations.first { $0.node == node.name }?.fate == "float")
        let inputs = try randomInputs(["x": [1] + shape])
        let plain = try Evaluation(outcome.artifact, optimization: .none)(inputs)
        let optimized = try Evaluation(outcome.artifact, optimization: .all)(inputs)
        #expect(relativeDifference(plain, optimized) < 0.02)
        let steps = try conversion.profile(outcome, inputs)
        #expect(steps.count { $0 == "QLinearConv" || $0 == "QGemm" } == 2, "\(steps)")
        let weight = try #require(model.graph.nodes.first { $0.name == node.name }).inputs[1]
        let kept = outcome.graph.initializers.first { $0.name == weight }
        #expect(kept?.type == .float)
        #expect(outcome.graph.nodes.contains { $0.op == "LeakyRelu" }, "the pattern is broken up")
    }
}
