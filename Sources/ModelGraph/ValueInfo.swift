/// The name and type of a graph's input, output or inner value.
package struct ValueInfo: Sendable, Equatable {
    package var name: String
    package private(set) var kind: Kind
    /// For tensors (dense or sparse): what they are made of. Nil when the file does not say.
    package var elementType: ElementType? { didSet { becomeTensor() } }
    /// Nil when the rank is not known.
    package var shape: [Dim]? { didSet { becomeTensor() } }
    /// The type as it came, written again unless type or shape were set.
    var encodedType: ByteSlice?
    var extras = KeptFields()

    package enum Kind: Sendable, Equatable {
        case tensor
        case sparseTensor
        case sequence
        case map
        case optional
        case opaque
        /// No type is given, which subgraphs may do.
        case untyped
    }

    package init(name: String, type: ElementType?, shape: [Dim]?) {
        self.name = name
        kind = .tensor
        elementType = type
        self.shape = shape
    }

    /// From a file.
    init(name: String, type: DecodedType?, extras: KeptFields) {
        self.name = name
        self.extras = extras
        kind = type?.kind ?? .untyped
        elementType = type?.elementType
        shape = type?.shape
        encodedType = type?.encoded
    }

    private mutating func becomeTensor() {
        kind = .tensor
        encodedType = nil
    }

    /// The shape where every dimension is a number.
    package var fixedShape: [Int]? {
        guard let shape else { return nil }
        let sizes = shape.compactMap(\.size)
        return sizes.count == shape.count ? sizes : nil
    }
}

/// One dimension of a shape.
package enum Dim: Sendable, Equatable, Hashable {
    case fixed(Int)
    case symbolic(String)
    case unknown

    package var size: Int? {
        if case .fixed(let size) = self { return size }
        return nil
    }
}

/// What a `TypeProto` says, and the bytes that say it.
struct DecodedType {
    var kind: ValueInfo.Kind
    var elementType: ElementType?
    var shape: [Dim]?
    var encoded: ByteSlice
}
