import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// A transposed Conv: its kernel, stride, pads and output padding.
struct Transposed: Sendable, CustomTestStringConvertible {
    var kernel: [Int]
    var stride = 2
    var pads = [0, 0, 0, 0]
    var extra = [0, 0]
    /// Whether the plain Conv leaves something to cut.
    var isCut = false

    var testDescription: String { "k \(kernel) s \(stride) p \(pads) o \(extra)" }

    func size(_ input: [Int]) -> [Int] {
        (0..<2).map { (input[$0] - 1) * stride + kernel[$0] - pads[$0] - pads[2 + $0] + extra[$0] }
    }
}

extension RewriteTests {
    private static let rewrite = "ConvTranspose to Conv + squares of pixels"

    private static let layers = [
        Transposed(kernel: [2, 2]), Transposed(kernel: [4, 4], pads: [1, 1, 1, 1], isCut: true),
        Transposed(kernel: [3, 3], pads: [1, 1, 1, 1], extra: [1, 1], isCut: true),
        Transposed(kernel: [3, 3], extra: [1, 1]), Transposed(kernel: [3, 3], isCut: true),
        Transposed(kernel: [3, 3], pads: [0, 0, 1, 1], isCut: false),
        Transposed(kernel: [5, 5], pads: [2, 2, 2, 2], extra: [1, 1]),
        Transposed(kernel: [5, 4], pads: [3, 1, 0, 2], extra: [0, 1], isCut: true),
        Transposed(kernel: [3, 3], stride: 3), Transposed(kernel: [7, 6], stride: 3, pads: [2, 1, 2, 4], isCut: true),
        Transposed(kernel: [16, 16], stride: 8, pads: [4, 4, 4, 4], isCut: true),
        Transposed(kernel: [3, 3], stride: 1, pads: [1, 1, 1, 1]),
        Transposed(kernel: [3, 2], stride: 1, pads: [2, 0, 1, 1]),
    ]

    /// A Conv to 32 channels and the transposed one to `channels`, with a bias.
    private func upsampled(
        _ g: inout GraphBuilder, _ x: String, _ layer: Transposed, channels: Int = 16, bias: Bool = true,
        _ more: [Attribute] = []
    ) -> String {
        let y = g.relu(g.conv(x, 32))
        let size = layer.size(Array((g.shapes[y] ?? []).dropFirst(2)))
        var inputs = [y, g.floats([32, channels] + layer.kernel, -0.2...0.2)]
        if bias { inputs.append(g.floats([channels])) }
        return g.add(
            "ConvTranspose", inputs,
            [
                .ints("strides", [layer.stride, layer.stride]), .ints("pads", layer.pads),
                .ints("output_padding", layer.extra),
            ] + more, shape: [1, channels] + size)
    }

