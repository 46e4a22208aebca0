import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Every rewrite computes what the graph computed before, at every batch that the model allows.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct RewriteTests {
    /// Prepares a model whose only input is `x` of `shape`, and compares it with the original at batch 1 and 3, and at
    /// batch 1 with all the engine's own changes, which may add up in another order.
    /// Returns the prepared graph. Expects the rewrite to apply `count` times.
    @discardableResult
    func check(
        _ name: String, _ builder: GraphBuilder, _ shape: [Int], within tolerance: Float, count: Int = 1,
        openBatch: Bool = true, opset: Int = 17, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Graph {
        let model = builder.model(opset: opset)
        let prepared = try Conversions().prepare(model, SampleArrays("x", Array(shape.dropFirst()), count: 2))
        #expect(prepared.rewrites[name] ?? 0 == count, "\(prepared.rewrites)", sourceLocation: sourceLocation)
        let before = try Evaluation(model)
        let after = try Evaluation(prepared.model)
        for batch in openBatch ? [1, 3] : [1] {
            let inputs = try randomInputs(["x": [batch * shape[0]] + shape.dropFirst()])
            let difference = try relativeDifference(before(inputs), after(inputs))
            #expect(difference <= tolerance, "batch \(batch)", sourceLocation: sourceLocation)
        }
        let optimized = try Evaluation(prepared.model, optimization: .all)
        let inputs = try randomInputs(["x": shape])
        let difference = try relativeDifference(before(inputs), optimized(inputs))
        #expect(difference <= max(tolerance, 1e-5), "optimized", sourceLocation: sourceLocation)
        return prepared.topology.graph
    }

    /// 1 / sqrt(channels) out of the shape, as exporters write it for attention; the batch in the same shape is left alone.
    @Test func arithmeticOfSizesBecomesAConstantAndTheBatchDoesNot() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 16, 4, 4], openBatch: true)
        let y = g.conv(x, 16)
        let shape = g.add("Shape", [y], shape: [4], type: .int64)
        func size(_ axis: Int64) -> String {
            g.add(
                "Cast", [g.add("Gather", [shape, g.integers([axis], [])], shape: [], type: .int64)],
                [.int("to", 1)], shape: [], type: .float)
        }
        let scale = g.add("Pow", [size(1), g.constant([-0.5], [])], shape: [])
        let scaled = g.add("Mul", [y, scale])
        g.output(g.add("Add", [scaled, size(0)]))
        let graph = try check("arithmetic of sizes to constants", g, [1, 16, 4, 4], within: 0, count: 3)
        #expect(graph.count("Pow") == 0 && graph.count("Cast") == 1)
    }

    @Test func subtractionOfAConstantBecomesAdditionBitForBit() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 4, 4], openBatch: true)
        g.output(g.conv(g.add("Sub", [x, g.floats([3, 1, 1])]), 4))
        let graph = try check("constant Sub/Div to Add/Mul", g, [1, 3, 4, 4], within: 0)
        #expect(graph.count("Sub") == 0 && graph.count("Add") == 1)
    }

    @Test func divisionByPowersOfTwoBecomesMultiplicationBitForBit() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 4, 4], openBatch: true)
        g.output(g.conv(g.add("Div", [x, g.constant([2, -0.25, 1024], [3, 1, 1])]), 4))
        let graph = try check("constant Sub/Div to Add/Mul", g, [1, 3, 4, 4], within: 0)
        #expect(graph.count("Div") == 0)
    }

    @Test func divisionByOtherConstantsStays() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 4, 4], openBatch: true)
        g.output(g.conv(g.add("Div", [x, g.constant([3])]), 4))
        try check("constant Sub/Div to Add/Mul", g, [1, 3, 4, 4], within: 0, count: 0)
    }

    @Test func aConstantMinusATensorStays() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 4, 4], openBatch: true)
        g.output(g.conv(g.add("Sub", [g.constant([1]), x], shape: [1, 3, 4, 4]), 4))
        try check("constant Sub/Div to Add/Mul", g, [1, 3, 4, 4], within: 0, count: 0)
    }

    @Test(arguments: [true, false]) func theMeanOverAPictureBecomesPooling(keepsAxes: Bool) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 6, 6], openBatch: true)
        let mean = g.add(
            "ReduceMean", [g.conv(x, 8)], [.ints("axes", [-1, 2]), .int("keepdims", keepsAxes ? 1 : 0)],
            shape: keepsAxes ? [1, 8, 1, 1] : [1, 8])
        g.output(mean)
        let graph = try check("ReduceMean to GlobalAveragePool", g, [1, 3, 6, 6], within: 1e-5)
        #expect(graph.outputs.map(\.name) == [mean])
    }

    @Test func aMeanOverAxesGivenAsAnInputBecomesPooling() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 6, 6], openBatch: true)
        g.output(g.add("ReduceMean", [g.conv(x, 8), g.integers([2, 3])], shape: [1, 8, 1, 1]))
        let model = g.model(opset: 18)
        let prepared = try Conversions().prepare(model, SampleArrays("x", [3, 6, 6]))
        #expect(prepared.rewrites["ReduceMean to GlobalAveragePool"] == 1)
    }

    @Test func aMeanOverOtherAxesStays() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 6, 6], openBatch: true)
        g.output(g.add("ReduceMean", [g.conv(x, 8)], [.ints("axes", [1, 2])], shape: [1, 1, 1, 6]))
        try check("ReduceMean to GlobalAveragePool", g, [1, 3, 6, 6], within: 0, count: 0)
    }

    @Test(arguments: [true, false]) func aSpelledOutGeluBecomesOne(halvesLast: Bool) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 5, 8], openBatch: true)
        let y = g.matMul(x, 16)
        let sum = g.add("Add", [g.add("Erf", [g.add("Div", [y, g.constant([1.4142135], [])])]), g.constant([1], [])])
        let half = g.constant([0.5], [])
        let result =
            halvesLast
            ? g.add("Mul", [g.add("Mul", [y, sum]), half]) : g.add("Mul", [g.add("Mul", [y, half]), sum])
        g.output(g.matMul(result, 8))
        let graph = try check("Erf GELU to Gelu", g, [1, 5, 8], within: 1e-5)
        #expect(graph.count("Gelu") == 1 && graph.count("Erf") == 0)
    }

    @Test func anErfThatIsNoGeluStays() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 5, 8], openBatch: true)
        let y = g.matMul(x, 16)
        g.output(g.add("Erf", [g.add("Div", [y, g.constant([1.5], [])])]))
        try check("Erf GELU to Gelu", g, [1, 5, 8], within: 0, count: 0)
    }

    @Test func matMulAndBiasBecomeGemm() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 5, 8], openBatch: true)
        let hidden = g.relu(g.add("Add", [g.matMul(x, 16), g.floats([16])]))
        g.output(g.add("Add", [g.floats([4]), g.matMul(hidden, 4)], shape: [1, 5, 4]))
        let graph = try check("MatMul + Add to Gemm", g, [1, 5, 8], within: 1e-5, count: 2)
        #expect(graph.count("Gemm") == 2 && graph.count("MatMul") == 0)
    }

    @Test func matMulOnAnOpenLengthStays() throws {
        var g = GraphBuilder()
        g.input("x", [1, 5, 8], dims: [.symbolic("N"), .symbolic("length"), .fixed(8)])
        g.output(g.add("Add", [g.matMul("x", 16), g.floats([16])]))
        try check("MatMul + Add to Gemm", g, [1, 5, 8], within: 0, count: 0)
    }

    @Test func aResidualAfterMatMulIsNoBias() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 5, 8], openBatch: true)
        g.output(g.add("Add", [g.matMul(x, 8), x]))
        try check("MatMul + Add to Gemm", g, [1, 5, 8], within: 0, count: 0)
    }

    @Test func aPointwiseConvOnOnePixelBecomesGemm() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 6, 6], openBatch: true)
        g.output(g.flatten(g.conv(g.globalPool(g.conv(x, 8)), 10, kernel: 1)))
        let graph = try check("1x1 Conv on one pixel to Gemm", g, [1, 3, 6, 6], within: 1e-5)
        #expect(graph.count("Gemm") == 1)
    }

    /// The sample happens to be so small that one pixel is left; other pictures are larger.
    @Test func aPointwiseConvOnAPictureOfOpenSizeStays() throws {
        var g = GraphBuilder()
        g.input("x", [1, 3, 4, 4], dims: [.fixed(1), .fixed(3), .symbolic("H"), .symbolic("W")])
        let small = g.conv(g.conv("x", 8, stride: 2), 8, stride: 2)
        g.output(g.add("Sigmoid", [g.conv(small, 10, kernel: 1)]))
        let model = g.model()
        let prepared = try Conversions().prepare(model, SampleArrays("x", [3, 4, 4]))
        let inputs = try randomInputs(["x": [1, 3, 16, 12]])
        #expect(try relativeDifference(Evaluation(model)(inputs), Evaluation(prepared.model)(inputs)) <= 1e-5)
    }

    @Test func aComputedReshapeTargetBecomesConstant() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 6, 6], openBatch: true)
        let y = g.conv(x, 8)
        let shape = g.add("Shape", [y], shape: [4], type: .int64)
        let sizes = g.add("Gather", [shape, g.integers([0, 2])], shape: [2], type: .int64)
        let target = g.add("Mul", [sizes, g.integers([8, 6])], type: .int64)
        g.output(g.add("Reshape", [y, target], shape: [8, 36], type: .float))
        let graph = try check("constant Reshape target", g, [1, 3, 6, 6], within: 0)
        #expect(graph.count("Shape") == 0)
    }

    /// The target depends on how many values of the picture are positive: on data, not on the batch.
    @Test func aReshapeTargetThatDependsOnDataStays() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 4, 4])
        let found = g.add(
            "NonZero", [g.add("Greater", [x, g.constant([0], [])], type: .bool)], shape: [3, 5], type: .int64)
        let shape = g.add("Shape", [found], shape: [2], type: .int64)
        let size = g.add("ReduceProd", [shape], [.int("keepdims", 1)], shape: [1], type: .int64)
        g.output(g.add("Reshape", [found, size], shape: [15], type: .int64))
        g.output(g.matMul(x, 8))
        try check("constant Reshape target", g, [1, 4, 4], within: 0, count: 0, openBatch: false)
    }

    @Test func focusSlicesAndConvBecomeAStridedConv() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 8, 8], openBatch: true)
        let parts = [(0, 0), (1, 0), (0, 1), (1, 1)].map { row, column in
            let rows = slice(&g, x, axis: 2, start: row, shape: [1, 3, 4, 8])
            return slice(&g, rows, axis: 3, start: column, shape: [1, 3, 4, 4])
        }
        g.output(g.conv(g.concat(parts), 16))
        let graph = try check("Focus slices + Conv to strided Conv", g, [1, 3, 8, 8], within: 1e-5)
        #expect(graph.count("Slice") == 0 && graph.count("Concat") == 0)
    }

    private func slice(_ g: inout GraphBuilder, _ x: String, axis: Int64, start: Int, shape: [Int]) -> String {
        g.add(
            "Slice", [x, g.integers([Int64(start)]), g.integers([.max]), g.integers([axis]), g.integers([2])],
            shape: shape)
    }

    @Test func theDistributionFocalHeadLosesItsSoftmax() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 6, 6], openBatch: true)
        let split = g.add("Reshape", [g.conv(x, 32), g.integers([0, 4, 8, 36])], shape: [1, 4, 8, 36])
        let bins = g.add("Transpose", [split], [.ints("perm", [0, 2, 1, 3])], shape: [1, 8, 4, 36])
        let share = g.add("Softmax", [bins], [.int("axis", 1)])
        let weight = g.constant((0..<8).map(Float.init), [1, 8, 1, 1])
        g.output(g.add("Conv", [share, weight], shape: [1, 1, 4, 36]))
        let graph = try check("DFL Softmax to Exp, MatMul, Div", g, [1, 3, 6, 6], within: 1e-5)
        #expect(graph.count("Softmax") == 0)
    }

    @Test(arguments: [("asymmetric", "floor"), ("half_pixel", "round_prefer_floor")])
    func nearestUpsamplingBecomesConcatsBitForBit(coordinates: String, rounding: String) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 5, 3], openBatch: true)
        let y = g.relu(g.conv(x, 16))
        let large = g.add(
            "Resize", [y, "", g.constant([1, 1, 2, 2])],
            [
                .string("mode", "nearest"), .string("coordinate_transformation_mode", coordinates),
                .string("nearest_mode", rounding),
            ], shape: [1, 16, 10, 6])
        g.output(g.conv(large, 16))
        let graph = try check("2x nearest Resize to Concat", g, [1, 8, 5, 3], within: 0)
        #expect(graph.count("Resize") == 0)
    }

    @Test func upsamplingThatShiftsPixelsStays() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 5, 3], openBatch: true)
        let large = g.add(
            "Resize", [g.relu(g.conv(x, 16)), "", g.constant([1, 1, 2, 2])],
            [.string("coordinate_transformation_mode", "asymmetric"), .string("nearest_mode", "ceil")],
            shape: [1, 16, 10, 6])
        g.output(g.conv(large, 16))
        try check("2x nearest Resize to Concat", g, [1, 8, 5, 3], within: 0, count: 0)
    }
}

