/// A named block of values. What came from a file stays there (or stays in the typed field that it came in) until it is
/// asked for; a changed tensor is a new value made with one of the initializers.
package struct Tensor: Sendable, Equatable {
    package var name: String
    package private(set) var type: ElementType
    /// Empty for a scalar. May be set to another shape of the same element count; writing checks it.
    package var dims: [Int]
    var storage: Storage
    /// Fields kept as they came: doc string, metadata, anything unknown.
    var extras = KeptFields()

    enum Storage: Equatable, Sendable {
        /// Little-endian elements, as `raw_data` has them.
        case raw(ByteSlice)
        /// The content of a packed typed field; varints for the integer fields, little-endian for the others.
        case typed(TypedField, ByteSlice)
        case strings([[UInt8]])
        /// `content` is nil when no directory with the file was given.
        case external(ExternalReference, content: ByteSlice?)
    }

    /// The value is the field's number in `TensorProto`.
    enum TypedField: Int, Sendable {
        case float = 4
        case int32 = 5
        case int64 = 7
        case double = 10
        case uint64 = 11
    }

    init(name: String, type: ElementType, dims: [Int], storage: Storage, extras: KeptFields) {
        self.name = name
        self.type = type
        self.dims = dims
        self.storage = storage
        self.extras = extras
    }

    /// Elements, the product of `dims`. Tensors that were read have been checked for overflow.
    package var count: Int { dims.reduce(1, *) }

    /// Bytes of the values in `raw_data` form; for strings the sum of their lengths.
    package var byteCount: Int {
        if case .strings(let strings) = storage { return strings.reduce(0) { $0 + $1.count } }
        return type.byteCount(of: count) ?? 0
    }

    package var isScalar: Bool { dims.isEmpty }

    /// Where the values are when not in the model file itself.
    package var externalReference: ExternalReference? {
        if case .external(let reference, _) = storage { return reference }
        return nil
    }
}

/// The `external_data` entries of a tensor.
package struct ExternalReference: Equatable, Hashable, Sendable {
    /// A plain file name beside the model.
    package var location: String
    package var offset: Int
    /// Nil when the file does not say: then up to the size that the shape asks for.
    package var length: Int?
    package var checksum: String?
    /// Other entries, in order, as they came.
    var others: [Property] = []
}

extension Tensor {
    /// Little-endian `bytes` in `raw_data` form; their number has to fit type and dims.
    package init(name: String, type: ElementType, dims: [Int], bytes: [UInt8]) {
        precondition(type.byteCount(of: dims.reduce(1, *)) == bytes.count, "bytes do not fit the shape of \(name)")
        self.init(name: name, type: type, dims: dims, storage: .raw(ByteSlice(bytes)), extras: KeptFields())
    }

    /// A vector when no dims are given; a scalar with `dims: []`.
    package init(name: String, floats: [Float], dims: [Int]? = nil) {
        self.init(name: name, type: .float, dims: dims ?? [floats.count], bytes: Self.littleEndian(floats))
    }

    package init(name: String, int64s: [Int64], dims: [Int]? = nil) {
        self.init(name: name, type: .int64, dims: dims ?? [int64s.count], bytes: Self.littleEndian(int64s))
    }

    package init(name: String, int32s: [Int32], dims: [Int]? = nil) {
        self.init(name: name, type: .int32, dims: dims ?? [int32s.count], bytes: Self.littleEndian(int32s))
    }

    package init(name: String, int8s: [Int8], dims: [Int]? = nil) {
        self.init(name: name, type: .int8, dims: dims ?? [int8s.count], bytes: Self.littleEndian(int8s))
    }

    package init(name: String, uint8s: [UInt8], dims: [Int]? = nil) {
        self.init(name: name, type: .uint8, dims: dims ?? [uint8s.count], bytes: uint8s)
    }

    package init(name: String, bool: Bool) {
        self.init(name: name, type: .bool, dims: [], bytes: [bool ? 1 : 0])
    }

    package init(name: String, strings: [[UInt8]], dims: [Int]? = nil) {
        self.init(
            name: name, type: .string, dims: dims ?? [strings.count], storage: .strings(strings), extras: KeptFields())
    }

    /// All machines that this runs on are little-endian, as ONNX is.
    private static func littleEndian<T: BitwiseCopyable>(_ values: [T]) -> [UInt8] {
        values.withUnsafeBytes { [UInt8]($0) }
    }
}
