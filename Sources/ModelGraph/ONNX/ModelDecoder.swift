/// Turns an encoded model into values. Recursive in graphs only, as deep as `ReadLimits.depth` allows.
struct ModelDecoder {
    let limits: ReadLimits
    let external: ExternalDirectory?
    private var records = 0
    private var nodes = 0

    init(limits: ReadLimits, external: ExternalDirectory?) {
        self.limits = limits
        self.external = external
    }

    mutating func model(_ store: ByteStore) throws -> Model {
        try store.withBytes { bytes in
            try model(ProtobufReader(store: store, bytes: bytes, depth: limits.depth))
        }
    }

    private mutating func model(_ message: ProtobufReader) throws -> Model {
        typealias F = ONNXSchema.Model
        var reader = message
        var model = Model(graph: Graph())
        model.opsets = []
        model.irVersion = 0
        var graph: Graph?
        while let field = try reader.next() {
            switch field.number {
            case F.irVersion: model.irVersion = try reader.int64(field)
            case F.producerName: model.producerName = try reader.string(field)
            case F.producerVersion: model.producerVersion = try reader.string(field)
            case F.domain: model.domain = try reader.string(field)
            case F.modelVersion: model.modelVersion = try reader.int64(field)
            case F.graph:
                guard graph == nil else { throw ModelError.corrupt(reason: "a second graph", offset: field.start) }
                graph = try self.graph(try reader.message(field))
            case F.opsetImport: model.opsets.append(try opset(try reader.message(field)))
            case F.metadata: model.metadata.append(try property(try reader.message(field)))
            case F.functions: model.functions.append(try function(&reader, field))
            default: try reader.keep(field, in: &model.extras)
            }
        }
        guard let graph else { throw ModelError.invalidGraph(reason: "there is no graph in the file", place: "model") }
        model.graph = graph
        return model
    }

    mutating func count(_ what: String = "records") throws {
        records += 1
        guard records <= limits.records else {
            throw ModelError.tooLarge(what: "the model has too many \(what)", limit: limits.records)
        }
    }

    private mutating func opset(_ message: ProtobufReader) throws -> OpsetImport {
        try count()
        var reader = message
        var opset = OpsetImport(domain: "", version: 0)
        while let field = try reader.next() {
            switch field.number {
            case ONNXSchema.OpsetImport.domain: opset.domain = try reader.string(field)
            case ONNXSchema.OpsetImport.version: opset.version = try reader.int64(field)
            default: _ = try reader.skip(field)
            }
        }
        return opset
    }

    private mutating func property(_ message: ProtobufReader) throws -> Property {
        try count()
        var reader = message
        var property = Property("", "")
        while let field = try reader.next() {
            switch field.number {
            case ONNXSchema.Property.key: property.key = try reader.string(field)
            case ONNXSchema.Property.value: property.value = try reader.anyText(field)
            default: _ = try reader.skip(field)
            }
        }
        return property
    }

    /// The nodes are read to be checked, for a tensor in them may name a file too, and forgotten.
    private mutating func function(
        _ parent: inout ProtobufReader, _ field: ProtobufReader.Field
    ) throws -> FunctionDefinition {
        var (encoded, reader) = try both(&parent, field)
        var name = ""
        var domain = ""
        var calls: [String: Int] = [:]
        while let field = try reader.next() {
            switch field.number {
            case ONNXSchema.Function.name: name = try reader.string(field)
            case ONNXSchema.Function.domain: domain = try reader.string(field)
            case ONNXSchema.Function.node:
                let node = try node(try reader.message(field))
                calls[node.qualifiedOp, default: 0] += 1
                for graph in node.subgraphs {
                    graph.visitGraphs { for inner in $0.nodes { calls[inner.qualifiedOp, default: 0] += 1 } }
                }
            default: _ = try reader.skip(field)
            }
        }
        return FunctionDefinition(domain: domain, name: name, calls: calls, encoded: encoded)
    }

