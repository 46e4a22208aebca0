/// Tensors: type, shape and data are held against each other before anything is believed.
extension ModelDecoder {
    mutating func tensor(_ message: ProtobufReader) throws -> Tensor {
        try count()
        var parts = TensorParts()
        var reader = message
        while let field = try reader.next() { try take(field, &reader, into: &parts) }
        return try assemble(parts)
    }

    private mutating func take(
        _ field: ProtobufReader.Field, _ reader: inout ProtobufReader, into parts: inout TensorParts
    ) throws {
        typealias F = ONNXSchema.Tensor
        switch field.number {
        case F.dims: try reader.appendInt64s(field, to: &parts.dims)
        case F.dataType: parts.type = try reader.int64(field)
        case F.name: parts.name = try reader.string(field)
        case F.rawData: parts.raw = try reader.slice(field)
        case F.stringData:
            try count()
            parts.strings.append(try reader.array(field))
        case F.floatData, F.int32Data, F.int64Data, F.doubleData, F.uint64Data:
            guard let kind = Tensor.TypedField(rawValue: field.number) else { return }
            try parts.typed[kind, default: PackedParts()].take(field, &reader)
        case F.externalData: parts.external.append(try entry(try reader.message(field)))
        case F.dataLocation: parts.location = try reader.int64(field)
        case F.segment: parts.hasSegment = try reader.slice(field).count >= 0
        default: try reader.keep(field, in: &parts.extras)
        }
    }

    private mutating func entry(_ message: ProtobufReader) throws -> Property {
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

    private func assemble(_ parts: TensorParts) throws -> Tensor {
        let name = parts.name
        guard let type = try Self.elementType(parts.type, tensor: name) else {
            throw ModelError.invalidTensor(name: name, reason: "it has no element type")
        }
        guard !parts.hasSegment else { throw ModelError.unsupported("tensor '\(name)' is stored in segments") }
        let (dims, count) = try shape(parts)
        let storage = try storage(parts, type: type, count: count)
        return Tensor(name: name, type: type, dims: dims, storage: storage, extras: parts.extras)
    }

    private func shape(_ parts: TensorParts) throws -> (dims: [Int], count: Int) {
        guard !parts.dims.contains(where: { $0 < 0 }) else {
            throw ModelError.invalidTensor(name: parts.name, reason: "its shape \(parts.dims) has a negative size")
        }
        let dims = parts.dims.map { Int($0) }
        guard let count = dims.product else {
            throw ModelError.invalidTensor(name: parts.name, reason: "its shape \(parts.dims) has too many elements")
        }
        return (dims, count)
    }

    private func storage(_ parts: TensorParts, type: ElementType, count: Int) throws -> Tensor.Storage {
        let name = parts.name
        let typed = parts.typed.filter { !$0.value.isEmpty }
        let raw = parts.raw.flatMap { $0.count > 0 ? $0 : nil }
        let places = typed.count + (raw == nil ? 0 : 1) + (parts.strings.isEmpty ? 0 : 1)
        guard places <= 1, parts.location != 1 || places == 0 else {
            throw ModelError.invalidTensor(name: name, reason: "it has values in more than one place")
        }
        switch parts.location {
        case 0: break
        case 1: return try externalStorage(parts, type: type, count: count)
        default: throw ModelError.invalidTensor(name: name, reason: "its data location is \(parts.location)")
        }
        if type == .string {
            guard places == (parts.strings.isEmpty ? 0 : 1), parts.strings.count == count else {
                throw ModelError.invalidTensor(
                    name: name, reason: "its shape asks for \(count) strings, the file has \(parts.strings.count)")
            }
            return .strings(parts.strings)
        }
        guard let needed = type.byteCount(of: count) else {
            throw ModelError.invalidTensor(name: name, reason: "its shape \(parts.dims) has too many elements")
        }
        if let (field, packed) = typed.first {
            return .typed(field, try packed.checked(field, type: type, count: count, name: name))
        }
        let slice = raw ?? .empty
        guard slice.count == needed, parts.strings.isEmpty else {
            throw ModelError.invalidTensor(
                name: name,
                reason: "its shape \(parts.dims) of \(type) asks for \(needed) bytes, the file has \(slice.count)")
        }
        return .raw(slice)
    }

    private func externalStorage(_ parts: TensorParts, type: ElementType, count: Int) throws -> Tensor.Storage {
        guard let needed = type.byteCount(of: count) else {
            throw ModelError.invalidTensor(
                name: parts.name, reason: "\(type) of shape \(parts.dims) cannot be kept in another file")
        }
        let reference = try ExternalReference(parts.external, tensor: parts.name)
        if let length = reference.length, length != needed {
            throw ModelError.invalidTensor(
                name: parts.name,
                reason: "its shape \(parts.dims) of \(type) asks for \(needed) bytes, it refers to \(length)")
        }
        let content = try external?.slice(reference, count: needed, tensor: parts.name)
        return .external(reference, content: content)
    }
}

/// The fields of a tensor as they turn up.
private struct TensorParts {
    var name = ""
    var type: Int64 = 0
    var dims: [Int64] = []
    var raw: ByteSlice?
    var strings: [[UInt8]] = []
    var typed: [Tensor.TypedField: PackedParts] = [:]
    var external: [Property] = []
    var location: Int64 = 0
    var hasSegment = false
    var extras = KeptFields()
}

/// A repeated number field. One packed run, the usual form, stays in the file; anything else is gathered into one.
private struct PackedParts {
    private var run: ByteSlice?
    private var gathered: [UInt8] = []

