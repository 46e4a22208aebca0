import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct PrepareTests {
    @Test func shapesAndTypesComeFromRuns() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 6, 6], openBatch: true)
        let a = g.conv(x, 8)
        let top = g.add("ArgMax", [g.flatten(a)], [.int("axis", 1)], shape: [1, 1], type: .int64)
        g.output(top, a)
        let topology = try Conversions().prepare(g.model(), SampleArrays("x", [3, 6, 6])).topology
        #expect(topology.shape(a) == [1, 8, 6, 6] && topology.type(a) == .float && topology.type(top) == .int64)
        #expect(topology.isStatic(beyondBatch: a))
    }

    @Test func shapesThatDependOnDataAreNotStatic() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 6], openBatch: true)
        let length = g.input("length", [1], type: .int64)
        let found = g.add("NonZero", [x], shape: [2, 6], type: .int64)
        let cut = g.add("Slice", [x, g.integers([0]), length, g.integers([1])], shape: [1, 4], type: .float)
        let sum = g.add("Add", [x, x])
        g.output(found, cut, sum, g.matMul(x, 4))
        var samples = SampleArrays("x", [6])
        samples.add("length", integers: [4, 4, 4, 4], [4, 1])
        let topology = try Conversions().prepare(g.model(), samples).topology
        #expect(!topology.isStatic(beyondBatch: found) && !topology.isStatic(beyondBatch: cut))
    }

    @Test func openSizesAreNotStatic() throws {
        var g = GraphBuilder()
        g.input("x", [1, 3, 6, 6], dims: [.fixed(1), .fixed(3), .symbolic("H"), .fixed(6)])
        let a = g.conv("x", 8)
        g.output(a)
        #expect(
            !(try Conversions().prepare(g.model(), SampleArrays("x", [3, 6, 6])).topology.isStatic(beyondBatch: a)))
    }

    @Test(arguments: [7, 9, 11, 12]) func oldModelsAreBroughtToOperatorSet13(opset: Int) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6], openBatch: true)
        let clipped = g.add("Clip", [g.conv(x, 16)], opset < 11 ? [.float("min", 0), .float("max", 6)] : [])
        let scores = g.gemm(g.flatten(g.globalPool(g.relu(clipped))), 10)
        g.output(g.add("Softmax", [scores], [.int("axis", 1)]))
        let model = g.model(opset: opset, irVersion: 4)
        let prepared = try Conversions().prepare(model, SampleArrays("x", [8, 6, 6]))
        #expect((prepared.model.opset() ?? 0) >= 13)
        let (before, after) = try (Evaluation(model), Evaluation(prepared.model))
        for batch in [1, 3] {
            let inputs = try randomInputs(["x": [batch, 8, 6, 6]])
            #expect(try relativeDifference(before(inputs), after(inputs)) <= 1e-5)
        }
    }

    @Test func batchNormalizationIsFolded() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let normal = g.add(
            "BatchNormalization",
            [g.conv(x, 16), g.floats([16], 0.5...1.5), g.floats([16]), g.floats([16]), g.floats([16], 0.5...1.5)])
        g.output(g.relu(normal))
        let model = g.model()
        let prepared = try Conversions().prepare(model, SampleArrays("x", [8, 6, 6]))
        #expect(prepared.topology.graph.nodes.map(\.op) == ["Conv", "Relu"])
        let inputs = try randomInputs(["x": [1, 8, 6, 6]])
        #expect(try relativeDifference(Evaluation(model)(inputs), Evaluation(prepared.model)(inputs)) <= 1e-5)
    }

    @Test func aFoldThatBlowsTheFileUpIsGivenUp() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8])
        let table = g.add("Expand", [g.floats([1, 8]), g.integers([65536, 8])], shape: [65536, 8])
        let mean = g.add("ReduceMean", [g.add("Sin", [table])], [.ints("axes", [0])], shape: [1, 8])
        g.output(g.gemm(g.relu(g.gemm(g.add("Mul", [x, mean]), 16)), 16), table)
        let prepared = try Conversions().prepare(g.model(), SampleArrays("x", [8]))
        #expect(prepared.topology.graph.weightBytes < 1 << 20)
    }

    @Test func everyNodeGetsANameOfItsOwn() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        g.output(g.conv(g.relu(g.conv(x, 16)), 16))
        for i in g.graph.nodes.indices { g.graph.nodes[i].name = "" }
        let names = try Conversions().prepare(g.model(), SampleArrays("x", [8, 6, 6])).topology.graph.nodes.map(\.name)
        #expect(Set(names).count == names.count && !names.contains(""))
    }
}
