import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// What real exporters write: each kind of model converts, loads and computes nearly the same, or is refused clearly.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct PipelineModelTests {
    /// Converts, checks the artifact's structure and compares it with the original on `inputs`.
    @discardableResult
    func convert(
        _ model: Model, _ samples: SampleArrays, inputs: [String: TensorValue]? = nil, within tolerance: Float = 0.25,
        form: String = "integer", _ conversions: Conversions? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Conversions.Outcome {
        let outcome = try (conversions ?? Conversions())(model, samples)
        #expect(outcome.graph.structuralProblems() == [], sourceLocation: sourceLocation)
        #expect(outcome.plan.form == form, "\(outcome.plan.operations)", sourceLocation: sourceLocation)
        #expect(outcome.graph.outputs.map(\.name) == model.graph.outputs.map(\.name), sourceLocation: sourceLocation)
        let values = try inputs ?? randomInputs(model.graph.inputs.reduce(into: [:]) { $0[$1.name] = $1.fixedShape })
        let difference = try relativeDifference(
            Evaluation(model)(values), Evaluation(outcome.artifact, optimization: .all)(values))
        #expect(difference <= tolerance, sourceLocation: sourceLocation)
        return outcome
    }

    // MARK: Kinds of layers

    @Test func oneDimensionalConvs() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 32])
        g.output(g.conv(g.relu(g.conv(x, 16)), 16))
        let outcome = try convert(g.model(), SampleArrays("x", [8, 32]))
        #expect(outcome.fate(of: "Conv") == ["integer", "integer"])
    }

    @Test func threeDimensionalConvs() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 4, 4, 4])
        g.output(g.conv(g.relu(g.conv(x, 16)), 16))
        try convert(g.model(), SampleArrays("x", [8, 4, 4, 4]))
    }

    @Test func groupedAndDepthwiseConvs() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        g.output(g.conv(g.relu(g.conv(g.relu(g.conv(x, 32, kernel: 1)), 32, group: 32)), 16, group: 4))
        let outcome = try convert(g.model(), SampleArrays("x", [8, 8, 8]))
        #expect(outcome.fate(of: "Conv") == ["integer", "integer", "integer"])
    }

    @Test func aTransformerBlockOfMatMulsOnly() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 6, 16], openBatch: true)
        let (q, k, v) = (g.matMul(x, 16), g.matMul(x, 16), g.matMul(x, 16))
        let keys = g.add("Transpose", [k], [.ints("perm", [0, 2, 1])], shape: [1, 16, 6])
        let scores = g.add("Softmax", [g.add("MatMul", [q, keys], shape: [1, 6, 6])], [.int("axis", -1)])
        let mixed = g.matMul(g.add("MatMul", [scores, v], shape: [1, 6, 16]), 16)
        let sum = g.add("Add", [x, mixed])
        let hidden = g.relu(g.add("Add", [g.matMul(sum, 32), g.floats([32])]))
        g.output(g.add("Add", [sum, g.add("Add", [g.matMul(hidden, 16), g.floats([16])])]))
        let outcome = try convert(
            g.model(), SampleArrays("x", [6, 16], count: 8), inputs: randomInputs(["x": [3, 6, 16]]))
        #expect(outcome.fate(of: "Softmax") == ["float"])
    }

    @Test func deadChannelsStayDead() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        var numbers = SeededNumbers(5)
        let live = numbers.floats(11 * 72, -0.2...0.2)
        let weight = g.constant([Float](repeating: 0, count: 5 * 72) + live, [16, 8, 3, 3])
        let a = g.add("Conv", [x, weight], [.ints("pads", [1, 1, 1, 1])], shape: [1, 16, 6, 6])
        g.output(g.conv(g.relu(a), 16))
        try convert(g.model(), SampleArrays("x", [8, 6, 6]))
    }

    @Test func aLayerThatIsAlwaysZero() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let dead = g.relu(
            g.add("Conv", [x, g.constant([Float](repeating: 0, count: 16 * 8), [16, 8, 1, 1])], shape: [1, 16, 6, 6]))
        g.output(g.conv(g.add("Add", [g.conv(x, 16), dead]), 16))
        try convert(g.model(), SampleArrays("x", [8, 6, 6]))
    }

    @Test(arguments: [Float(1e-30), 1e30]) func absurdRanges(scale: Float) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let huge = g.add("Mul", [g.relu(g.conv(x, 16)), g.constant([scale])])
        let back = g.add("Mul", [g.conv(huge, 16, bias: false), g.constant([1 / scale])])
        g.output(g.conv(back, 16))
        try convert(g.model(), SampleArrays("x", [8, 6, 6]))
    }

    @Test func aScaleBelowAllFloatsDoesNotTrap() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let tiny = g.add("Mul", [g.conv(x, 16), g.constant([1e-30])])
        let weight = g.floats([16, 16, 1, 1], -1e-9...1e-9)
        g.output(g.add("Conv", [tiny, weight, g.constant([Float](repeating: 0, count: 16))], shape: [1, 16, 6, 6]))
        let outcome = try Conversions()(g.model(), SampleArrays("x", [8, 6, 6]))
        #expect(outcome.graph.structuralProblems() == [])
    }

    /// A Relu that a quantizer performs must not be lost when its tensor is joined with one that has negative values.
    @Test func aConcatOfRectifiedAndSignedTensors() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let mixed = g.concat([g.relu(g.conv(x, 16)), g.conv(x, 16)])
        g.output(g.conv(mixed, 16))
        try convert(g.model(), SampleArrays("x", [8, 6, 6], count: 8), within: 0.06)
    }

    // MARK: Kinds of inputs and outputs

    @Test func severalInputsAndIntegers() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8], openBatch: true)
        let ids = g.input("ids", [1, 3], openBatch: true, type: .int64)
        let words = g.add("Gather", [g.floats([10, 4]), ids], shape: [1, 3, 4], type: .float)
        let flat = g.add("Flatten", [words], [.int("axis", 1)], shape: [1, 12])
        let joined = g.concat([x, flat])
        let scores = g.gemm(g.relu(g.gemm(joined, 32)), 10)
        g.output(scores, g.add("ArgMax", [scores], [.int("axis", 1)], shape: [1, 1], type: .int64))
        var samples = SampleArrays("x", [8], count: 6)
        samples.add("ids", integers: (0..<18).map { Int64($0 % 10) }, [6, 3])
        var inputs = try randomInputs(["x": [2, 8]])
        inputs["ids"] = try TensorValue(int64s: [1, 2, 3, 4, 5, 6], shape: [2, 3])
        let outcome = try Conversions()(g.model(), samples)
        #expect(outcome.fate(of: "Gemm") == ["integer", "integer"])
        let (a, b) = try (Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
        #expect(relativeDifference([a[0]], [b[0]]) < 0.1)
    }

    @Test func openHeightAndWidth() throws {
        var g = GraphBuilder()
        g.input("x", [1, 8, 8, 8], dims: [.symbolic("N"), .fixed(8), .symbolic("H"), .unknown])
        let a = g.relu(g.conv("x", 16))
        let up = g.add(
            "Resize", [a, "", g.constant([1, 1, 2, 2])],
            [
                .string("mode", "nearest"), .string("coordinate_transformation_mode", "asymmetric"),
                .string("nearest_mode", "floor"),
            ], shape: [1, 16, 16, 16])
        g.output(g.conv(g.silu(g.conv(up, 16)), 16))
        try convert(g.model(), SampleArrays("x", [8, 8, 8]), inputs: randomInputs(["x": [2, 8, 12, 6]]))
    }

    @Test func anOutputThatIsReadInsideToo() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let a = g.conv(x, 16)
        let r = g.relu(a)
        let b = g.conv(r, 16)
        g.output(a, r, b)
        try convert(g.model(), SampleArrays("x", [8, 6, 6]))
    }

    @Test func inputsThatAreOutputsAndConstantsThatAreOutputs() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        g.output(g.conv(g.relu(g.conv(x, 16)), 16))
        let same = g.add("Identity", [x])
        let fixed = g.floats([3])
        g.output(same, fixed)
        try convert(g.model(), SampleArrays("x", [8, 6, 6]))
    }

    @Test func aModelWhoseInputIsAnOutputByName() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        g.output(g.conv(g.relu(g.conv(x, 16)), 16), x)
        try convert(g.model(), SampleArrays("x", [8, 6, 6]))
    }

    @Test func identityChainsDropoutsAndUnusedOutputs() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let a = g.add("Identity", [g.add("Identity", [g.relu(g.conv(x, 16))])])
        let dropped = g.add("Dropout", [a], shapes: [[1, 16, 6, 6], [1, 16, 6, 6]])
        let pooled = g.add(
            "MaxPool", [dropped[0]], [.ints("kernel_shape", [2, 2])], shapes: [[1, 16, 5, 5], [1, 16, 5, 5]])
        let normal = g.add(
            "BatchNormalization",
            [
                g.conv(pooled[0], 16), g.floats([16], 0.5...1.5), g.floats([16]), g.floats([16]),
                g.floats([16], 0.5...1.5),
            ])
        g.output(g.add("Identity", [normal]))
        for i in g.graph.nodes.indices where g.graph.nodes[i].outputs.count == 2 { g.graph.nodes[i].outputs[1] = "" }
        try convert(g.model(), SampleArrays("x", [8, 6, 6]))
    }

    @Test func nodesWithoutNames() throws {
        var g = PipelineTests.branchy()
        for i in g.graph.nodes.indices { g.graph.nodes[i].name = "" }
        let outcome = try convert(g.model(), SampleArrays("x", [8, 8, 8]))
        #expect(outcome.fate(of: "Conv").allSatisfy { $0 == "integer" })
    }

    @Test func nodesWithTheSameNameAreRefusedByTheEngine() throws {
        var g = PipelineTests.branchy()
        for i in g.graph.nodes.indices { g.graph.nodes[i].name = "node" }
        let failure = try Conversions().failure(g.model(), SampleArrays("x", [8, 8, 8]))
        #expect(failure.type == .unsupportedModel && failure.detail.contains("same node name"), "\(failure)")
    }

    @Test func weightsInConstantNodes() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 64, 6, 6])
        g.output(g.conv(g.relu(g.conv(x, 256)), 256))
        let constants = g.graph.initializers.map { tensor in
            Node(
                op: "Constant", inputs: [], outputs: [tensor.name], name: tensor.name + "/node",
                attributes: [.tensor("value", tensor)])
        }
        g.graph.nodes.insert(contentsOf: constants, at: 0)
        g.graph.initializers = []
        let outcome = try convert(g.model(), SampleArrays("x", [64, 6, 6], count: 2))
        #expect(outcome.fate(of: "Conv") == ["integer", "integer"])
    }

    @Test func weightsListedAsInputsOfAnOldModel() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        g.output(g.conv(g.relu(g.conv(x, 16)), 16))
        for tensor in g.graph.initializers {
            g.graph.inputs.append(
                ValueInfo(name: tensor.name, type: tensor.type, shape: tensor.dims.map { .fixed($0) }))
        }
        let outcome = try convert(
            g.model(opset: 9, irVersion: 3), SampleArrays("x", [8, 6, 6]), inputs: randomInputs(["x": [1, 8, 6, 6]]))
        #expect(outcome.fate(of: "Conv") == ["integer", "integer"])
        #expect(outcome.graph.inputs.map(\.name) == ["x"])
        #expect((outcome.artifact.opset() ?? 0) >= 13)
    }

    @Test func weightsThatAreGraphInputsStayFloat() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let w = g.input("w", [16, 8, 1, 1])
        let a = g.add("Conv", [x, w], shape: [1, 16, 6, 6])
        g.output(g.conv(g.relu(g.conv(a, 16)), 16))
        var samples = SampleArrays("x", [8, 6, 6])
        samples.add("w", [16, 8, 1, 1], seed: 3)
        let outcome = try convert(g.model(), samples)
        #expect(outcome.fate(of: "Conv") == ["float", "integer", "integer"])
    }

    @Test func weightsSharedByLayers() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 16, 6, 6])
        let weight = g.floats([16, 16, 3, 3], -0.1...0.1)
        let bias = g.floats([16])
        func layer(_ x: String) -> String {
            g.add("Relu", [g.add("Conv", [x, weight, bias], [.ints("pads", [1, 1, 1, 1])])])
        }
        g.output(g.conv(layer(layer(layer(x))), 16))
        let outcome = try convert(g.model(), SampleArrays("x", [16, 6, 6]))
        #expect(outcome.fate(of: "Conv").allSatisfy { $0 == "integer" })
    }

    /// One tensor, wanted by columns, by rows, and as it is.
    @Test func aWeightOfLayersWithDifferentNeeds() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 16], openBatch: true)
        // Rows and columns of very different sizes.
        var numbers = SeededNumbers(11)
        let values = zip(numbers.floats(256), 0..<256).map { $0 * Float(1 + $1 / 16) * (1 + Float($1 % 16) / 4) / 40 }
        let weight = g.constant(values, [16, 16])
        let a = g.relu(g.add("Gemm", [x, weight], shape: [1, 16]))
        let b = g.relu(g.add("Gemm", [a, weight], [.int("transB", 1)], shape: [1, 16]))
        let float = g.add("Gemm", [b, weight], shape: [1, 16])
        g.graph.nodes[g.graph.nodes.count - 1].name = "kept"
        g.output(g.gemm(g.relu(float), 16), g.add("Add", [x, g.add("ReduceMean", [weight], [.int("keepdims", 0)])]))
        var conversion = try Conversions()
        conversion.recipe.options.exclude = ["kept"]
        let outcome = try conversion(g.model(), SampleArrays("x", [16], count: 8))
        #expect(outcome.graph.structuralProblems() == [])
        #expect(outcome.fate(of: "Gemm") == ["integer", "integer", "float", "integer"], "\(outcome.plan.operations)")
        let inputs = try randomInputs(["x": [2, 16]])
        let difference = try relativeDifference(
            Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
        #expect(difference < 0.1)
    }

    /// A bias of millions of steps of scale_x · scale_w.
    @Test func aBiasBeyondInt32() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let weight = g.floats([16, 16, 1, 1], -1e-9...1e-9)
        let bias = g.constant((0..<16).map { Float($0) * 100 - 800 })
        let large = g.add("Conv", [g.relu(g.conv(x, 16)), weight, bias], shape: [1, 16, 6, 6])
        g.output(g.conv(g.relu(large), 16))
        let outcome = try convert(g.model(), SampleArrays("x", [8, 6, 6]), within: 0.05)
        #expect(outcome.fate(of: "Conv")[1] == "integer", "\(outcome.plan.operations)")
    }

    @Test func samplesThatAreAllTheSame() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        g.output(g.conv(g.relu(g.conv(x, 16)), 16))
        var samples = SampleArrays()
        samples.add("x", floats: [Float](repeating: 0.25, count: 4 * 8 * 36), [4, 8, 6, 6])
        let same = try TensorValue(floats: [Float](repeating: 0.25, count: 8 * 36), shape: [1, 8, 6, 6])
        try convert(g.model(), samples, inputs: ["x": same], within: 0.06)
    }

    @Test func halfPrecisionWeightsBehindACast() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        g.output(g.conv(g.relu(g.conv(x, 16)), 16))
        var casts: [Node] = []
        for i in g.graph.nodes.indices where g.graph.nodes[i].op == "Conv" {
            let name = g.graph.nodes[i].inputs[1]
            g.graph.nodes[i].inputs[1] = name + "/float"
            casts.append(Node(op: "Cast", inputs: [name], outputs: [name + "/float"], attributes: [.int("to", 1)]))
            try halve(name, in: &g.graph)
        }
        g.graph.nodes.insert(contentsOf: casts, at: 0)
        try convert(g.model(), SampleArrays("x", [8, 6, 6]))
    }

    @Test func aHalfPrecisionModelIsRefused() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6], type: .float16)
        g.output(g.add("Conv", [x, g.floats([16, 8, 1, 1])], shape: [1, 16, 6, 6]))
        try halve(g.graph.initializers[0].name, in: &g.graph)
        let failure = try Conversions().failure(g.model(), SampleArrays("x", [8, 6, 6]))
        #expect(failure.type == .nothingToQuantize && failure.detail.contains("float32"), "\(failure)")
    }

    private func halve(_ name: String, in graph: inout Graph) throws {
        let i = try #require(graph.initializers.firstIndex { $0.name == name })
        let tensor = graph.initializers[i]
        let bytes = try tensor.floats().flatMap { value in
            withUnsafeBytes(of: Float16(value).bitPattern.littleEndian) { Array($0) }
        }
        graph.initializers[i] = Tensor(name: name, type: .float16, dims: tensor.dims, bytes: bytes)
    }

    @Test func branchesThatCaptureTensors() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let raw = g.conv(x, 16)
        let flag = g.add(
            "Greater", [g.add("ReduceMean", [x], [.int("keepdims", 0)], shape: []), g.constant([0], [])], type: .bool)
        func branch(_ name: String, _ op: String) -> Attribute {
            .graph(
                name,
                Graph(
                    name: name, nodes: [Node(op: op, inputs: [raw], outputs: [name + "/y"])],
                    outputs: [ValueInfo(name: name + "/y", type: .float, shape: nil)]))
        }
        let chosen = g.add(
            "If", [flag], [branch("then_branch", "Relu"), branch("else_branch", "Neg")], shape: [1, 16, 6, 6],
            type: .float)
        g.output(g.conv(g.add("Add", [g.relu(raw), chosen]), 16))
        try convert(g.model(), SampleArrays("x", [8, 6, 6]))
    }

    /// A body that captures the weight of a Conv outside, and has a Conv of its own.
    @Test func loopsThatCaptureWeights() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let weight = g.floats([16, 16, 1, 1], -0.3...0.3)
        let start = g.conv(x, 16)
        let body = Graph(
            name: "body",
            nodes: [
                Node(op: "Conv", inputs: ["state", weight], outputs: ["next"]),
                Node(op: "Identity", inputs: ["go"], outputs: ["on"]),
            ],
            inputs: [
                ValueInfo(name: "turn", type: .int64, shape: []), ValueInfo(name: "go", type: .bool, shape: []),
                ValueInfo(name: "state", type: .float, shape: nil),
            ],
            outputs: [ValueInfo(name: "on", type: .bool, shape: []), ValueInfo(name: "next", type: .float, shape: nil)])
        let turned = g.add(
            "Loop", [g.integers([3], []), "", start], [.graph("body", body)], shape: [1, 16, 6, 6], type: .float)
        let again = g.add("Conv", [g.relu(turned), weight], shape: [1, 16, 6, 6])
        g.output(g.conv(g.relu(again), 16))
        try convert(g.model(), SampleArrays("x", [8, 6, 6]))
    }

    @Test func localFunctions() throws {
        // Written as bytes: the graph calls "pkg.test::Scale", whose body the reader only carries along.
        let model = try LocalFunctionModel.make()
        try convert(model, SampleArrays("x", [8, 6, 6]), inputs: randomInputs(["x": [1, 8, 6, 6]]))
    }

    @Test func sequencesInside() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let a = g.relu(g.conv(x, 16))
        let parts = g.add("SplitToSequence", [a, g.integers([8], [])], [.int("axis", 1)], shape: [])
        let first = g.add("SequenceAt", [parts, g.integers([0], [])], shape: [1, 8, 6, 6], type: .float)
        g.output(g.conv(first, 16))
        try convert(g.model(), SampleArrays("x", [8, 6, 6]))
    }

    @Test func tensorsThatAreEmptyInEverySample() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 4, 8])
        let a = g.relu(g.matMul(x, 16))
        let rows = g.add("ReduceMax", [a], [.ints("axes", [0, 2]), .int("keepdims", 0)], shape: [4])
        let large = g.add("Greater", [rows, g.constant([1e6], [])], type: .bool)
        let none = g.add("Compress", [a, large], [.int("axis", 1)], shape: [1, 0, 16])
        g.output(g.matMul(g.relu(g.matMul(none, 16)), 16), g.matMul(a, 16))
        try convert(g.model(), SampleArrays("x", [4, 8]))
    }

    // MARK: Refusals

    @Test func nanInsideTheNetworkNamesTheTensor() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let a = g.add("Sqrt", [g.conv(x, 16)])
        g.output(g.conv(a, 16))
        let failure = try Conversions().failure(g.model(), SampleArrays("x", [8, 6, 6]))
        #expect(failure.detail.contains("'\(a)'") && failure.pointer == a, "\(failure)")
        #expect(failure.fault == .user && failure.detail.contains("check that the samples"), "\(failure.detail)")
    }

    @Test func nanInAWeightIsTheModelsFault() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8])
        let weight = g.constant([.nan] + [Float](repeating: 0.1, count: 127), [8, 16])
        g.output(g.gemm(g.relu(g.gemm(x, 8)), 16), g.add("Gemm", [x, weight], shape: [1, 16]))
        let failure = try Conversions().failure(g.model(), SampleArrays("x", [8]))
        #expect(failure.type == .invalidModel && failure.detail.contains(weight), "\(failure)")
    }

    @Test func nanInABiasIsTheModelsFault() throws {
        var g = GraphBuilder()
        let a = g.relu(g.gemm(g.input("x", [1, 8]), 8))
        let bias = g.constant([0, .nan, 0, 0], [4])
        g.output(g.add("Gemm", [a, g.floats([8, 4]), bias], shape: [1, 4]))
        let failure = try Conversions().failure(g.model(), SampleArrays("x", [8]))
        #expect(failure.type == .invalidModel && failure.detail.contains(bias), "\(failure)")
    }

    @Test func aModelWithoutWeightsIsRefused() throws {
        var g = GraphBuilder()
        g.output(g.relu(g.input("x", [1, 8])))
        #expect(try Conversions().failure(g.model(), SampleArrays("x", [8])).type == .nothingToQuantize)
    }

    @Test func aModelThatTheEngineRefusesIsTheUsersFault() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8])
        g.output(g.gemm(g.add("NoSuchOperator", [x]), 8))
        let failure = try Conversions().failure(g.model(), SampleArrays("x", [8]))
        #expect(failure.type == .unsupportedModel && failure.detail.contains("NoSuchOperator"), "\(failure)")
    }

    @Test func aModelWithoutIntegersGetsSmallerWeights() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 3, 8, 8])
        g.output(g.conv(g.add("Log", [g.add("Abs", [g.conv(x, 16)])]), 4))
        let outcome = try convert(g.model(), SampleArrays("x", [3, 8, 8]), form: "weight-only")
        #expect(outcome.report.findings.contains { $0.code == "nothing-integer" })
    }
}
