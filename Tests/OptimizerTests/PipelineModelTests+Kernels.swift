import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Where the runtime's integer kernels end, and what is rewritten so that they go further.
extension PipelineModelTests {
    // MARK: Rewritten for integers

    @Test func transposedConvsOfSeveralGroupsStayFloat() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 4, 4])
        let large = g.add(
            "ConvTranspose", [g.relu(g.conv(x, 16)), g.floats([16, 8, 2, 2], -0.2...0.2)],
            [.ints("strides", [2, 2]), .int("group", 2)], shape: [1, 16, 8, 8])
        g.output(g.conv(large, 16))
        let outcome = try convert(g.model(), SampleArrays("x", [8, 4, 4]))
        #expect(outcome.fate(of: "ConvTranspose") == ["float"])
        let (convs, transposed) = (16 * 16 * 8 * 9 + 16 * 64 * 16 * 9, 16 * 16 * 8 * 4)
        #expect(outcome.report.coverage?.macShare == Double(convs) / Double(convs + transposed))
    }

    /// A decoder: every layer of it runs in integers, and so does all between them.
    @Test(arguments: [true, false]) func transposedConvsRunInIntegersAsConvs(isStatic: Bool) throws {
        var g = GraphBuilder()
        g.input(
            "x", [1, 8, 6, 6],
            dims: [.fixed(1), .fixed(8)] + (isStatic ? [.fixed(6), .fixed(6)] : [.symbolic("H"), .symbolic("W")]))
        let small = g.relu(g.conv("x", 32))
        let large = g.add(
            "ConvTranspose", [small, g.floats([32, 32, 4, 4], -0.1...0.1), g.floats([32])],
            [.ints("strides", [2, 2]), .ints("pads", [1, 1, 1, 1])], shape: [1, 32, 12, 12])
        let larger = g.add(
            "ConvTranspose", [g.relu(large), g.floats([32, 16, 2, 2], -0.1...0.1)], [.ints("strides", [2, 2])],
            shape: [1, 16, 24, 24])
        g.output(g.conv(g.relu(larger), 16))
        var conversions = try Conversions()
        conversions.recipe.scheme = .int8Static
        let inputs = try randomInputs(["x": [1, 8, 6, 6]])
        let outcome = try convert(
            g.model(), SampleArrays("x", [8, 6, 6], count: 8), inputs: inputs, within: 0.06, conversions)
        #expect(outcome.plan.rewrites["ConvTranspose to Conv + squares of pixels"] == 2)
        #expect(outcome.fate(of: "Conv") == ["integer", "integer", "integer", "integer"])
        #expect(outcome.report.coverage?.macShare == 1)
        let steps = try conversions.profile(outcome, inputs)
        #expect(steps.count { $0 == "QLinearConv" } == 4 && steps.count { $0 == "DequantizeLinear" } == 1)
    }

    @Test func aPadBetweenConvsRunsInIntegers() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let axes = g.integers([2, 3])
        let padded = g.add(
            "Pad", [g.relu(g.conv(x, 32)), g.integers([0, 0, 1, 1]), "", axes], shape: [1, 32, 7, 7])
        let strided = g.add(
            "Conv", [padded, g.floats([32, 32, 3, 3], -0.1...0.1)], [.ints("strides", [2, 2])], shape: [1, 32, 3, 3])
        g.output(g.conv(g.relu(strided), 16))
        var conversions = try Conversions()
        conversions.recipe.scheme = .int8Static
        let inputs = try randomInputs(["x": [1, 8, 6, 6]])
        let outcome = try convert(
            g.model(opset: 18), SampleArrays("x", [8, 6, 6], count: 8), inputs: inputs, within: 0.06, conversions)
        #expect(outcome.plan.rewrites["Pad into Conv"] == 1 && outcome.report.coverage?.macShare == 1)
        let steps = try conversions.profile(outcome, inputs)
        #expect(steps.count { $0 == "QLinearConv" } == 3 && steps.count { $0 == "DequantizeLinear" } == 1)
    }

    @Test func aPReluWithOneSlopeRunsInIntegers() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        g.output(g.conv(g.add("PRelu", [g.conv(x, 16), g.constant([0.25])]), 16))
        let outcome = try convert(g.model(), SampleArrays("x", [8, 6, 6]))
        #expect(outcome.fate(of: "LeakyRelu") == ["integer"])
    }

    // MARK: Limits

    /// Scales that the shapes give are floats, but no values of the network: 8 bits would make other sizes of them.
    @Test func computedScalesOfAResizeKeepTheirValues() throws {
        var g = GraphBuilder()
        g.input("x", [1, 8, 8, 8], dims: [.symbolic("N"), .fixed(8), .symbolic("H"), .symbolic("W")])
        let a = g.relu(g.conv("x", 16))
        let b = g.relu(g.conv(a, 16, stride: 2))
        func sizes(_ tensor: String) -> String {
            let shape = g.add("Shape", [tensor], shape: [4], type: .int64)
            return g.add("Cast", [shape], [.int("to", 1)], shape: [4], type: .float)
        }
        let scales = g.add("Div", [sizes(a), sizes(b)])
        let up = g.add(
            "Resize", [b, "", scales],
            [
                .string("mode", "nearest"), .string("coordinate_transformation_mode", "asymmetric"),
                .string("nearest_mode", "floor"),
            ], shape: [1, 16, 8, 8])
        g.output(g.conv(g.add("Add", [up, a]), 16))
        let outcome = try convert(
            g.model(), SampleArrays("x", [8, 8, 8]), inputs: randomInputs(["x": [2, 8, 12, 6]]))
        #expect(outcome.fate(of: "Resize") == ["integer"])
        let resize = try #require(outcome.graph.nodes.first { $0.op == "Resize" })
        #expect(outcome.graph.nodes.contains { $0.op == "Div" && $0.outputs == [resize.inputs[2]] })
    }

    /// The runtime's integer kernel refuses the attribute, whatever it says.
    @Test(arguments: [1, 2]) func pooledAveragesWithDilations(_ dilation: Int) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 9, 9])
        let pooled = g.add(
            "AveragePool", [g.relu(g.conv(x, 16))],
            [.ints("kernel_shape", [2, 2]), .ints("dilations", [dilation, dilation])],
            shape: [1, 16, 9 - dilation, 9 - dilation])
        g.output(g.conv(pooled, 16))
        let outcome = try convert(g.model(opset: 19), SampleArrays("x", [8, 9, 9]))
        #expect(outcome.fate(of: "AveragePool") == [dilation == 1 ? "integer" : "float"])
    }

    /// Means of normalized values are zero but for rounding, and the runtime's integer kernel refuses such a ratio of scales.
    @Test func meansThatAreNextToNothingStayFloat() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let ones = g.constant([Float](repeating: 1, count: 16))
        let zeros = g.constant([Float](repeating: 0, count: 16))
        let normal = g.add("InstanceNormalization", [g.conv(x, 16), ones, zeros])
        let means = g.add("ReduceMean", [normal], [.ints("axes", [2, 3])], shape: [1, 16, 1, 1])
        let gated = g.add("Mul", [normal, g.add("Sigmoid", [g.conv(means, 16, kernel: 1)])])
        let pooled = g.add("GlobalAveragePool", [gated], shape: [1, 16, 1, 1])
        g.output(g.gemm(g.add("Flatten", [pooled], shape: [1, 16]), 4))
        let outcome = try convert(g.model(), SampleArrays("x", [8, 6, 6]))
        #expect(outcome.fate(of: "GlobalAveragePool").last == "float")
    }

    /// A crop gives values that no pixel has.
    @Test func aResizeThatCropsStaysFloat() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let region = g.constant([0, 0, -0.5, -0.5, 1, 1, 1.5, 1.5])
        let cropped = g.add(
            "Resize", [g.relu(g.conv(x, 16)), region, g.constant([1, 1, 2, 2])],
            [
                .string("mode", "nearest"), .string("coordinate_transformation_mode", "tf_crop_and_resize"),
                .float("extrapolation_value", 0),
            ], shape: [1, 16, 24, 24])
        g.output(g.conv(cropped, 16))
        let outcome = try convert(g.model(), SampleArrays("x", [8, 6, 6]))
        #expect(outcome.fate(of: "Resize") == ["float"])
    }

    @Test func valuesDrawnInEveryRunAreDrawnByTheArtifactToo() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8])
        let noise = g.add("RandomNormal", [], [.ints("shape", [1, 16])], shape: [1, 16], type: .float)
        let noisy = g.add("Add", [g.gemm(g.relu(g.gemm(x, 8)), 16), noise], shape: [1, 16])
        g.output(noisy)
        let outcome = try Conversions()(g.model(), SampleArrays("x", [8]))
        #expect(outcome.graph.nodes.contains { $0.op == "RandomNormal" })
    }

    @Test func anUpsamplingByMoreThanTwoIsNoDoubling() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 4, 4])
        let up = g.add(
            "Resize", [g.relu(g.conv(x, 16)), "", g.constant([1, 1, 2.2, 2.2])], [.string("mode", "nearest")],
            shape: [1, 16, 8, 8])
        g.output(g.conv(up, 16))
        try convert(g.model(), SampleArrays("x", [8, 4, 4]), within: 0.03)
    }
}

