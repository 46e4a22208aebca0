import Foundation

/// One thing that is wrong with a request, and where.
struct FieldError: Equatable, Sendable, Codable {
    /// JSON pointer (RFC 6901) into the body, or the name of a query parameter.
    var pointer: String
    var detail: String
}

/// Reads the fields of a JSON object strictly: every field must be known, of the right kind and in its range. What is
/// wrong is collected, so that a person sees it at once; no more of it than a person reads.
struct FieldReader {
    let pointer: String
    private let fields: [JSONDocument.Field]
    private var known: [String] = []
    private(set) var errors: [FieldError] = []
    private static let mostErrors = 100

    init(_ document: JSONDocument, pointer: String = "") {
        self.pointer = pointer
        if case .object(let fields) = document {
            self.fields = fields
        } else {
            fields = []
            errors = [FieldError(pointer: pointer, detail: "An object is expected, not \(document.kind).")]
        }
    }

    func pointer(to name: String) -> String {
        pointer + "/" + name.replacingOccurrences(of: "~", with: "~0").replacingOccurrences(of: "/", with: "~1")
    }

    /// `index` is that of an element in the field's array.
    mutating func fail(_ name: String, at index: Int? = nil, _ detail: @autoclosure () -> String) {
        guard errors.count < Self.mostErrors else { return }
        let place = pointer(to: name) + (index.map { "/\($0)" } ?? "")
        errors.append(FieldError(pointer: place, detail: detail()))
    }

    mutating func absorb(_ other: FieldReader) { errors += other.errors.prefix(Self.mostErrors - errors.count) }

    /// The field's value; null counts as absent.
    mutating func value(_ name: String) -> JSONDocument? {
        if !known.contains(name) { known.append(name) }
        let value = fields.first { $0.name == name }?.value
        return value == .null ? nil : value
    }

    mutating func has(_ name: String) -> Bool { value(name) != nil }

    mutating func string(_ name: String, required: Bool = false) -> String? {
        guard let value = value(name) else {
            if required { fail(name, "The field is required.") }
            return nil
        }
        if case .string(let text) = value { return text }
        fail(name, "A string is expected, not \(value.kind).")
        return nil
    }

    mutating func number(_ name: String, in range: ClosedRange<Double>) -> Double? {
        guard let value = value(name) else { return nil }
        guard case .number(let number) = value else {
            fail(name, "A number is expected, not \(value.kind).")
            return nil
        }
        if range.contains(number) { return number }
        fail(name, "The number must be from \(Text.short(range.lowerBound)) to \(Text.short(range.upperBound)).")
        return nil
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let number = number(name, in: Double(range.lowerBound)...Double(range.upperBound)) else { return nil }
        if let integer = Int(exactly: number) { return integer }
        fail(name, "A whole number is expected.")
        return nil
    }

    mutating func boolean(_ name: String) -> Bool? {
        guard let value = value(name) else { return nil }
        if case .bool(let flag) = value { return flag }
        fail(name, "A boolean is expected, not \(value.kind).")
        return nil
    }

    mutating func strings(_ name: String) -> [String]? {
        guard let value = value(name) else { return nil }
        guard case .array(let items) = value else {
            fail(name, "An array of strings is expected, not \(value.kind).")
            return nil
        }
        return items.enumerated().compactMap { index, item in
            if case .string(let text) = item { return text }
            fail(name, at: index, "A string is expected, not \(item.kind).")
            return nil
        }
    }

    /// One number, or an array of them.
    mutating func numbers(_ name: String) -> [Double]? {
        guard let value = value(name) else { return nil }
        if case .number(let number) = value { return [number] }
        guard case .array(let items) = value else {
            fail(name, "A number or an array of numbers is expected, not \(value.kind).")
            return nil
        }
        return items.enumerated().compactMap { index, item in
            if case .number(let number) = item { return number }
            fail(name, at: index, "A number is expected, not \(item.kind).")
            return nil
        }
    }

    /// A string out of a fixed set.
    mutating func choice<C: RawRepresentable & CaseIterable>(_ name: String, _: C.Type) -> C?
    where C.RawValue == String {
        guard let text = string(name) else { return nil }
        if let choice = C(rawValue: text) { return choice }
        fail(name, Text.unknown(text, among: C.allCases.map(\.rawValue)))
        return nil
    }

    mutating func object(_ name: String) -> FieldReader? {
        value(name).map { FieldReader($0, pointer: pointer(to: name)) }
    }

    /// Names the fields that nobody asked for. Called last.
    mutating func rejectUnknown() {
        let known = known
        for field in fields where !known.contains(field.name) {
            fail(field.name, Text.unknown(field.name, among: known, what: "field"))
        }
    }
}
