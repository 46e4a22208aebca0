/// A field value with parameters: `multipart/form-data; boundary="x"` (RFC 9110 §5.6.6).
package struct FieldParameters: Sendable, Equatable {
    /// What stands before the parameters, in lower case.
    package let value: String
    private let parameters: [(name: String, value: String)]

    /// Nil when the text is malformed or a parameter stands there twice.
    package init?(_ text: String) {
        var rest = Substring(text).utf8[...]
        value = String(decoding: FieldParameters.trim(rest.prefix { $0 != ASCII.semicolon }), as: UTF8.self)
            .lowercased()
        rest = rest.drop { $0 != ASCII.semicolon }
        var parameters: [(name: String, value: String)] = []
        while rest.popFirst() != nil {
            rest = rest.drop { $0 == ASCII.space || $0 == ASCII.tab }
            if rest.isEmpty { break }
            guard let pair = FieldParameters.pair(&rest), !parameters.contains(where: { $0.name == pair.name }) else {
                return nil
            }
            parameters.append(pair)
        }
        self.parameters = parameters
    }

    /// Names compare without case.
    package subscript(name: String) -> String? { parameters.first { $0.name.equalsIgnoringCase(name) }?.value }

    package static func == (one: FieldParameters, two: FieldParameters) -> Bool {
        one.value == two.value && one.parameters.elementsEqual(two.parameters, by: ==)
    }

    private static func trim(_ text: Substring.UTF8View.SubSequence) -> Substring.UTF8View.SubSequence {
        var text = text.drop { $0 == ASCII.space || $0 == ASCII.tab }
        while let last = text.last, last == ASCII.space || last == ASCII.tab { text.removeLast() }
        return text
    }

    /// name=token or name="quoted"; leaves the next semicolon or nothing.
    private static func pair(_ rest: inout Substring.UTF8View.SubSequence) -> (name: String, value: String)? {
        let name = rest.prefix(while: ASCII.isToken)
        rest = rest.dropFirst(name.count)
        guard !name.isEmpty, rest.popFirst() == ASCII.equals else { return nil }
        let value: [UInt8]
        if rest.first == ASCII.quote {
            guard let text = quoted(&rest) else { return nil }
            value = text
        } else {
            value = Array(rest.prefix(while: ASCII.isToken))
            rest = rest.dropFirst(value.count)
            guard !value.isEmpty else { return nil }
        }
        rest = rest.drop { $0 == ASCII.space || $0 == ASCII.tab }
        guard rest.first == nil || rest.first == ASCII.semicolon else { return nil }
        return (String(decoding: name, as: UTF8.self).lowercased(), String(decoding: value, as: UTF8.self))
    }

    /// A backslash escapes a quote or a backslash; before anything else it is itself, as browsers write paths.
    private static func quoted(_ rest: inout Substring.UTF8View.SubSequence) -> [UInt8]? {
        rest.removeFirst()
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == ASCII.quote { return text }
            if byte == ASCII.backslash, let next = rest.first, next == ASCII.quote || next == ASCII.backslash {
                text.append(next)
                rest.removeFirst()
            } else {
                text.append(byte)
            }
        }
        return nil
    }
}
