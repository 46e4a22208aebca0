/// Element types by their names on the wire; the names are numpy's where numpy has the type.
package enum ElementKind: String, Codable, Sendable, CaseIterable {
    case float32, float64, float16, bfloat16
    case uint8, int8, uint16, int16, uint32, int32, uint64, int64
    case bool, string
    /// Complex, 4-bit and 8-bit float types: carried, never computed with.
    case other
}

/// One dimension: a size, or a name for a size that is only known at run time.
package enum Dimension: Equatable, Sendable, Codable, CustomStringConvertible {
    case fixed(Int)
    case symbolic(String)

    package var description: String {
        switch self {
        case .fixed(let size): "\(size)"
        case .symbolic(let name): name
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let size = try? container.decode(Int.self) {
            self = .fixed(size)
        } else {
            self = .symbolic(try container.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .fixed(let size): try container.encode(size)
        case .symbolic(let name): try container.encode(name)
        }
    }
}

/// Name, element type and shape of a model's input or output. `shape` is nil when the file does not say even the rank.
package struct TensorSignature: Equatable, Sendable, Codable, CustomStringConvertible {
    package var name: String
    package var type: ElementKind
    package var shape: [Dimension]?

    package init(name: String, type: ElementKind, shape: [Dimension]?) {
        self.name = name
        self.type = type
        self.shape = shape
    }

    package var description: String { "\(name): \(form)" }

    /// Type and shape: "float32[N, 4]".
    package var form: String {
        type.rawValue + (shape.map { "[" + $0.map(\.description).joined(separator: ", ") + "]" } ?? "")
    }
}
