/// Header fields in the order they came; names compare without case (RFC 9110 §5.1).
package struct Fields: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    package struct Field: Sendable, Equatable {
        package var name: String
        package var value: String
    }

    package private(set) var all: [Field] = []

    package init() {}

    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }

    /// The first value under the name. Setting replaces every field of that name; nil removes them.
    package subscript(name: String) -> String? {
        get {
            for field in all where field.name.equalsIgnoringCase(name) { return field.value }
            return nil
        }
        set {
            guard let newValue else { return all.removeAll { $0.name.equalsIgnoringCase(name) } }
            guard let first = all.firstIndex(where: { $0.name.equalsIgnoringCase(name) }) else {
                return append(name, newValue)
            }
            all[first].value = newValue
            let rest = all.index(after: first)
            guard all[rest...].contains(where: { $0.name.equalsIgnoringCase(name) }) else { return }
            var index = 0
            all.removeAll {
                defer { index += 1 }
                return index > first && $0.name.equalsIgnoringCase(name)
            }
        }
    }

    /// Every value under the name, in order.
    package func all(_ name: String) -> [String] {
        all.filter { $0.name.equalsIgnoringCase(name) }.map(\.value)
    }

    package mutating func append(_ name: String, _ value: String) {
        all.append(Field(name: name, value: value))
    }

    package var count: Int { all.count }

    mutating func reserve(_ count: Int) { all.reserveCapacity(count) }
}

extension String {
    /// ASCII letters compare without case, everything else exactly.
    package func equalsIgnoringCase(_ other: String) -> Bool {
        let mine = utf8, theirs = other.utf8
        guard mine.count == theirs.count else { return false }
        return zip(mine, theirs).allSatisfy { $0 == $1 || ($0 | 0x20 == $1 | 0x20 && ASCII.isLetter($0)) }
    }
}
