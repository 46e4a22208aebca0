import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Models that come with QuantizeLinear and DequantizeLinear, as quantization-aware training leaves them.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct ImportTests {
    let samples = SampleArrays("x", [8, 8, 8], count: 6)

    /// As PyTorch exports it: unsigned grids behind every operator, signed weights.
    private func pytorch() -> GraphBuilder {
        var g = GraphBuilder(seed: 11)
        let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, zero: 127)
        let a = g.pair(
            g.relu(g.conv(x, weight: g.pairedWeight([16, 8, 3, 3], axis: 0, limit: 0.2), 16)), scale: 0.0123)
        let b = g.pair(
            g.conv(a, weight: g.pairedWeight([16, 16, 3, 3], axis: nil, limit: 0.1), 16), scale: 0.0101, zero: 117)
        let c = g.pair(g.relu(g.add("Add", [a, b])), scale: 0.0151)
        let d = g.pair(g.maxPool(c), scale: 0.0151)
        let e = g.pair(g.flatten(d), scale: 0.0151)
        g.output(g.add("MatMul", [e, g.pairedWeight([256, 10], axis: 1, limit: 0.08)], shape: [1, 10]))
        return g
    }

    /// As TensorRT's tools export it: signed symmetric grids on the inputs of layers only, BatchNormalization unfolded.
    private func tensorRT() -> GraphBuilder {
        var g = GraphBuilder(seed: 12)
        let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, signed: true)
        let conv = g.conv(x, weight: g.pairedWeight([16, 8, 3, 3], axis: 0, limit: 0.2), 16)
        let normal = g.add(
            "BatchNormalization",
            [conv, g.floats([16], -1.5...1.5), g.floats([16]), g.floats([16], -0.1...0.1), g.floats([16], 0.5...2)])
        let a = g.relu(normal)
        let qa = g.pair(a, scale: 0.045, signed: true)
        let b = g.conv(qa, weight: g.pairedWeight([16, 16, 3, 3], axis: 0, limit: 0.1), 16)
        let c = g.relu(g.add("Add", [b, a]))
        let qc = g.pair(g.maxPool(c), scale: 0.062, signed: true)
        g.output(g.conv(qc, weight: g.pairedWeight([12, 16, 1, 1], axis: nil, limit: 0.2), 12, kernel: 1))
        return g
    }

    func convert(_ g: GraphBuilder, scheme: Scheme = .auto) throws -> (Conversions, Conversions.Outcome) {
        var conversion = try Conversions()
        conversion.recipe.scheme = scheme
        let outcome = try conversion(g.model(), samples)
        #expect(outcome.graph.structuralProblems() == [])
        return (conversion, outcome)
    }

    /// Bit patterns of the scales, with the zero points, of every DQ in a graph on `type`.
    private func parameters(_ graph: Graph, _ type: ElementType) throws -> Set<[Int]> {
        var found: Set<[Int]> = []
        for node in graph.nodes where node.op == "DequantizeLinear" {
            let (scale, zero) = try (#require(graph.tensor(node.inputs[1])), #require(graph.tensor(node.inputs[2])))
            guard zero.type == type else { continue }
            found.insert(try scale.floats().map { Int($0.bitPattern) } + zero.int64s().map { Int($0) })
        }
        return found
    }

    func code(_ outcome: Conversions.Outcome, _ code: String) -> String? {
        outcome.report.findings.first { $0.code == code }?.detail
    }

    @Test func unsignedGridsAndWeightsComeOutBitForBit() throws {
        let g = pytorch()
        let (conversion, outcome) = try convert(g)
        #expect(try parameters(outcome.graph, .uint8) == parameters(g.graph, .uint8))
        #expect(try parameters(outcome.graph, .int8) == parameters(g.graph, .int8))
        let steps = try conversion.profile(outcome, randomInputs(["x": [1, 8, 8, 8]]))
        #expect(steps.count { $0 == "QLinearConv" } == 2 && steps.contains("QLinearAdd"), "\(steps)")
        #expect(outcome.report.coverage?.macShare == 1)
        #expect(code(outcome, "quantization-kept")?.contains("3 weights keep") == true)
        #expect(code(outcome, "quantization-filled-in")?.hasPrefix("From calibration came 0 activations and 0") == true)
    }

    @Test func integersOfWeightsAreThoseOfTheEngine() throws {
        let g = pytorch()
        let quantizers = g.graph.nodes.filter { $0.op == "QuantizeLinear" && g.graph.tensor($0.inputs[0]) != nil }
        var plain = g.model()
        plain.graph.outputs += quantizers.map { ValueInfo(name: $0.outputs[0], type: .int8, shape: nil) }
        let session = try #require(RealEngine.shared).makeSession(.bytes(plain.bytes()), SessionOptions())
        let wanted = try session.run(randomInputs(["x": [1, 8, 8, 8]]), outputs: quantizers.map { $0.outputs[0] })
            .map { value in value.withBytes { Array($0) } }
        let found = try convert(g).1.graph.initializers.filter { $0.type == .int8 && $0.count > 16 }
        #expect(try Set(found.map { try $0.bytes() }) == Set(wanted))
    }

    @Test(arguments: [true, false]) func theArtifactAnswersLikeTheModelThatCame(_ signed: Bool) throws {
        let g = signed ? tensorRT() : pytorch()
        let outcome = try convert(g).1
        let (own, artifact) = try (Evaluation(g.model()), Evaluation(outcome.artifact, optimization: .all))
        for seed in 50..<54 as Range<UInt64> {
            let inputs = try randomInputs(["x": [1, 8, 8, 8]], seed: seed)
            let difference = try relativeDifference(own(inputs), artifact(inputs))
            #expect(difference < 0.1, "\(difference) \(code(outcome, "quantization-likeness") ?? "")")
        }
    }

    @Test func signedGridsBecomeUnsignedWithTheSameScale() throws {
        let (conversion, outcome) = try convert(tensorRT())
        let grids = try parameters(outcome.graph, .uint8)
        #expect(grids.contains([Int(Float(0.0079).bitPattern), 128]))
        // Behind a Relu the half below zero is left out.
        #expect(
            grids.contains([Int(Float(0.045).bitPattern), 0]) && grids.contains([Int(Float(0.062).bitPattern), 0]))
        let steps = try conversion.profile(outcome, randomInputs(["x": [1, 8, 8, 8]]))
        #expect(steps.count { $0 == "QLinearConv" } == 3 && steps.contains("QLinearAdd"), "\(steps)")
        #expect(code(outcome, "quantization-legalised")?.contains("3 signed grids") == true)
        #expect(code(outcome, "quantization-filled-in")?.hasPrefix("From calibration came 2 activations") == true)
    }

    @Test func aNormalizationGoesIntoTheScalesAndNotIntoTheIntegers() throws {
        let g = tensorRT()
        let outcome = try convert(g).1
        let found = try #require(
            outcome.graph.initializers.first { $0.type == .int8 && $0.dims == [16, 8, 3, 3] }
        ).int64s()
        let quantizer = try #require(g.graph.nodes.first { $0.outputs == [g.graph.nodes[3].inputs[0]] })
        let (weight, scales) = try (
            #require(g.graph.tensor(quantizer.inputs[0])).floats(),
            #require(g.graph.tensor(quantizer.inputs[1])).floats()
        )
        let wanted = weight.indices.map { Int64((weight[$0] / scales[$0 / 72]).rounded(.toNearestOrEven)) }
        #expect(found.map(abs) == wanted.map(abs) && found != wanted)
        #expect(code(outcome, "quantization-legalised")?.contains("BatchNormalization") == true)
    }

    @Test func transposedWeightsOfFullyConnectedLayersAreKnown() throws {
        var g = GraphBuilder(seed: 15)
        let x = g.pair(g.input("x", [1, 32]), scale: 0.0079, signed: true)
        let weight = g.add(
            "Transpose", [g.pairedWeight([24, 32], axis: 0, limit: 0.2)], [.ints("perm", [1, 0])], shape: [32, 24])
        let a = g.pair(
            g.relu(g.add("Add", [g.add("MatMul", [x, weight], shape: [1, 24]), g.floats([24])])), scale: 0.012)
        g.output(g.add("MatMul", [a, g.pairedWeight([24, 16], axis: 1, limit: 0.3)], shape: [1, 16]))
        let conversion = try Conversions()
        let outcome = try conversion(g.model(), SampleArrays("x", [32], count: 6))
        #expect(code(outcome, "quantization-kept")?.contains("2 weights keep") == true)
        let inputs = try randomInputs(["x": [1, 32]])
        #expect(
            try relativeDifference(
                Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs)) < 0.02)
    }

    @Test func unsignedWeightsKeepTheirZeroPoint() throws {
        var numbers = SeededNumbers(5)
        var g = GraphBuilder(seed: 16)
        let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, zero: 127)
        let values = (0..<(16 * 8 * 9)).map { _ in UInt8.random(in: 0...255, using: &numbers) }
        let a = g.pair(
            g.relu(
                g.conv(
                    x, weight: g.storedWeight([16, 8, 3, 3], scale: 0.002, zero: 90, type: .uint8, values: values), 16)),
            scale: 0.01)
        g.output(g.conv(a, weight: g.pairedWeight([12, 16, 1, 1], axis: 0, limit: 0.2), 12, kernel: 1))
        let (conversion, outcome) = try convert(g)
        let found = try #require(outcome.graph.initializers.first { $0.type == .int8 && $0.dims == [16, 8, 3, 3] })
        #expect(try found.int64s().map { $0 + 128 } == values.map(Int64.init))
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        #expect(try conversion.profile(outcome, inputs).count { $0 == "QLinearConv" } == 2)
        #expect(
            try relativeDifference(
                Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs)) < 0.02)
    }

    @Test func twoGridsOnOneTensorAreReported() throws {
        var g = GraphBuilder(seed: 17)
        let x = g.input("x", [1, 8, 8, 8])
        let (a, b) = (g.pair(x, scale: 0.0079, zero: 127), g.pair(x, scale: 0.0085, zero: 120))
        let weight = g.pairedWeight([16, 8, 3, 3], axis: 0, limit: 0.2)
        g.output(g.conv(a, weight: weight, 16), g.conv(b, weight: weight, 16))
        let outcome = try convert(g).1
        #expect(code(outcome, "quantization-contradictory")?.contains("'x'") == true)
        #expect(try parameters(outcome.graph, .uint8).contains([Int(Float(0.0085).bitPattern), 120]))
    }

    /// The runtime would fuse such a layer and compute wrong numbers.
    @Test(arguments: [1, 2]) func scalesAlongAnotherAxisAreNotKeptAndSaidSo(_ axis: Int) throws {
        var g = GraphBuilder(seed: 19)
        let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, zero: 127)
        let a = g.pair(g.relu(g.conv(x, weight: g.pairedWeight([16, 8, 3, 3], axis: 0, limit: 0.2), 16)), scale: 0.01)
        g.output(g.conv(a, weight: g.pairedWeight([16, 16, 3, 3], axis: axis, limit: 0.1), 16))
        let outcome = try convert(g).1
        #expect(code(outcome, "quantization-kept")?.contains("1 weight keeps its integers") == true)
        #expect(code(outcome, "quantization-filled-in")?.contains("0 weights that the model had left open") == true)
        #expect(code(outcome, "quantization-axis")?.hasPrefix("1 weights came in integers") == true)
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        let difference = try relativeDifference(
            Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
        #expect(difference < 0.1, "wrong scales would miss by the whole")
    }

    @Test func anAxisThatIsNoneIsRefused() throws {
        var g = GraphBuilder(seed: 20)
        let x = g.input("x", [1, 8, 8, 8])
        g.output(g.conv(x, weight: g.pairedWeight([16, 8, 3, 3], axis: 0, limit: 0.2), 16))
        for i in g.graph.nodes.indices where g.graph.nodes[i].op.hasSuffix("uantizeLinear") {
            g.graph.nodes[i].attributes = [.int("axis", 7)]
        }
        let failure = try Conversions().failure(g.model(), samples)
        #expect(failure.type == .alreadyQuantized && failure.detail.contains("axis 7"), "\(failure)")
    }

    @Test func weightsAloneKeepTheirIntegersAsWell() throws {
        let outcome = try convert(pytorch(), scheme: .int8Weights).1
        #expect(outcome.plan.form == "weight-only")
        #expect(code(outcome, "quantization-kept")?.contains("3 weights keep") == true)
    }

    @Test func anArtifactComesBackAsItWas() throws {
        let first = try Conversions()(PipelineTests.branchy().model(), PipelineTests.samples)
        let second = try Conversions()(first.artifact, PipelineTests.samples)
        for type in [ElementType.uint8, .int8, .int32] {
            #expect(try parameters(second.graph, type) == parameters(first.graph, type))
        }
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        #expect(
            try relativeDifference(
                Evaluation(first.artifact, optimization: .all)(inputs),
                Evaluation(second.artifact, optimization: .all)(inputs)) == 0)
    }
}