extension PipelineModelTests {
    /// Scores of magnitude 20 beside coordinates of 1, as detectors give them out of one Conv.
    @Test func partsOfASplitConvHaveScalesOfTheirOwn() throws {
        var g = GraphBuilder(seed: 41)
        let x = g.input("x", [1, 8, 6, 6], openBatch: true)
        let y = g.relu(g.conv(x, 32))
        let weight: [Float] = (0..<24 * 32).map { place in
            let level = Float((place * 37) % 101 - 50)
            return place < 8 * 32 ? level / 40 : level / 800
        }
        let both = g.conv(y, weight: g.constant(weight, [24, 32, 1, 1]), 24, kernel: 1)
        let parts = g.add(
            "Split", [both, g.integers([8, 16])], [.int("axis", 1)], shapes: [[1, 8, 6, 6], [1, 16, 6, 6]])
        g.output(g.add("Sigmoid", [parts[0]]), g.add("Identity", [parts[1]]))
        var conversions = try Conversions()
        conversions.recipe.scheme = .int8Static
        let outcome = try conversions(g.model(), SampleArrays("x", [8, 6, 6], count: 16))
        #expect(outcome.plan.rewrites["Conv + Split to a Conv for each part"] == 1)
        #expect(outcome.graph.count("Split") == 0 && outcome.graph.count("Conv") == 3)
        #expect(outcome.fate(of: "Conv") == ["integer", "integer", "integer"])
        for seed in [1, 2] as [UInt64] {
            let inputs = try randomInputs(["x": [2, 8, 6, 6]], seed: seed)
            let (before, after) = try (
                Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs)
            )
            #expect(relativeDifference([before[1]], [after[1]]) < 0.03, "one scale for both would miss by a third")
        }
    }

    /// A block of YOLOv8: a Split, of which one part goes on by itself, and a Concat of both and of what came of it.
    @Test(arguments: [true, false]) func aConcatOfASplitsPartsReadsTheWhole(partIsUsed: Bool) throws {
        var g = GraphBuilder(seed: 42)
        let x = g.input("x", [1, 8, 6, 6], openBatch: true)
        let whole = g.relu(g.conv(x, 32))
        let parts = g.add(
            "Split", [whole, g.integers([16, 16])], [.int("axis", 1)], shapes: [[1, 16, 6, 6], [1, 16, 6, 6]])
        let third = partIsUsed ? [g.relu(g.conv(parts[1], 16))] : []
        g.output(g.conv(g.add("Concat", parts + third, [.int("axis", 1)], shape: [1, partIsUsed ? 48 : 32, 6, 6]), 16))
        var conversions = try Conversions()
        conversions.recipe.scheme = .int8Static
        let outcome = try conversions(g.model(), SampleArrays("x", [8, 6, 6], count: 16))
        #expect(outcome.graph.count("Split") == 0 && outcome.graph.count("Slice") == (partIsUsed ? 1 : 0))
        let inputs = try randomInputs(["x": [2, 8, 6, 6]])
        let steps = try conversions.profile(outcome, randomInputs(["x": [1, 8, 6, 6]]))
        #expect(
            steps.count { $0 == "DequantizeLinear" } == 1 && steps.count { $0 == "QuantizeLinear" } == 1, "\(steps)")
        let difference = try relativeDifference(
            Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
        #expect(difference < 0.1, "\(difference): other channels would miss by the whole")
    }
}
