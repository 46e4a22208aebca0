import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// What goes back to float because the machine runs it faster so.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct TuningTests {
    private static let samples = SampleArrays("x", [8, 8, 8], count: 6)

    private static func chain() -> GraphBuilder {
        var g = GraphBuilder(seed: 8)
        let x = g.input("x", [1, 8, 8, 8])
        g.output(g.conv(g.relu(g.conv(g.relu(g.conv(x, 32)), 64)), 16))
        return g
    }

    /// A profile in which every anchor takes the given microseconds.
    private func profile(_ graph: Graph, _ times: [Double]) -> Profile {
        let anchors = graph.nodes.filter { OperatorRule.of($0) == .anchor }
        return Profile(
            steps: zip(anchors, times).map { .init(name: $0.name + "_token_1", op: $0.op, microseconds: $1, macs: 0) })
    }

    private func slow(float: [Double], integer: [Double]) throws -> [Int] {
        let topology = try Conversions().prepare(Self.chain().model(), Self.samples).topology
        var timed = TimedPlacement(topology, Placement(topology, keepFloat: [:]), threads: 1)
        let names = timed.slowInIntegers(
            float: profile(topology.graph, float), integer: profile(topology.graph, integer))
        let anchors = topology.graph.nodes.filter { OperatorRule.of($0) == .anchor }
        return anchors.indices.filter { names[anchors[$0].name] != nil }
    }

    @Test func layersThatAreFasterInFloatGoBack() throws {
        #expect(try slow(float: [100, 100, 100], integer: [50, 50, 50]) == [])
        #expect(try slow(float: [100, 100, 100], integer: [50, 50, 180]) == [2])
        #expect(try slow(float: [100, 100, 100], integer: [180, 180, 180]) == [0, 1, 2])
    }

    /// The tensors around the middle layer hold 2048 and 4096 values: about 0.9 µs to convert.
    @Test func aGainSmallerThanItsConversionsIsLeftAlone() throws {
        #expect(try slow(float: [100, 99.5, 100], integer: [50, 100, 50]) == [])
        #expect(try slow(float: [100, 90, 100], integer: [50, 100, 50]) == [1])
    }

    @Test func aLayerThatTheProfileDoesNotShowStaysWhereItIs() throws {
        #expect(try slow(float: [100, 100, 100], integer: [180, 0, 180]).contains(1) == false)
    }

    @Test func aSiLULeftInFloatIsOneKernel() throws {
        var g = GraphBuilder(seed: 8)
        let x = g.input("x", [1, 8, 8, 8])
        g.output(g.conv(g.silu(g.conv(g.relu(g.conv(x, 32)), 32)), 16))
        let model = g.model()
        var conversion = try Conversions()
        let integer = try conversion(model, Self.samples)
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        #expect(try conversion.profile(integer, inputs).contains("QLinearSigmoid"))
        conversion.recipe.options.exclude = model.graph.nodes.filter { ["Sigmoid", "Mul"].contains($0.op) }.map(\.name)
        let float = try conversion(model, Self.samples)
        let steps = try conversion.profile(float, inputs)
        #expect(steps.contains("QuickGelu") && !steps.contains("Sigmoid"), "\(steps)")
        #expect(steps.count { $0 == "QLinearConv" } == 3, "\(steps)")
        let (a, b) = try (Evaluation(model)(inputs), Evaluation(float.artifact, optimization: .all)(inputs))
        #expect(relativeDifference(a, b) < 0.1)
        let reasons = float.plan.activations.map(\.reason)
        #expect(reasons.contains { $0.contains("silu") }, "the range is still that of the activation: \(reasons)")
    }

    /// The Clip's tensor is judged in FP32 and is not there in the artifact; `x` is no result.
    @Test func whatTheArtifactLacksIsNotJudged() throws {
        var g = GraphBuilder(seed: 8)
        let x = g.input("x", [1, 8, 8, 8])
        let y = g.relu(g.conv(g.relu(g.conv(x, 32)), 8))
        let flat = g.add("Reshape", [y, g.integers([1, 8, 64])], shape: [1, 8, 64])
        let clipped = g.add("Clip", [flat, g.constant([0], []), g.constant([1000], [])])
        let input = g.add("Reshape", [x, g.integers([1, 8, 64])], shape: [1, 8, 64])
        g.output(g.concat([clipped, input]))
        let model = g.model()
        let topology = try Conversions().prepare(model, Self.samples).topology
        #expect(topology.judged.contains(clipped))
        let outcome = try Conversions()(model, Self.samples)
        #expect(outcome.plan.form == "integer")
        #expect(!outcome.graph.nodes.contains { $0.outputs.contains(clipped) }, "the Clip is implied")
    }

    @Test func boxesAndScoresAreJudgedApart() throws {
        var g = GraphBuilder(seed: 8)
        let x = g.input("x", [1, 8, 8, 8])
        let trunk = g.relu(g.conv(x, 32))
        let (boxes, scores) = (g.conv(trunk, 16), g.add("Sigmoid", [g.conv(trunk, 16)]))
        let joined = g.concat([boxes, scores])
        g.output(g.add("Reshape", [joined, g.integers([1, 32, 64])], shape: [1, 32, 64]))
        g.output(g.relu(g.conv(trunk, 16)))
        let topology = try Conversions().prepare(g.model(), Self.samples).topology
        let judged = topology.judged
        #expect(judged.count == 3)
        #expect(judged.contains(boxes) && judged.contains(scores))
        #expect(judged.last == topology.graph.outputs[1].name)
    }

    /// Rows that TopK puts in order may change places without any loss, and ArgMax gives no numbers to compare.
    @Test func whatValuesChooseFromIsJudgedInPlaceOfWhatTheyChoose() throws {
        var g = GraphBuilder(seed: 9)
        let x = g.input("x", [1, 8, 8, 8])
        let trunk = g.relu(g.conv(x, 32))
        let boxes = g.add("Reshape", [g.conv(trunk, 4), g.integers([4, 64])], shape: [4, 64])
        let scores = g.add("Reshape", [g.add("Sigmoid", [g.conv(trunk, 1)]), g.integers([64])], shape: [64])
        let best = g.add("TopK", [scores, g.integers([10])], shapes: [[10], [10]])
        let chosen = g.add("Gather", [boxes, best[1]], [.int("axis", 1)], shape: [4, 10])
        let classes = g.conv(trunk, 6)
        let map = g.add("ArgMax", [classes], [.int("axis", 1), .int("keepdims", 0)], shape: [1, 8, 8], type: .int64)
        g.output(best[0], chosen, map, g.relu(g.conv(trunk, 16)))
        let topology = try Conversions().prepare(g.model(), Self.samples).topology
        let judged = topology.judged
        #expect(Set(judged) == [boxes, scores, classes, topology.graph.outputs[3].name], "\(judged)")
    }

    @Test func aChoiceBeforeMostOfTheWorkLeavesTheOutputsToBeJudged() throws {
        var g = GraphBuilder(seed: 9)
        let x = g.input("x", [1, 8, 8, 8])
        let first = g.conv(x, 8)
        let best = g.add("TopK", [first, g.integers([4])], [.int("axis", 1)], shapes: [[1, 4, 8, 8], [1, 4, 8, 8]])
        g.output(g.conv(g.relu(g.conv(best[0], 32)), 16))
        let topology = try Conversions().prepare(g.model(), Self.samples).topology
        #expect(topology.judged == topology.graph.outputs.map(\.name))
    }
}
