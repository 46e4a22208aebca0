extension Graph {
    /// Bytes that all densified tensors of a model may take together.
    package static let denseLimit = 256 << 20

    /// Turns sparse initializers, here and in subgraphs, into the dense tensors that nodes see of them. The engine writes
    /// their indices back in 8 bits where they fit, which ONNX does not allow; and only dense weights can be quantized.
    ///
    /// Throws `ModelError.invalidTensor` for indices that do not fit the shape, and `ModelError.unsupported` when more than
    /// `limit` bytes would come of it or the elements are strings or share bytes.
    package mutating func densifySparseInitializers(limit: Int = Self.denseLimit) throws {
        var left = limit
        try densify(&left)
    }

    private mutating func densify(_ left: inout Int) throws {
        for sparse in sparseInitializers {
            let parts = try sparse.parts()
            let size = parts.values.type.byteWidth
            guard size > 0, let count = parts.dims.product, let bytes = parts.values.type.byteCount(of: count),
                bytes <= left
            else {
                throw ModelError.unsupported(
                    "the sparse initializer '\(sparse.name)' is no tensor of numbers, or a dense form of it would be larger "
                        + "than \(Self.denseLimit >> 20) MiB")
            }
            left -= bytes
            initializers.append(try parts.dense(count: count, elementSize: size))
        }
        sparseInitializers = []
        for place in nodes.indices where nodes[place].hasSubgraphs {
            try nodes[place].editSubgraphs { try $0.densify(&left) }
        }
    }
}

/// A `SparseTensorProto`: the elements that are not zero, and where they are.
struct SparseParts {
    var values: Tensor
    /// One place for each value in the flattened tensor; or as many as there are axes.
    var indices: [Int64]
    var dims: [Int]

    func dense(count: Int, elementSize: Int) throws -> Tensor {
        let nonzero = values.count
        let isLinear = indices.count == nonzero
        guard isLinear || indices.count == nonzero * dims.count else { throw misfit("has \(indices.count) indices") }
        var bytes = [UInt8](repeating: 0, count: count * elementSize)
        try values.withBytes { source in
            for value in 0..<nonzero {
                let place =
                    isLinear
                    ? Int(exactly: indices[value]) : flat(indices[(value * dims.count)..<((value + 1) * dims.count)])
                guard let place, (0..<count).contains(place) else { throw misfit("has an index beyond its shape") }
                for byte in 0..<elementSize { bytes[place * elementSize + byte] = source[value * elementSize + byte] }
            }
        }
        return Tensor(name: values.name, type: values.type, dims: dims, bytes: bytes)
    }

    /// Nil for coordinates beyond the shape.
    private func flat(_ coordinates: ArraySlice<Int64>) -> Int? {
        var place = 0
        for (coordinate, size) in zip(coordinates, dims) {
            guard coordinate >= 0, coordinate < size else { return nil }
            place = place * size + Int(coordinate)
        }
        return place
    }

    private func misfit(_ what: String) -> ModelError {
        .invalidTensor(
            name: values.name, reason: "it is sparse, of shape \(dims) with \(values.count) values, and \(what)")
    }
}
