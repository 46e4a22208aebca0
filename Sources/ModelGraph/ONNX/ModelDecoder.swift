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
        while let field = try reader.next() {
            switch field.number {
            case ONNXSchema.Function.name: name = try reader.string(field)
            case ONNXSchema.Function.domain: domain = try reader.string(field)
            case ONNXSchema.Function.node: _ = try node(try reader.message(field))
            default: _ = try reader.skip(field)
            }
        }
        return FunctionDefinition(domain: domain, name: name, encoded: encoded)
    }

    /// A message as it came and a reader of it.
    private mutating func both(
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
    private mutating func checkSparse(_ message: ProtobufReader) throws -> String {
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

    // MARK: Attributes

    private mutating func attribute(
        _ parent: inout ProtobufReader, _ field: ProtobufReader.Field
    ) throws -> Attribute {
        let (encoded, message) = try both(&parent, field)
        let (name, kind) = try attributeKind(message)
        var attribute = Attribute(name, .opaque(OpaqueField(slice: encoded)))
        guard let kind else {
            var reader = message
            while let field = try reader.next() {
                try checkCarried(field, reader)
                _ = try reader.skip(field)
            }
            return attribute
        }
        attribute.value = try attributeValue(message, kind, extras: &attribute.extras)
        return attribute
    }

    /// What the attribute says that it is, else what the value found says; nil for kinds that are not read.
    private func attributeKind(
        _ message: ProtobufReader
    ) throws -> (name: String, kind: ONNXSchema.AttributeType?) {
        typealias F = ONNXSchema.Attribute
        var reader = message
        var name = ""
        var declared: Int64?
        var found: ONNXSchema.AttributeType?
        var isReference = false
        while let field = try reader.next() {
            switch field.number {
            case F.name: name = try reader.string(field)
            case F.type: declared = try reader.int64(field)
            case F.reference: isReference = try reader.slice(field).count > 0
            default:
                found = found ?? ONNXSchema.AttributeType(field: field.number)
                _ = try reader.skip(field)
            }
        }
        if isReference { return (name, nil) }
        if let declared, declared != 0 { return (name, ONNXSchema.AttributeType(rawValue: declared)) }
        return (name, found)
    }

    /// Tensors and graphs in fields that are carried along unread are held to the same rules as the others.
    private mutating func checkCarried(_ field: ProtobufReader.Field, _ parent: ProtobufReader) throws {
        typealias F = ONNXSchema.Attribute
        var reader = parent
        switch field.number {
        case F.tensor, F.tensors: _ = try tensor(try reader.message(field))
        case F.graph, F.graphs: _ = try graph(try reader.message(field))
        case F.sparseTensor, F.sparseTensors: _ = try checkSparse(try reader.message(field))
        default: break
        }
    }

    private mutating func attributeValue(
        _ message: ProtobufReader, _ kind: ONNXSchema.AttributeType, extras: inout KeptFields
    ) throws -> Attribute.Value {
        var reader = message
        var single: Attribute.Value?
        var floats: [Float] = []
        var ints: [Int64] = []
        var strings: [[UInt8]] = []
        var tensors: [Tensor] = []
        var graphs: [Graph] = []
        while let field = try reader.next() {
            guard field.number == kind.field else {
                let isKnown = field.number == ONNXSchema.Attribute.name || field.number == ONNXSchema.Attribute.type
                if isKnown {
                    _ = try reader.skip(field)
                } else {
                    try checkCarried(field, reader)
                    try reader.keep(field, in: &extras)
                }
                continue
            }
            switch kind {
            case .float: single = .float(try reader.float(field))
            case .int: single = .int(try reader.int64(field))
            case .string: single = .string(try reader.array(field))
            case .tensor: single = .tensor(try tensor(try reader.message(field)))
            case .graph: single = .graph(try graph(try reader.message(field)))
            case .floats: try reader.appendFloats(field, to: &floats)
            case .ints: try reader.appendInt64s(field, to: &ints)
            case .strings:
                try count()
                strings.append(try reader.array(field))
            case .tensors: tensors.append(try tensor(try reader.message(field)))
            case .graphs: graphs.append(try graph(try reader.message(field)))
            }
        }
        switch kind {
        case .float: return single ?? .float(0)
        case .int: return single ?? .int(0)
        case .string: return single ?? .string([])
        case .tensor, .graph:
            guard let single else {
                throw ModelError.corrupt(reason: "an attribute has no value", offset: message.position)
            }
            return single
        case .floats: return .floats(floats)
        case .ints: return .ints(ints)
        case .strings: return .strings(strings)
        case .tensors: return .tensors(tensors)
        case .graphs: return .graphs(graphs)
        }
    }

    // MARK: Types

    private mutating func valueInfo(_ message: ProtobufReader) throws -> ValueInfo {
        try count()
        var reader = message
        var name = ""
        var type: DecodedType?
        var extras = KeptFields()
        while let field = try reader.next() {
            switch field.number {
            case ONNXSchema.ValueInfo.name: name = try reader.string(field)
            case ONNXSchema.ValueInfo.type:
                let (encoded, message) = try both(&reader, field)
                type = try decodeType(message, encoded: encoded, name: name)
            default: try reader.keep(field, in: &extras)
            }
        }
        return ValueInfo(name: name, type: type, extras: extras)
    }

    private mutating func decodeType(_ message: ProtobufReader, encoded: ByteSlice, name: String) throws -> DecodedType
    {
        typealias F = ONNXSchema.TypeProto
        var reader = message
        var type = DecodedType(kind: .untyped, encoded: encoded)
        while let field = try reader.next() {
            switch field.number {
            case F.tensor, F.sparseTensor:
                type.kind = field.number == F.tensor ? .tensor : .sparseTensor
                (type.elementType, type.shape) = try tensorType(try reader.message(field), name: name)
            case F.sequence, F.map, F.optional, F.opaque:
                type.kind = [F.sequence: .sequence, F.map: .map, F.optional: .optional][field.number] ?? .opaque
                _ = try reader.skip(field)
            default: _ = try reader.skip(field)
            }
        }
        return type
    }

    private mutating func tensorType(_ message: ProtobufReader, name: String) throws -> (ElementType?, [Dim]?) {
        var reader = message
        var elementType: ElementType?
        var shape: [Dim]?
        while let field = try reader.next() {
            switch field.number {
            case ONNXSchema.TensorType.elementType:
                elementType = try Self.elementType(try reader.int64(field), tensor: name)
            case ONNXSchema.TensorType.shape: shape = try self.shape(try reader.message(field), name: name)
            default: _ = try reader.skip(field)
            }
        }
        return (elementType, shape)
    }

    private mutating func shape(_ message: ProtobufReader, name: String) throws -> [Dim] {
        var reader = message
        var dims: [Dim] = []
        while let field = try reader.next() {
            guard field.number == ONNXSchema.Shape.dimension else {
                _ = try reader.skip(field)
                continue
            }
            try count()
            dims.append(try dimension(try reader.message(field), name: name))
        }
        return dims
    }

    /// Exporters write -1 (and at times other negative numbers) for "not known".
    private func dimension(_ message: ProtobufReader, name: String) throws -> Dim {
        var reader = message
        var dim = Dim.unknown
        while let field = try reader.next() {
            switch field.number {
            case ONNXSchema.Dimension.value:
                let value = try reader.int64(field)
                dim = value < 0 ? .unknown : .fixed(Int(value))
            case ONNXSchema.Dimension.parameter:
                let parameter = try reader.string(field)
                dim = parameter.isEmpty ? .unknown : .symbolic(parameter)
            default: _ = try reader.skip(field)
            }
        }
        return dim
    }

    /// Nil for 0, "undefined".
    static func elementType(_ number: Int64, tensor: String) throws -> ElementType? {
        if number == 0 { return nil }
        guard let raw = Int32(exactly: number), let type = ElementType(rawValue: raw) else {
            throw ModelError.unsupportedElementType(number: number, tensor: tensor)
        }
        return type
    }
}