extension RewriteTests {
    @Test(arguments: [
        ([0.25], []), ([0.25], [1, 1, 1]), ([Float](repeating: -0.5, count: 8), [8, 1, 1]), ([1.5], [1]), ([0], [1]),
    ]) func aPReluWithOneSlopeBecomesLeakyRelu(slopes: [Float], dims: [Int]) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 6, 6], openBatch: true)
        g.output(g.conv(g.add("PRelu", [g.conv(x, 8), g.constant(slopes, dims)]), 8))
        let graph = try check("PRelu with one slope to LeakyRelu", g, [1, 3, 6, 6], within: 0)
        #expect(graph.nodes.map(\.op) == ["Conv", "LeakyRelu", "Conv"])
        #expect(graph.nodes[1].float("alpha") == slopes[0] && graph.nodes[1].inputs.count == 1)
    }

    @Test(arguments: ["differ", "are computed", "widen"]) func otherPRelusStay(slopes: String) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 6, 6], openBatch: true)
        let slope =
            switch slopes {
            case "differ": g.constant([0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.5], [8, 1, 1])
            case "are computed": g.add("ReduceMax", [x], [.ints("axes", [0, 1, 2, 3])], shape: [1, 1, 1, 1])
            default: g.constant([Float](repeating: 0.25, count: 8), [8, 1, 1])
            }
        let y = g.conv(x, slopes == "widen" ? 1 : 8)
        g.output(g.conv(g.add("PRelu", [y, slope], shape: [1, 8, 6, 6]), 8))
        try check(
            "PRelu with one slope to LeakyRelu", g, [1, 3, 6, 6], within: 0, count: 0,
            openBatch: slopes != "are computed")
    }

    @Test func aPReluWithAnInfiniteSlopeStays() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 6, 6])
        g.output(g.conv(g.add("PRelu", [g.conv(x, 8), g.constant([.infinity])]), 8))
        let prepared = try Conversions().prepare(g.model(), SampleArrays("x", [3, 6, 6]))
        #expect(prepared.topology.graph.count("PRelu") == 1)
    }
}
