import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Grids that do more than round: they end where a Relu or Clip did that a quantizer left out.
extension ImportTests {
    @Test func aGridThatEndsEarlierSaturatesThere() throws {
        var g = GraphBuilder(seed: 13)
        let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, zero: 127)
        let raw = g.conv(x, weight: g.pairedWeight([16, 8, 3, 3], axis: 0, limit: 0.2), 16)
        let clipped = g.add("Clip", [raw, g.constant([0], []), g.constant([0.5], [])])
        let a = g.pair(clipped, scale: 0.5 / 127, signed: true)
        g.output(g.conv(a, weight: g.pairedWeight([12, 16, 1, 1], axis: 0, limit: 0.2), 12, kernel: 1))
        let (conversion, outcome) = try convert(g)
        let top = try outcome.graph.nodes.filter { $0.op == "Clip" }
            .map { try #require(outcome.graph.tensor($0.inputs[2])).int64s() }
        #expect(top == [[127]])
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        #expect(try conversion.profile(outcome, inputs).count { $0 == "QLinearConv" } == 2)
        #expect(
            try relativeDifference(
                Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs)) < 0.02)
    }

    /// onnxruntime's quantizer leaves a Relu out where the grid saturates in its place.
    @Test func aReluThatWasLeftToTheGridIsSpelledOutInTheReference() throws {
        var g = GraphBuilder(seed: 14)
        let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, zero: 127)
        let a = g.pair(g.conv(x, weight: g.pairedWeight([16, 8, 3, 3], axis: 0, limit: 0.2), 16), scale: 0.01)
        g.output(g.conv(a, weight: g.pairedWeight([12, 16, 1, 1], axis: 0, limit: 0.2), 12, kernel: 1))
        let outcome = try convert(g).1
        #expect(try #require(outcome.report.fidelity?.outputs.first?.sqnrDb) > 25)
        #expect(outcome.fate(of: "Clip") == ["absorbed"])
        #expect(code(outcome, "quantization-reference")?.contains("1 layer clips") == true)
    }

    /// The same behind a layer that the runtime has no integers for, and in the form without any activation grids.
    @Test(arguments: [Scheme.int8Static, .int8Weights])
    func aReluLeftToTheGridBehindAnyOperatorIsSpelledOut(_ scheme: Scheme) throws {
        var g = GraphBuilder(seed: 21)
        let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, zero: 127)
        let factors = (0..<2).map { _ in g.constant([Float](repeating: 1, count: 8)) }
        let normal = g.add("InstanceNormalization", [x] + factors)
        let a = g.pair(normal, scale: 0.02)
        // Nothing negative comes here, whatever its grid.
        let pooled = g.pair(g.maxPool(a), scale: 0.02)
        g.output(g.conv(pooled, weight: g.pairedWeight([12, 8, 1, 1], axis: 0, limit: 0.4), 12, kernel: 1))
        let outcome = try convert(g, scheme: scheme).1
        #expect(code(outcome, "quantization-reference")?.contains("1 layer clips") == true)
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        #expect(
            try relativeDifference(
                Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs)) < 0.05)
    }

    /// A grid on both sides of zero tells nothing of a Clip: the values must.
    @Test(arguments: [Scheme.int8Static, .int8Weights])
    func aClipLeftToTheGridIsSpelledOutWhereValuesGoBeyond(_ scheme: Scheme) throws {
        var g = GraphBuilder(seed: 22)
        let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, zero: 127)
        let raw = g.conv(x, weight: g.pairedWeight([16, 8, 3, 3], axis: 0, limit: 0.4), 16)
        let a = g.pair(raw, scale: 0.5 / 127, zero: 127)
        let pooled = g.pair(g.maxPool(a), scale: 0.5 / 127, zero: 127)
        g.output(g.conv(pooled, weight: g.pairedWeight([12, 16, 1, 1], axis: 0, limit: 0.2), 12, kernel: 1))
        let outcome = try convert(g, scheme: scheme).1
        #expect(code(outcome, "quantization-reference")?.contains("1 layer clips") == true)
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        let difference = try relativeDifference(
            Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
        #expect(difference < 0.05, "\(difference)")
    }

    /// Ranges are often chosen a little short of the extremes, to round better.
    @Test func whatAGridCutsOffAtRareExtremesIsLeft() throws {
        var g = GraphBuilder(seed: 23)
        let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, zero: 127)
        let raw = g.conv(x, weight: g.pairedWeight([16, 8, 3, 3], axis: 0, limit: 0.1), 16)
        var watched = g
        watched.output(raw)
        let magnitudes = try Evaluation(watched.model())(randomInputs(["x": [1, 8, 8, 8]]))[0].map(abs).sorted()
        let top = magnitudes[magnitudes.count - 2]
        let a = g.pair(raw, scale: top / 127, zero: 127)
        g.output(g.conv(a, weight: g.pairedWeight([12, 16, 1, 1], axis: 0, limit: 0.2), 12, kernel: 1))
        let outcome = try convert(g).1
        #expect(code(outcome, "quantization-reference")?.contains("clip") == false)
    }

    /// Bounds were attributes of Clip before operator set 11, and Q and DQ came with 10.
    @Test func theOldestOperatorSetWithGridsGetsClipsOfItsOwn() throws {
        var g = GraphBuilder(seed: 24)
        let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, zero: 127)
        let a = g.pair(g.conv(x, weight: g.pairedWeight([16, 8, 3, 3], axis: nil, limit: 0.2), 16), scale: 0.01)
        g.output(g.conv(a, weight: g.pairedWeight([12, 16, 1, 1], axis: nil, limit: 0.2), 12, kernel: 1))
        let model = g.model(opset: 10, irVersion: 5)
        let outcome = try Conversions()(model, samples)
        #expect(code(outcome, "quantization-reference")?.contains("1 layer clips") == true)
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        #expect(
            try relativeDifference(Evaluation(model)(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
                < 0.05)
    }

    /// A signed grid on what a HardSigmoid gives goes below 0, where the function ends.
    @Test func aHardSigmoidEndsAtZeroAndOneWhateverItsGrid() throws {
        var g = GraphBuilder(seed: 25)
        let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, zero: 127)
        let y = g.pair(
            g.conv(x, weight: g.pairedWeight([16, 8, 3, 3], axis: 0, limit: 1.2), 16), scale: 0.1, zero: 127)
        let gate = g.pair(g.add("HardSigmoid", [y]), scale: 1.2 / 127, signed: true)
        g.output(g.conv(gate, weight: g.pairedWeight([12, 16, 1, 1], axis: 0, limit: 0.2), 12, kernel: 1))
        let outcome = try convert(g, scheme: .int8Static).1
        #expect(outcome.fate(of: "HardSigmoid") == ["integer"])
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        let difference = try relativeDifference(
            Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
        #expect(difference < 0.03, "\(difference)")
    }
}
