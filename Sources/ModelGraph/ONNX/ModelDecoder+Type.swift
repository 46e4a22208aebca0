/// Names and types of values.
extension ModelDecoder {
    mutating func valueInfo(_ message: ProtobufReader) throws -> ValueInfo {
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