    /// A message as it came and a reader of it.
    mutating func both(
        _ parent: inout ProtobufReader, _ field: ProtobufReader.Field
    ) throws -> (ByteSlice, ProtobufReader) {
        try count()
        var again = parent
        return (try parent.slice(field), try again.message(field))
    }

    mutating func graph(_ message: ProtobufReader) throws -> Graph {
        typealias F = ONNXSchema.Graph
        try count()
        var reader = message
        var graph = Graph(name: "")
        while let field = try reader.next() {
            switch field.number {
            case F.node: graph.nodes.append(try node(try reader.message(field)))
            case F.name: graph.name = try reader.string(field)
            case F.initializer: graph.initializers.append(try tensor(try reader.message(field)))
            case F.input: graph.inputs.append(try valueInfo(try reader.message(field)))
            case F.output: graph.outputs.append(try valueInfo(try reader.message(field)))
            case F.valueInfo: graph.valueInfo.append(try valueInfo(try reader.message(field)))
            case F.sparseInitializer: graph.sparseInitializers.append(try sparse(&reader, field))
            default: try reader.keep(field, in: &graph.extras)
            }
        }
        return graph
    }

    /// Its name is that of the values. Both tensors are read to be checked: what is carried along unread must not name
    /// a file.
    private mutating func sparse(
        _ parent: inout ProtobufReader, _ field: ProtobufReader.Field
    ) throws -> SparseInitializer {
        let (encoded, reader) = try both(&parent, field)
        return SparseInitializer(name: try checkSparse(reader), encoded: encoded)
    }

    /// Returns the name of the values.
    mutating func checkSparse(_ message: ProtobufReader) throws -> String {
        var reader = message
        var name = ""
        while let field = try reader.next() {
            switch field.number {
            case ONNXSchema.SparseTensor.values, ONNXSchema.SparseTensor.indices:
                let tensor = try tensor(try reader.message(field))
                if field.number == ONNXSchema.SparseTensor.values { name = tensor.name }
                guard tensor.externalReference == nil else {
                    throw ModelError.unsupported("sparse tensor '\(tensor.name)' keeps its data in another file")
                }
            default: _ = try reader.skip(field)
            }
        }
        return name
    }

    /// Both tensors and the shape of one that was checked.
    mutating func sparseParts(_ message: ProtobufReader) throws -> SparseParts {
        var reader = message
        var parts = SparseParts(values: Tensor(name: "", floats: []), indices: [], dims: [])
        var dims: [Int64] = []
        while let field = try reader.next() {
            switch field.number {
            case ONNXSchema.SparseTensor.values: parts.values = try tensor(try reader.message(field))
            case ONNXSchema.SparseTensor.indices: parts.indices = try tensor(try reader.message(field)).int64s()
            case ONNXSchema.SparseTensor.dims: try reader.appendInt64s(field, to: &dims)
            default: _ = try reader.skip(field)
            }
        }
        parts.dims = dims.map { Int($0) }
        return parts
    }

    private mutating func node(_ message: ProtobufReader) throws -> Node {
        typealias F = ONNXSchema.Node
        try count()
        nodes += 1
        guard nodes <= limits.nodes else {
            throw ModelError.tooLarge(what: "the model has too many nodes", limit: limits.nodes)
        }
        var reader = message
        var node = Node(op: "", inputs: [], outputs: [])
        while let field = try reader.next() {
            switch field.number {
            case F.input: node.inputs.append(try reader.string(field))
            case F.output: node.outputs.append(try reader.string(field))
            case F.name: node.name = try reader.string(field)
            case F.op: node.op = try reader.string(field)
            case F.domain: node.domain = try reader.string(field)
            case F.attribute: node.attributes.append(try attribute(&reader, field))
            default: try reader.keep(field, in: &node.extras)
            }
        }
        return node
    }
}
