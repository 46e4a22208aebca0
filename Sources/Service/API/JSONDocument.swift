import Foundation

/// A JSON document from outside, kept with its order, so that unknown and repeated fields can be named. Bounded in depth;
/// the size is bounded by whoever collected the bytes.
enum JSONDocument: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONDocument])
    case object([Field])

    struct Field: Equatable, Sendable {
        var name: String
        var value: JSONDocument
    }

    /// Where and why the bytes are not JSON (RFC 8259).
    struct SyntaxError: Error, Equatable, CustomStringConvertible {
        var offset: Int
        var reason: String
        var description: String { "\(reason) at byte \(offset)" }
    }

    init(_ bytes: [UInt8]) throws {
        // Decoding repairs invalid sequences; a repaired text is longer or differs, so it is refused up front.
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw SyntaxError(offset: 0, reason: "the text is not UTF-8")
        }
        var reader = Reader(bytes: bytes)
        self = try reader.document()
    }

    /// What a person calls this kind of value.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSONDocument: Encodable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// As it came, whatever the encoder does to the names of other things.
    func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let fields):
            var container = encoder.container(keyedBy: Key.self)
            for field in fields { try container.encode(field.value, forKey: Key(field.name)) }
        case .array(let items):
            var container = encoder.unkeyedContainer()
            for item in items { try container.encode(item) }
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .bool(let flag): try Self.encode(flag, encoder)
        case .number(let number): try Self.encode(number, encoder)
        case .string(let text): try Self.encode(text, encoder)
        }
    }

    private static func encode(_ value: some Encodable, _ encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

private struct Reader {
    static let depthLimit = 64
    let bytes: [UInt8]
    var at = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws -> JSONDocument {
        let value = try value(depth: 0)
        skipSpace()
        guard at == bytes.count else { throw error("something follows the document") }
        return value
    }

    private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    private func error(_ reason: String) -> JSONDocument.SyntaxError { .init(offset: at, reason: reason) }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
    }

    private mutating func value(depth: Int) throws -> JSONDocument {
        guard depth < Self.depthLimit else { throw error("nesting deeper than \(Self.depthLimit)") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try array(depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some: return try number()
        case nil: throw error("the document ends early")
        }
    }

    private mutating func object(_ depth: Int) throws -> JSONDocument {
        var fields: [JSONDocument.Field] = []
        var names: Set<String> = []
        at += 1
        skipSpace()
        if take("}") { return .object([]) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error("a field name is expected") }
            let name = try string()
            guard names.insert(name).inserted else { throw error("the field '\(name)' is repeated") }
            skipSpace()
            guard take(":") else { throw error("':' is expected") }
            fields.append(.init(name: name, value: try value(depth: depth + 1)))
            skipSpace()
        } while take(",")
        guard take("}") else { throw error("',' or '}' is expected") }
        return .object(fields)
    }

    private mutating func array(_ depth: Int) throws -> JSONDocument {
        var values: [JSONDocument] = []
        at += 1
        skipSpace()
        if take("]") { return .array([]) }
        repeat {
            values.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw error("',' or ']' is expected") }
        return .array(values)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    private mutating func word(_ text: String, _ value: JSONDocument) throws -> JSONDocument {
        guard bytes[at...].starts(with: text.utf8) else { throw error("an unknown word") }
        at += text.utf8.count
        return value
    }

    private mutating func number() throws -> JSONDocument {
        let start = at
        _ = take("-")
        let leading = next
        guard digits() > 0 else { throw error("a value is expected") }
        if leading == UInt8(ascii: "0"), at - start > (bytes[start] == UInt8(ascii: "-") ? 2 : 1) {
            throw error("a number starts with 0")
        }
        if take("."), digits() == 0 { throw error("a digit is expected") }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            if digits() == 0 { throw error("a digit is expected") }
        }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        guard let value = Double(text), value.isFinite else { throw error("a number out of range") }
        return .number(value)
    }

    private mutating func digits() -> Int {
        let start = at
        while let byte = next, (0x30...0x39).contains(byte) { at += 1 }
        return at - start
    }

    private mutating func string() throws -> String {
        at += 1
        var text: [UInt8] = []
        while let byte = next {
            at += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw error("a control character in a string")
            default: text.append(byte)
            }
        }
        throw error("a string has no end")
    }

    private mutating func escape(into text: inout [UInt8]) throws {
        let plain: [UInt8: UInt8] = [
            UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 0x08,
            UInt8(ascii: "f"): 0x0C, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
        ]
        guard let byte = next else { throw error("a string has no end") }
        at += 1
        if let character = plain[byte] { return text.append(character) }
        guard byte == UInt8(ascii: "u") else { throw error("an unknown escape") }
        var code = try hexadecimal()
        if (0xD800..<0xDC00).contains(code) {
            guard take("\\"), take("u") else { throw error("half of a surrogate pair") }
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low) else { throw error("half of a surrogate pair") }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw error("half of a surrogate pair") }
        text.append(contentsOf: Array(String(Character(scalar)).utf8))
    }

    private mutating func hexadecimal() throws -> UInt32 {
        guard at + 4 <= bytes.count, bytes[at..<at + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
        else { throw error("four hexadecimal digits are expected") }
        at += 4
        return value
    }
}
