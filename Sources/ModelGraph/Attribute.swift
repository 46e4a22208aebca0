/// A named constant of a node.
package struct Attribute: Sendable, Equatable {
    package var name: String
    package var value: Value
    /// Doc string and unknown fields, as they came.
    var extras = KeptFields()

    package enum Value: Sendable, Equatable {
        case float(Float)
        case int(Int64)
        case string([UInt8])
        indirect case tensor(Tensor)
        indirect case graph(Graph)
        case floats([Float])
        case ints([Int64])
        case strings([[UInt8]])
        case tensors([Tensor])
        case graphs([Graph])
        /// A kind that is only carried along (sparse tensor, type, reference): the whole attribute as it came.
        case opaque(OpaqueField)
    }

    package init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    package static func int(_ name: String, _ value: Int) -> Attribute { Attribute(name, .int(Int64(value))) }
    package static func ints(_ name: String, _ values: [Int]) -> Attribute {
        Attribute(name, .ints(values.map(Int64.init)))
    }
    package static func float(_ name: String, _ value: Float) -> Attribute { Attribute(name, .float(value)) }
    package static func string(_ name: String, _ value: String) -> Attribute {
        Attribute(name, .string([UInt8](value.utf8)))
    }
    package static func tensor(_ name: String, _ value: Tensor) -> Attribute { Attribute(name, .tensor(value)) }
    package static func graph(_ name: String, _ value: Graph) -> Attribute { Attribute(name, .graph(value)) }
}

/// Encoded bytes that are kept and written again unread.
package struct OpaqueField: Sendable, Equatable {
    var slice: ByteSlice
}
