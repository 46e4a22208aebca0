import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Schemes that quantize weights beforehand and leave activations to the run.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct SchemeTests {
    private let samples = SampleArrays("x", [6, 48], count: 4)

    /// Two products that read one tensor, GELU between products, a residual, a product without a bias at the end.
    private func products(openBatch: Bool = false) -> GraphBuilder {
        var g = GraphBuilder(seed: 31)
        let x = g.input("x", [1, 6, 48], openBatch: openBatch)
        let a = g.add("Add", [g.matMul(x, 40), g.floats([40])])
        let b = g.add("Mul", [g.add("Sigmoid", [g.add("Add", [g.matMul(x, 40), g.floats([40])])]), a])
        let c = g.add("Add", [g.matMul(g.add("Tanh", [b]), 48), g.floats([48])])
        g.output(g.matMul(g.add("Add", [c, x]), 20))
        return g
    }

    private func convert(
        _ g: GraphBuilder, _ scheme: Scheme, _ arrays: SampleArrays? = nil, blockSize: Int? = nil
    ) throws -> (Conversions, Conversions.Outcome) {
        var conversion = try Conversions()
        conversion.recipe.scheme = scheme
        conversion.recipe.options.blockSize = blockSize
        let outcome = try conversion(g.model(), arrays ?? samples)
        #expect(outcome.graph.structuralProblems() == [])
        return (conversion, outcome)
    }

    private func difference(_ g: GraphBuilder, _ outcome: Conversions.Outcome, _ shape: [Int]) throws -> Float {
        let inputs = try randomInputs(["x": shape])
        return try relativeDifference(
            Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
    }

    @Test func productsRunInIntegersOnRangesOfTheRun() throws {
        let g = products(openBatch: true)
        let (conversion, outcome) = try convert(g, .int8Dynamic)
        #expect(outcome.plan.form == "dynamic" && outcome.plan.activations.isEmpty)
        // Both readers of the input share its quantization.
        #expect(outcome.graph.count("MatMulInteger") == 4 && outcome.graph.count("DynamicQuantizeLinear") == 3)
        let steps = try conversion.profile(outcome, randomInputs(["x": [1, 6, 48]]))
        let fused = steps.count { $0 == "MatMulIntegerToFloat" || $0 == "DynamicQuantizeMatMul" }
        #expect(fused == 4 && !steps.contains("MatMulInteger"), "\(steps)")
        #expect(outcome.report.coverage?.macShare == 1)
        #expect(outcome.report.plan?.record?.scheme == .int8Dynamic)
        for batch in [1, 3] { #expect(try difference(g, outcome, [batch, 6, 48]) < 0.03) }
    }

    @Test func aDynamicRangeFollowsTheInput() throws {
        let g = products()
        let (_, outcome) = try convert(g, .int8Dynamic)
        var numbers = SeededNumbers(4)
        let loud = ["x": try TensorValue(floats: numbers.floats(288, -40...40), shape: [1, 6, 48])]
        let found = try relativeDifference(
            Evaluation(g.model())(loud), Evaluation(outcome.artifact, optimization: .all)(loud))
        #expect(found < 0.03, "\(found)")
    }

    /// The last layers read what the grid before them cannot hold beside a channel a thousand times as large.
    @Test func integersThatHaveNothingInCommonWithFP32AreNotDelivered() throws {
        var g = GraphBuilder(seed: 53)
        let x = g.input("x", [1, 8, 6, 6])
        let weights = (0..<(16 * 32)).map { (place: Int) -> Float in
            place % 32 == 0 ? 0 : Float((place * 7919) % 101 - 50) * 0.01
        }
        g.output(g.add("Conv", [g.uneven(x, by: 2000), g.constant(weights, [16, 32, 1, 1])], shape: [1, 16, 6, 6]))
        let samples = SampleArrays("x", [8, 6, 6], count: 8)
        let (_, outcome) = try convert(g, .auto, samples)
        #expect(outcome.plan.form == "weight-only")
        let finding = try #require(outcome.report.findings.first { $0.code == "integers-too-far" })
        #expect(finding.detail.contains(" dB of its outputs"))
        #expect(try difference(g, outcome, [1, 8, 6, 6]) < 0.03)
        #expect(try convert(g, .int8Static, samples).1.plan.form == "integer")
    }

    @Test func aConvBesideProductsStoresItsWeights() throws {
        var g = GraphBuilder(seed: 32)
        let x = g.input("x", [1, 4, 8, 8])
        g.output(g.gemm(g.flatten(g.relu(g.conv(x, 8))), 32))
        for scheme in [Scheme.int8Dynamic, .int8Blockwise, .int4Blockwise] {
            let (_, outcome) = try convert(g, scheme, SampleArrays("x", [4, 8, 8]))
            #expect(outcome.fate(of: "Conv") == ["weight-only"])
            #expect(outcome.fate(of: "Gemm") == [outcome.plan.form])
            #expect(!outcome.graph.initializers.contains { $0.type == .float && $0.count > 512 })
            #expect(try difference(g, outcome, [1, 4, 8, 8]) < (scheme == .int4Blockwise ? 0.1 : 0.03))
        }
    }

    @Test(arguments: ["forward", "bidirectional"]) func anLSTMRunsOnIntegerWeights(_ direction: String) throws {
        var g = GraphBuilder(seed: 33)
        let directions = direction == "forward" ? 1 : 2
        let x = g.input("x", [1, 7, 24])
        let steps = g.add("Transpose", [x], [.ints("perm", [1, 0, 2])], shape: [7, 1, 24])
        let y = g.add(
            "LSTM",
            [
                steps, g.floats([directions, 128, 24], -0.2...0.2), g.floats([directions, 128, 32], -0.2...0.2),
                g.floats([directions, 256], -0.1...0.1),
            ], [.int("hidden_size", 32), .string("direction", direction)], shape: [7, directions, 1, 32])
        g.output(y)
        let (conversion, outcome) = try convert(g, .int8Dynamic, SampleArrays("x", [7, 24]))
        let ran = try conversion.profile(outcome, randomInputs(["x": [1, 7, 24]]))
        #expect(ran.contains("DynamicQuantizeLSTM") && !ran.contains("LSTM"), "\(ran)")
        #expect(outcome.fate(of: "LSTM") == ["dynamic"])
        #expect(try difference(g, outcome, [1, 7, 24]) < 0.03)
    }

    @Test(arguments: [(Scheme.int8Blockwise, 16, Float(0.03)), (.int4Blockwise, 32, 0.15), (.int4Blockwise, 64, 0.2)])
    func weightsInBlocks(_ scheme: Scheme, _ size: Int, _ tolerance: Float) throws {
        let g = products(openBatch: true)
        let (conversion, outcome) = try convert(g, scheme, blockSize: size)
        let nodes = outcome.graph.nodes.filter { $0.op == "MatMulNBits" }
        #expect(nodes.count == 4 && nodes.allSatisfy { $0.int("block_size") == Int64(size) })
        let steps = try conversion.profile(outcome, randomInputs(["x": [1, 6, 48]]))
        #expect(steps.count { $0 == "MatMulNBits" } == 4 && !steps.contains("MatMul"), "\(steps)")
        for batch in [1, 3] {
            let found = try difference(g, outcome, [batch, 6, 48])
            #expect(found < tolerance, "\(found)")
        }
        #expect(outcome.report.plan?.record?.scheme == scheme && outcome.report.plan?.record?.options.blockSize == size)
    }

    /// What the kernel multiplies with is what the plan was reviewed with: the same numbers in the same places.
    @Test(arguments: [4, 8]) func blocksHoldWhatTheKernelReads(_ bits: Int) throws {
        var g = GraphBuilder(seed: 34)
        g.output(g.gemm(g.input("x", [1, 40]), 3, transposed: false, bias: false))
        let (_, outcome) = try convert(
            g, bits == 4 ? .int4Blockwise : .int8Blockwise, SampleArrays("x", [40]), blockSize: 16)
        let run = try Evaluation(outcome.artifact)
        let weight = try #require(g.graph.tensor(g.graph.nodes[0].inputs[1])).floats()
        for row in [0, 17, 39] {
            var x = [Float](repeating: 0, count: 40)
            x[row] = 1
            let answer = try run(["x": TensorValue(floats: x, shape: [1, 40])])[0]
            for column in 0..<3 {
                #expect(abs(answer[column] - weight[row * 3 + column]) < (bits == 4 ? 0.05 : 0.003))
            }
        }
    }

    @Test func aModelOfConvolutionsHasNoDynamicForm() throws {
        for scheme in [Scheme.int8Dynamic, .int8Blockwise, .int4Blockwise] {
            var conversion = try Conversions()
            conversion.recipe.scheme = scheme
            var g = GraphBuilder()
            g.output(g.conv(g.relu(g.conv(g.input("x", [1, 8, 6, 6]), 16)), 16))
            let failure = try conversion.failure(g.model(), SampleArrays("x", [8, 6, 6]))
            #expect(failure.type == .nothingToQuantize && failure.detail.contains(scheme.rawValue), "\(failure)")
        }
    }

    @Test func theDynamicFormRacesWhereProductsDominate() throws {
        var conversion = try Conversions()
        conversion.budget = .init(decision: 0.02, report: 0.01)
        let outcome = try conversion(products().model(), samples)
        #expect(outcome.log.contains { $0.hasPrefix("dynamic ranges: ") }, "\(outcome.log)")
        let convs = try conversion(PipelineTests.branchy().model(), PipelineTests.samples)
        #expect(!convs.log.contains { $0.hasPrefix("dynamic ranges: ") })
    }

    @Test(arguments: [Scheme.int8Dynamic, .int8Blockwise, .int4Blockwise])
    func theSameOrderGivesTheSameBytes(_ scheme: Scheme) throws {
        #expect(try convert(products(), scheme).1.bytes == convert(products(), scheme).1.bytes)
    }
}

/// Activations of 16 bits.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct WideActivationTests {
    @Test(arguments: [17, 21]) func activationsHave16Bits(_ opset: Int) throws {
        var conversion = try Conversions()
        conversion.recipe.options.activations = .int16
        conversion.budget = .init(decision: 0.1, report: 0.01)
        let model = PipelineTests.branchy().model(opset: opset, irVersion: opset < 21 ? 8 : 10)
        let outcome = try conversion(model, PipelineTests.samples)
        #expect(outcome.graph.structuralProblems() == [])
        let quantizers = outcome.graph.nodes.filter { $0.op == "QuantizeLinear" }
        #expect(quantizers.allSatisfy { outcome.graph.tensor($0.inputs[2])?.type == .uint16 } && quantizers.count > 8)
        #expect(quantizers.allSatisfy { $0.domain == (opset < 21 ? "com.microsoft" : "") })
        // What this runtime makes of them is said, and not hidden by another form.
        #expect(outcome.report.coverage?.macShare == 0)
        #expect(outcome.report.findings.contains { $0.code == "int16-in-float" })
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        let narrow = try Conversions()(model, PipelineTests.samples)
        let (wide, usual) = try (
            relativeDifference(Evaluation(model)(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs)),
            relativeDifference(Evaluation(model)(inputs), Evaluation(narrow.artifact, optimization: .all)(inputs))
        )
        #expect(wide < usual, "\(wide) \(usual)")
    }
}