    var isEmpty: Bool { (run?.count ?? 0) + gathered.count == 0 }

    mutating func take(_ field: ProtobufReader.Field, _ reader: inout ProtobufReader) throws {
        if field.wire == .bytes {
            let slice = try reader.slice(field)
            if run == nil && gathered.isEmpty {
                run = slice
            } else {
                gatherRun()
                slice.withBytes { gathered.append(contentsOf: $0) }
            }
            return
        }
        gatherRun()
        let expected: ProtobufReader.WireType
        switch field.number {
        case ONNXSchema.Tensor.floatData: expected = .fixed32
        case ONNXSchema.Tensor.doubleData: expected = .fixed64
        default: expected = .varint
        }
        guard field.wire == expected else {
            throw ModelError.corrupt(
                reason: "field \(field.number) is encoded as \(field.wire), not as \(expected)", offset: field.start)
        }
        let start = reader.position
        let whole = try reader.skip(field)
        let value = ByteSlice(store: whole.store, offset: start, count: whole.offset + whole.count - start)
        value.withBytes { gathered.append(contentsOf: $0) }
    }

    private mutating func gatherRun() {
        guard let slice = run else { return }
        gathered = slice.array
        run = nil
    }

    /// The run, once its number of values is what the shape asks for.
    func checked(_ field: Tensor.TypedField, type: ElementType, count: Int, name: String) throws -> ByteSlice {
        guard field.holds(type) else {
            throw ModelError.invalidTensor(name: name, reason: "\(type) values cannot be in \(field)_data")
        }
        let slice = run ?? ByteSlice(gathered)
        let found = try field.valueCount(in: slice, name: name)
        guard let needed = field.valueCount(for: count, of: type), found == needed else {
            throw ModelError.invalidTensor(
                name: name, reason: "its shape asks for \(count) elements, \(field)_data has \(found) values")
        }
        return slice
    }
}

extension Tensor.TypedField {
    /// The element types that each field is for (onnx.proto, the comments of TensorProto).
    func holds(_ type: ElementType) -> Bool {
        switch self {
        case .float: type == .float || type == .complex64
        case .double: type == .double || type == .complex128
        case .int64: type == .int64
        case .uint64: type == .uint64 || type == .uint32
        case .int32: type.bitWidth <= 16 && type != .string || type == .int32
        }
    }

    /// Values that `count` elements take; packed types put a whole byte into each value. Nil on overflow.
    func valueCount(for count: Int, of type: ElementType) -> Int? {
        switch type {
        case .complex64, .complex128:
            let (values, overflow) = count.multipliedReportingOverflow(by: 2)
            return overflow ? nil : values
        default: return type.bitWidth < 8 ? type.byteCount(of: count) : count
        }
    }

    /// Values in a packed run; throws when it does not end at the end of a value.
    func valueCount(in slice: ByteSlice, name: String) throws -> Int {
        switch self {
        case .float, .double:
            let width = self == .float ? 4 : 8
            guard slice.count % width == 0 else {
                throw ModelError.invalidTensor(name: name, reason: "\(self)_data ends within a value")
            }
            return slice.count / width
        case .int32, .int64, .uint64:
            return try slice.withBytes { bytes in
                var reader = ProtobufReader(store: slice.store, bytes: bytes, depth: 1)
                var count = 0
                while !reader.atEnd {
                    _ = try reader.varint()
                    count += 1
                }
                return count
            }
        }
    }
}
