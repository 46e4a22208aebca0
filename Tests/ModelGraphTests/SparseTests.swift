import Testing

@testable import ModelGraph

@Suite struct SparseTests {
    /// A sparse initializer 'w' encoded by hand; `indices` are stored as the engine and ONNX store them.
    static func sparse(
        _ values: Tensor, indices: [Int8], indexDims: [Int], dims: [Int64], elementType: ElementType = .int64
    ) throws -> SparseInitializer {
        let wide = Tensor(name: "i", int64s: indices.map(Int64.init), dims: indexDims)
        let narrow = Tensor(name: "i", int8s: indices, dims: indexDims)
        let raw = try (elementType == .int8 ? narrow : wide).bytes()
        let valueBytes = try values.bytes()
        let encoded = Samples.bytes { writer in
            writer.message(1) { tensor in
                tensor.packedInt64s(1, values.dims.map(Int64.init))
                tensor.int64(2, Int64(values.type.rawValue))
                tensor.string(8, values.name)
                tensor.bytes(9, valueBytes)
            }
            writer.message(2) { tensor in
                tensor.packedInt64s(1, indexDims.map(Int64.init))
                tensor.int64(2, Int64(elementType.rawValue))
                tensor.bytes(9, raw)
            }
            writer.packedInt64s(3, dims)
        }
        return SparseInitializer(name: values.name, encoded: ByteSlice(encoded))
    }

    private func dense(_ sparse: SparseInitializer, limit: Int = Graph.denseLimit) throws -> Tensor {
        var graph = Graph()
        graph.sparseInitializers = [sparse]
        try graph.densifySparseInitializers(limit: limit)
        #expect(graph.sparseInitializers.isEmpty)
        return try #require(graph.initializers.first)
    }

    private let values = Tensor(name: "w", floats: [1, 2, 3])

    @Test(arguments: [ElementType.int64, .int8]) func bothFormsOfIndicesGiveTheDenseTensor(_ type: ElementType) throws {
        let expected = Tensor(name: "w", floats: [0, 1, 0, 2, 0, 3], dims: [2, 3])
        #expect(
            try dense(Self.sparse(values, indices: [1, 3, 5], indexDims: [3], dims: [2, 3], elementType: type))
                == expected)
        let places: [Int8] = [0, 1, 1, 0, 1, 2]
        #expect(
            try dense(Self.sparse(values, indices: places, indexDims: [3, 2], dims: [2, 3], elementType: type))
                == expected)
        let none = Tensor(name: "w", floats: [], dims: [0])
        #expect(
            try dense(Self.sparse(none, indices: [], indexDims: [0], dims: [2])) == Tensor(name: "w", floats: [0, 0]))
    }

    @Test func subgraphsAreDensifiedToo() throws {
        var inner = Graph(name: "then", nodes: [Node(op: "Identity", inputs: ["w"], outputs: ["t"])])
        inner.sparseInitializers = [try Self.sparse(values, indices: [0, 1, 2], indexDims: [3], dims: [3])]
        var graph = Graph(
            nodes: [Node(op: "If", inputs: ["c"], outputs: ["Y"], attributes: [.graph("then_branch", inner)])])
        try graph.densifySparseInitializers()
        let body = try #require(graph.nodes[0].graph("then_branch"))
        #expect(body.initializers == [Tensor(name: "w", floats: [1, 2, 3])] && body.sparseInitializers.isEmpty)
    }

    @Test func indicesBeyondTheShapeAreRefused() throws {
        let wrong: [(indices: [Int8], indexDims: [Int], dims: [Int64])] = [
            ([0, 1, 6], [3], [2, 3]), ([-1, 1, 2], [3], [2, 3]), ([0, 1], [2], [2, 3]),
            ([0, 1, 1, 0, 2, 0], [3, 2], [2, 3]),
            ([0, 1, 1, 0, 1, -1], [3, 2], [2, 3]), ([0, 1, 2], [3], [0]), ([0, 1, 2], [3], [2]),
        ]
        for (indices, indexDims, dims) in wrong {
            let sparse = try Self.sparse(values, indices: indices, indexDims: indexDims, dims: dims)
            #expect(throws: ModelError.self, "\(indices) \(dims)") { _ = try dense(sparse) }
        }
    }

    /// A few bytes can ask for any amount of zeros.
    @Test func whatWouldBeTooLargeIsRefused() throws {
        for dims: [Int64] in [[1 << 40], [1 << 40, 1 << 40], [-1, 3], [27]] {
            let sparse = try Self.sparse(values, indices: [0, 1, 2], indexDims: [3], dims: dims)
            #expect(throws: ModelError.self, "\(dims)") { _ = try dense(sparse, limit: 104) }
        }
        var graph = Graph()
        for name in ["a", "b"] {
            let sparse = try Self.sparse(values.named(name), indices: [0, 1, 2], indexDims: [3], dims: [13])
            graph.sparseInitializers.append(sparse)
        }
        #expect(throws: ModelError.self) { try graph.densifySparseInitializers(limit: 103) }
        try graph.densifySparseInitializers(limit: 104)
    }
}
