import Domain
import Inference
import TestGraphs
import Testing

@testable import ModelGraph
@testable import Optimizer

/// Weights that a model stores sparsely are weights like others.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct SparseModelTests {
    private static let samples = SampleArrays("x", [8, 6, 6], count: 6)
    /// Of the 128 weights of the first layer those that are not zero; the engine finds such places in 8 bits.
    private static let places: [Int64] = [1, 6, 11, 20, 33, 47, 58, 72, 90, 101, 119, 127]
    private static let values: [Float] = places.map { Float($0 % 5) - 2.5 }

    private static func dense() -> Model {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6], openBatch: true)
        var weights = [Float](repeating: 0, count: 128)
        for (place, value) in zip(places, values) { weights[Int(place)] = value }
        let first = g.add("Conv", [x, g.constant(weights, [16, 8, 1, 1])], shape: [1, 16, 6, 6])
        g.output(g.conv(g.relu(first), 16))
        return g.model()
    }

    /// A `SparseTensorProto` of the same.
    private static func encoded(_ name: String) -> ByteSlice {
        var writer = ProtobufWriter()
        let parts = [Tensor(name: name, floats: values), Tensor(name: "", int64s: places)]
        for (number, tensor) in parts.enumerated() {
            writer.message(number + 1) {
                $0.packedInt64s(1, [Int64(tensor.count)])
                $0.int64(2, Int64(tensor.type.rawValue))
                $0.string(8, tensor.name)
                $0.bytes(9, (try? tensor.bytes()) ?? [])
            }
        }
        writer.packedInt64s(3, [16, 8, 1, 1])
        return slice(writer)
    }

    private static func slice(_ writer: ProtobufWriter) -> ByteSlice {
        ByteSlice(
            writer.pieces.flatMap { piece in
                switch piece {
                case .owned(let bytes): bytes
                case .slice(let slice): slice.array
                }
            })
    }

    private static func sparse() -> Model {
        var model = dense()
        let name = model.graph.initializers.removeFirst().name
        model.graph.sparseInitializers = [SparseInitializer(name: name, encoded: encoded(name))]
        return model
    }

    private static func constant() -> Model {
        var model = dense()
        let name = model.graph.initializers.removeFirst().name
        var writer = ProtobufWriter()
        writer.string(1, "sparse_value")
        writer.slice(22, encoded(""))
        writer.int64(20, 11)
        let value = Attribute("sparse_value", .opaque(OpaqueField(slice: slice(writer))))
        model.graph.nodes.insert(Node(op: "Constant", inputs: [], outputs: [name], attributes: [value]), at: 0)
        return model
    }

    @Test(arguments: ["initializer", "Constant"]) func theyAreQuantized(_ kind: String) throws {
        let model = kind == "Constant" ? Self.constant() : Self.sparse()
        var conversion = try Conversions()
        conversion.recipe.scheme = .int8Static
        let usual = try conversion(Self.dense(), Self.samples)
        let outcome = try conversion(model, Self.samples)
        #expect(outcome.graph.sparseInitializers.isEmpty && !outcome.graph.nodes.contains { $0.is("Constant") })
        #expect(outcome.plan.operations.map(\.fate) == usual.plan.operations.map(\.fate))
        func integers(_ outcome: Conversions.Outcome) throws -> [[Int64]] {
            try outcome.graph.initializers.filter { $0.type == .int8 && $0.count == 128 }.map { try $0.int64s() }
        }
        #expect(try integers(outcome) == integers(usual) && integers(usual).count == 1)
        let inputs = try randomInputs(["x": [1, 8, 6, 6]])
        #expect(try Evaluation(outcome.artifact)(inputs) == Evaluation(usual.artifact)(inputs))
    }

    @Test func theyCountAsParameters() throws {
        let inputs = try ScratchDirectory()
        try inputs.write(Self.sparse().bytes(), "model.onnx")
        let loaded = try LoadedModel(StagedModel(directory: inputs.path, file: "model.onnx", digest: nil))
        #expect(loaded.summary.parameters == 128 + 16 * 16 * 9 + 16)
    }
}
