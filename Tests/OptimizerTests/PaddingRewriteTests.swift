import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Pads that become the padding of Convs. Those without axes in front of a Conv without `auto_pad` the engine folds itself.
extension RewriteTests {
    private static let rewrite = "Pad into Conv"

    /// A Pad in the form of operator set 18, of the last axes.
    private func pad(
        _ g: inout GraphBuilder, _ x: String, _ amounts: [Int64], axes: [Int64], fill: Float = 0,
        mode: String = "constant"
    ) -> String {
        var shape = g.shapes[x] ?? []
        for (position, axis) in axes.enumerated() {
            shape[axis < 0 ? shape.count + Int(axis) : Int(axis)] += Int(
                amounts[position] + amounts[axes.count + position])
        }
        return g.add(
            "Pad", [x, g.integers(amounts), g.constant([fill], []), g.integers(axes)], [.string("mode", mode)],
            shape: shape)
    }

    private func conv(
        _ g: inout GraphBuilder, _ x: String, stride: Int = 1, pads: [Int]? = nil, autoPad: String? = nil
    ) -> String {
        let input = g.shapes[x] ?? []
        let spatial = input.count - 2
        var attributes: [Attribute] = [.ints("strides", Array(repeating: stride, count: spatial))]
        if let pads { attributes.append(.ints("pads", pads)) }
        if let autoPad { attributes.append(.string("auto_pad", autoPad)) }
        return g.add(
            "Conv", [x, g.floats([16, input[1]] + Array(repeating: 3, count: spatial)), g.floats([16])], attributes,
            shape: [input[0], 16] + Array(repeating: 1, count: spatial))
    }

    @Test(arguments: [1, 2, 3], [true, false]) func aPadBecomesThePaddingOfItsConv(spatial: Int, keepsPads: Bool) throws
    {
        var g = GraphBuilder()
        let shape = [1, 8] + [6, 5, 4].prefix(spatial)
        let x = g.input("x", shape, openBatch: true)
        let (before, after) = ([1, 0, 5].prefix(spatial), [2, 3, 0].prefix(spatial))
        let padded = pad(
            &g, x, (before + after).map(Int64.init), axes: (0..<spatial).map { Int64($0 - spatial) })
        let own = Array(0..<(2 * spatial))
        g.output(conv(&g, padded, pads: keepsPads ? own : nil))
        let graph = try check(Self.rewrite, g, shape, within: 0, opset: 18)
        #expect(graph.count("Pad") == 0)
        let sums = zip(Array(before + after), keepsPads ? own : own.map { _ in 0 }).map { Int64($0 + $1) }
        #expect(graph.nodes.first { $0.op == "Conv" }?.ints("pads") == sums)
    }

    /// As TensorFlow's exporter writes it; older than operator set 11, where the amounts are an attribute.
    @Test(arguments: [10, 13]) func aPadBeforeAStridedValidConvBecomesItsPadding(opset: Int) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6], openBatch: true)
        let active = g.relu(g.conv(x, 16))
        let amounts: [Int64] = [0, 0, 0, 0, 0, 0, 1, 1]
        let padded =
            opset < 11
            ? g.add("Pad", [active], [.ints("pads", amounts.map(Int.init))], shape: [1, 16, 7, 7])
            : g.add("Pad", [active, g.integers(amounts)], shape: [1, 16, 7, 7])
        g.output(conv(&g, padded, stride: 2, autoPad: "VALID"))
        let graph = try check(Self.rewrite, g, [1, 8, 6, 6], within: 0, opset: opset)
        #expect(graph.nodes.map(\.op) == ["Conv", "Relu", "Conv"])
    }

    @Test func severalConvsOfOnePadAndOneConstantEachTakeIt() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 16, 6, 6], openBatch: true)
        let (amounts, axes, zero) = (g.integers([1, 1, 1, 1]), g.integers([2, 3]), g.constant([0], []))
        let first = g.add("Pad", [x, amounts, zero, axes], shape: [1, 16, 8, 8])
        let sum = g.add("Add", [conv(&g, first), conv(&g, first)], shape: [1, 16, 6, 6])
        g.output(conv(&g, g.add("Pad", [sum, amounts, zero, axes], shape: [1, 16, 8, 8])))
        let graph = try check(Self.rewrite, g, [1, 16, 6, 6], within: 0, count: 2, opset: 18)
        #expect(graph.count("Pad") == 0)
    }

    @Test(arguments: [
        "reflects", "fills", "crops", "widens the channels", "is an output", "has another reader", "before SAME",
        "before MaxPool",
        "is a weight",
    ])
    func otherPadsStay(kind: String) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6], openBatch: kind != "is a weight")
        let amounts: [Int64] = kind == "crops" ? [-1, 1, 1, 1] : [1, 1, 1, 1]
        let padded = pad(
            &g, x, amounts, axes: kind == "widens the channels" ? [1, 3] : [2, 3], fill: kind == "fills" ? 1 : 0,
            mode: kind == "reflects" ? "reflect" : "constant")
        switch kind {
        case "before MaxPool": g.output(g.maxPool(padded))
        case "before SAME": g.output(conv(&g, padded, stride: 2, autoPad: "SAME_UPPER"))
        case "is a weight": g.output(g.add("Conv", [g.floats([1, 8, 9, 9]), padded], shape: [1, 1, 2, 2]))
        default: g.output(conv(&g, padded))
        }
        if kind == "is an output" { g.output(padded) }
        if kind == "has another reader" { g.output(g.relu(padded)) }
        g.output(g.conv(x, 8))
        let graph = try check(
            Self.rewrite, g, [1, 8, 6, 6], within: 0, count: 0, openBatch: kind != "is a weight", opset: 18)
        #expect(graph.count("Pad") == 1)
    }

    @Test func aPadOfComputedAmountsStays() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6], openBatch: true)
        let most = g.add("ReduceMax", [x], [.int("keepdims", 0)], shape: [])
        let one = g.add(
            "Cast", [g.add("Greater", [most, g.constant([0], [])], shape: [], type: .bool)], [.int("to", 7)], shape: [],
            type: .int64)
        let amounts = g.add("Mul", [one, g.integers([1, 1, 1, 1])], shape: [4], type: .int64)
        g.output(
            conv(&g, g.add("Pad", [x, amounts, "", g.integers([2, 3])], shape: [1, 8, 8, 8], type: .float)))
        try check(Self.rewrite, g, [1, 8, 6, 6], within: 0, count: 0, opset: 18)
    }
}
