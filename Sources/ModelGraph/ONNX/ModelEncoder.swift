/// Turns a model into encoded pieces. Fields are written in the order of their numbers, what was carried along comes last,
/// so the same model always gives the same bytes.
struct ModelEncoder {
    /// Where the values of large initializers go.
    enum Weights {
        /// All into the model file.
        case inside
        /// As they are: tensors with external data keep referring to their files.
        case asTheyAre
        /// Into one file beside the model.
        case outside(fileName: String)
    }

    /// Smaller initializers stay in the model file.
    private static let outsideLimit = 1024

    let weights: Weights
    /// The content of the file beside the model, in order.
    private(set) var outside: [(offset: Int, slice: ByteSlice)] = []
    private var outsideCount = 0

    init(weights: Weights) { self.weights = weights }

    mutating func encode(_ model: Model) throws -> ProtobufWriter {
        typealias F = ONNXSchema.Model
        var writer = ProtobufWriter()
        writer.int64(F.irVersion, model.irVersion)
        writer.stringIfAny(F.producerName, model.producerName)
        writer.stringIfAny(F.producerVersion, model.producerVersion)
        writer.stringIfAny(F.domain, model.domain)
        if model.modelVersion != 0 { writer.int64(F.modelVersion, model.modelVersion) }
        try writer.message(F.graph) { try encode(model.graph, &$0) }
        for opset in model.opsets {
            writer.message(F.opsetImport) {
                $0.stringIfAny(ONNXSchema.OpsetImport.domain, opset.domain)
                $0.int64(ONNXSchema.OpsetImport.version, opset.version)
            }
        }
        for property in model.metadata { encode(property, F.metadata, &writer) }
        for function in model.functions { writer.slice(F.functions, function.encoded) }
        writer.raw(model.extras)
        return writer
    }

    private func encode(_ property: Property, _ number: Int, _ writer: inout ProtobufWriter) {
        writer.message(number) {
            $0.string(ONNXSchema.Property.key, property.key)
            $0.string(ONNXSchema.Property.value, property.value)
        }
    }

    private mutating func encode(_ graph: Graph, _ writer: inout ProtobufWriter) throws {
        typealias F = ONNXSchema.Graph
        for node in graph.nodes { try writer.message(F.node) { try encode(node, &$0) } }
        writer.stringIfAny(F.name, graph.name)
        for tensor in graph.initializers {
            try writer.message(F.initializer) { try encode(tensor, isInitializer: true, &$0) }
        }
        for value in graph.inputs { writer.message(F.input) { encode(value, &$0) } }
        for value in graph.outputs { writer.message(F.output) { encode(value, &$0) } }
        for value in graph.valueInfo { writer.message(F.valueInfo) { encode(value, &$0) } }
        for tensor in graph.sparseInitializers { writer.slice(F.sparseInitializer, tensor.encoded) }
        writer.raw(graph.extras)
    }

    private mutating func encode(_ node: Node, _ writer: inout ProtobufWriter) throws {
        typealias F = ONNXSchema.Node
        for input in node.inputs { writer.string(F.input, input) }
        for output in node.outputs { writer.string(F.output, output) }
        writer.stringIfAny(F.name, node.name)
        writer.string(F.op, node.op)
        for attribute in node.attributes {
            if case .opaque(let field) = attribute.value {
                writer.slice(F.attribute, field.slice)
            } else {
                try writer.message(F.attribute) { try encode(attribute, &$0) }
            }
        }
        writer.stringIfAny(F.domain, node.domain)
        writer.raw(node.extras)
    }

    private mutating func encode(_ attribute: Attribute, _ writer: inout ProtobufWriter) throws {
        typealias F = ONNXSchema.Attribute
        writer.string(F.name, attribute.name)
        let kind: ONNXSchema.AttributeType
        switch attribute.value {
        case .float(let value):
            kind = .float
            writer.float(F.float, value)
        case .int(let value):
            kind = .int
            writer.int64(F.int, value)
        case .string(let value):
            kind = .string
            writer.bytes(F.string, value)
        case .tensor(let tensor):
            kind = .tensor
            try writer.message(F.tensor) { try encode(tensor, isInitializer: false, &$0) }
        case .graph(let graph):
            kind = .graph
            try writer.message(F.graph) { try encode(graph, &$0) }
        case .floats(let values):
            kind = .floats
            writer.floats(F.floats, values)
        case .ints(let values):
            kind = .ints
            writer.int64s(F.ints, values)
        case .strings(let values):
            kind = .strings
            for value in values { writer.bytes(F.strings, value) }
        case .tensors(let tensors):
            kind = .tensors
            for tensor in tensors {
                try writer.message(F.tensors) { try encode(tensor, isInitializer: false, &$0) }
            }
        case .graphs(let graphs):
            kind = .graphs
            for graph in graphs { try writer.message(F.graphs) { try encode(graph, &$0) } }
        case .opaque: return
        }
        writer.int64(F.type, kind.rawValue)
        writer.raw(attribute.extras)
    }

