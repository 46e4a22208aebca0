/// Attributes: the value that the attribute says it has is read, everything else in it is carried along.
extension ModelDecoder {
    mutating func attribute(
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
}