    @Test(arguments: layers) func aTransposedConvBecomesAConv(layer: Transposed) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 5, 7], openBatch: true)
        g.output(g.conv(g.relu(upsampled(&g, x, layer)), 16))
        let graph = try check(Self.rewrite, g, [1, 8, 5, 7], within: 1e-5)
        #expect(graph.count("ConvTranspose") == 0 && graph.count("Conv") == 3 && graph.count("DepthToSpace") == 0)
        #expect(graph.count("Slice") == (layer.isCut ? 1 : 0))
        #expect(graph.count("Transpose") == (layer.stride > 1 ? 3 : 0))
    }

    /// With open sizes the copies cannot be written down, and the layout is left to the runtime's own operator.
    @Test(arguments: layers) func aTransposedConvOfOpenSizeBecomesAConv(layer: Transposed) throws {
        var g = GraphBuilder()
        g.input("x", [1, 8, 5, 7], dims: [.symbolic("N"), .fixed(8), .symbolic("H"), .symbolic("W")])
        g.output(g.conv(g.relu(upsampled(&g, "x", layer, bias: false)), 16))
        let model = g.model()
        let prepared = try Conversions().prepare(model, SampleArrays("x", [8, 5, 7]))
        #expect(prepared.rewrites[Self.rewrite] == 1)
        #expect(prepared.topology.graph.count("DepthToSpace") == (layer.stride > 1 ? 1 : 0))
        for shape in [[1, 8, 5, 7], [2, 8, 9, 4]] {
            let inputs = try randomInputs(["x": shape])
            #expect(try relativeDifference(Evaluation(model)(inputs), Evaluation(prepared.model)(inputs)) <= 1e-5)
        }
    }

    /// The Conv absorbs the Relu only where it stands right behind it.
    @Test func theReluOfATransposedConvMovesBeforeTheCopies() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 5, 7], openBatch: true)
        let y = g.relu(upsampled(&g, x, Transposed(kernel: [2, 2])))
        g.output(y, g.conv(y, 16))
        let graph = try check(Self.rewrite, g, [1, 8, 5, 7], within: 1e-5)
        #expect(
            graph.nodes.map(\.op) == [
                "Conv", "Relu", "Conv", "Relu", "Transpose", "Reshape", "Transpose", "Reshape", "Transpose", "Conv",
            ])
    }

    @Test func aTransposedConvThatIsReadTwiceKeepsItsRelu() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 5, 7], openBatch: true)
        let y = upsampled(&g, x, Transposed(kernel: [2, 2]))
        g.output(g.conv(g.concat([g.relu(y), y]), 16))
        try check(Self.rewrite, g, [1, 8, 5, 7], within: 1e-5)
    }

    @Test func aLastTransposedConvOfManyClassesBecomesAConv() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 5, 7], openBatch: true)
        g.output(upsampled(&g, x, Transposed(kernel: [4, 4], pads: [1, 1, 1, 1]), channels: 12))
        try check(Self.rewrite, g, [1, 8, 5, 7], within: 1e-5)
    }

    @Test(arguments: [
        Transposed(kernel: [1, 1]), Transposed(kernel: [2, 2], stride: 3),
        // A row of nothing but the bias behind the last square.
        Transposed(kernel: [2, 2], extra: [1, 1]),
    ])
    func aTransposedConvWithoutTapsForEveryPixelStays(layer: Transposed) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 5, 7], openBatch: true)
        g.output(g.conv(g.relu(upsampled(&g, x, layer)), 16))
        try check(Self.rewrite, g, [1, 8, 5, 7], within: 0, count: 0)
    }

    @Test(arguments: [
        "groups", "dilations", "two strides", "SAME", "output shape", "computed weight", "last boxes", "few pixels",
        "first layers",
    ])
    func otherTransposedConvsStay(kind: String) throws {
        var g = GraphBuilder()
        let pixels = kind == "few pixels" ? 1 : 6
        let x = g.input("x", [1, kind == "first layers" ? 1 : 8, pixels, pixels], openBatch: true)
        let y = g.relu(g.conv(x, kind == "first layers" ? 16 : 32))
        let channels = kind == "last boxes" ? 4 : 16
        let size = kind == "few pixels" ? 4 : kind == "dilations" || kind == "two strides" ? 3 : 2
        let inputs = g.shapes[y]?[1] ?? 0
        var weight = g.floats([inputs, kind == "groups" ? channels / 2 : channels, size, size], -0.2...0.2)
        if kind == "computed weight" {
            weight = g.add("Mul", [weight, g.add("ReduceMax", [x], [.int("keepdims", 0)], shape: [])])
        }
        var attributes: [Attribute] = [.ints("strides", kind == "two strides" ? [1, 2] : [2, 2])]
        switch kind {
        case "groups": attributes.append(.int("group", 2))
        case "dilations": attributes.append(.ints("dilations", [2, 2]))
        case "SAME": attributes.append(.string("auto_pad", "SAME_UPPER"))
        case "output shape": attributes.append(.ints("output_shape", [11, 11]))
        case "few pixels": attributes = [.ints("strides", [1, 1])]
        default: break
        }
        let large = g.add("ConvTranspose", [y, weight], attributes, shape: [1, channels, 12, 12])
        g.output(kind == "last boxes" ? large : g.conv(large, 16))
        let graph = try check(
            Self.rewrite, g, [1, kind == "first layers" ? 1 : 8, pixels, pixels], within: 0, count: 0,
            openBatch: kind != "computed weight")
        #expect(graph.count("ConvTranspose") == 1)
    }

    @Test func anExcludedTransposedConvStays() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 5, 7])
        let y = upsampled(&g, x, Transposed(kernel: [2, 2]))
        g.output(g.conv(y, 16))
        var conversions = try Conversions()
        conversions.recipe.options.exclude = [y]
        let prepared = try conversions.prepare(g.model(), SampleArrays("x", [8, 5, 7]))
        #expect(prepared.topology.graph.count("ConvTranspose") == 1)
    }

    /// In float the copies cost more than the transposed Conv did.
    @Test func formsInFloatKeepTheTransposedConv() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 5, 7])
        g.output(g.conv(g.relu(upsampled(&g, x, Transposed(kernel: [2, 2]))), 16))
        var conversions = try Conversions()
        conversions.recipe.scheme = .int8Weights
        let weights = try conversions(g.model(), SampleArrays("x", [8, 5, 7]))
        #expect(weights.graph.count("ConvTranspose") == 1 && weights.plan.rewrites == [:])
        conversions.recipe.scheme = .int8Static
        let integer = try conversions(g.model(), SampleArrays("x", [8, 5, 7]))
        #expect(integer.graph.count("ConvTranspose") == 0 && integer.plan.rewrites[Self.rewrite] == 1)
    }

    /// DepthToSpace on floats would cost more there than the Conv gains.
    @Test func aLastTransposedConvOfOpenSizeStays() throws {
        var g = GraphBuilder()
        g.input("x", [1, 8, 5, 7], dims: [.fixed(1), .fixed(8), .symbolic("H"), .symbolic("W")])
        g.output(upsampled(&g, "x", Transposed(kernel: [2, 2])))
        try check(Self.rewrite, g, [1, 8, 5, 7], within: 0, count: 0, openBatch: false)
    }
}