    private func encode(_ value: ValueInfo, _ writer: inout ProtobufWriter) {
        writer.string(ONNXSchema.ValueInfo.name, value.name)
        if let encoded = value.encodedType {
            writer.slice(ONNXSchema.ValueInfo.type, encoded)
        } else if value.kind == .tensor {
            writer.message(ONNXSchema.ValueInfo.type) {
                $0.message(ONNXSchema.TypeProto.tensor) { encodeTensorType(value, &$0) }
            }
        }
        writer.raw(value.extras)
    }

    private func encodeTensorType(_ value: ValueInfo, _ writer: inout ProtobufWriter) {
        if let type = value.elementType { writer.int64(ONNXSchema.TensorType.elementType, Int64(type.rawValue)) }
        guard let shape = value.shape else { return }
        writer.message(ONNXSchema.TensorType.shape) { writer in
            for dim in shape {
                writer.message(ONNXSchema.Shape.dimension) {
                    switch dim {
                    case .fixed(let size): $0.int64(ONNXSchema.Dimension.value, Int64(size))
                    case .symbolic(let name): $0.string(ONNXSchema.Dimension.parameter, name)
                    case .unknown: break
                    }
                }
            }
        }
    }

    // MARK: Tensors

    private mutating func encode(_ tensor: Tensor, isInitializer: Bool, _ writer: inout ProtobufWriter) throws {
        typealias F = ONNXSchema.Tensor
        writer.int64s(F.dims, tensor.dims.map(Int64.init))
        writer.int64(F.dataType, Int64(tensor.type.rawValue))
        writer.stringIfAny(F.name, tensor.name)
        if case .outside(let fileName) = weights, isInitializer, tensor.type != .string,
            tensor.byteCount >= Self.outsideLimit
        {
            encode(try place(tensor, in: fileName), &writer)
        } else {
            try encodeValues(tensor, &writer)
        }
        writer.raw(tensor.extras)
    }

    private func encodeValues(_ tensor: Tensor, _ writer: inout ProtobufWriter) throws {
        typealias F = ONNXSchema.Tensor
        switch tensor.storage {
        case .strings(let strings):
            guard strings.count == tensor.count else {
                throw ModelError.invalidTensor(
                    name: tensor.name, reason: "the shape \(tensor.dims) does not fit its \(strings.count) strings")
            }
            for string in strings { writer.bytes(F.stringData, string) }
        case .typed(let field, let packed):
            let values = try field.valueCount(in: packed, name: tensor.name)
            guard values == field.valueCount(for: tensor.count, of: tensor.type) else {
                throw ModelError.invalidTensor(
                    name: tensor.name, reason: "the shape \(tensor.dims) does not fit its \(values) values")
            }
            writer.slice(field.rawValue, packed)
        case .external(let reference, _):
            if case .asTheyAre = weights { return encode(reference, &writer) }
            writer.slice(F.rawData, try tensor.rawSlice())
        case .raw:
            writer.slice(F.rawData, try tensor.rawSlice())
        }
    }

    /// Reserves room in the file beside the model. Larger tensors begin on a page, so that they can be mapped.
    private mutating func place(_ tensor: Tensor, in fileName: String) throws -> ExternalReference {
        let slice = try tensor.rawSlice()
        let alignment = slice.count >= 1 << 16 ? 4096 : 64
        let offset = (outsideCount + alignment - 1) / alignment * alignment
        outside.append((offset, slice))
        outsideCount = offset + slice.count
        return ExternalReference(location: fileName, offset: offset, length: slice.count, checksum: nil)
    }

    private func encode(_ reference: ExternalReference, _ writer: inout ProtobufWriter) {
        typealias F = ONNXSchema.Tensor
        encode(Property("location", reference.location), F.externalData, &writer)
        if reference.offset != 0 || reference.length != nil {
            encode(Property("offset", String(reference.offset)), F.externalData, &writer)
        }
        if let length = reference.length { encode(Property("length", String(length)), F.externalData, &writer) }
        if let checksum = reference.checksum { encode(Property("checksum", checksum), F.externalData, &writer) }
        for other in reference.others { encode(other, F.externalData, &writer) }
        writer.int64(F.dataLocation, 1)
    }
}
