import Domain

/// The three values in the text of a `.npy` head. The text is a literal that Python would evaluate; here only the grammar
/// that numpy writes is read: one dict, string keys, and strings, booleans or tuples of whole numbers as values.
struct NPYFields {
    var descr = ""
    var fortranOrder = false
    var shape: [Int] = []

    private static let maximumRank = 32

    private var bytes: ArraySlice<UInt8>
    private let array: String

    init(_ text: ArraySlice<UInt8>, array: String) throws {
        bytes = text
        self.array = array
        try expect("{")
        var seen: Set<String> = []
        while !take("}") {
            let key = try string()
            guard seen.insert(key).inserted else { throw malformed("the key '\(key.prefix(40))' twice") }
            try expect(":")
            switch key {
            case "descr": descr = try type()
            case "fortran_order": fortranOrder = try boolean()
            case "shape": shape = try tuple()
            default: throw malformed("the unknown key '\(key.prefix(40))'")
            }
            guard take(",") else {
                try expect("}")
                break
            }
        }
        skipSpace()
        guard bytes.isEmpty else { throw malformed("something after the closing brace") }
        for key in ["descr", "fortran_order", "shape"] where !seen.contains(key) { throw malformed("no '\(key)'") }
    }

    private mutating func type() throws -> String {
        skipSpace()
        // A list is the type of a structured array; what is in it does not matter, it is refused anyway.
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.lastIndex(of: UInt8(ascii: "]")) else { throw malformed("a list without an end") }
            bytes = bytes[(end + 1)...]
            return "["
        }
        return try string()
    }

    private mutating func string() throws -> String {
        skipSpace()
        guard let quote = bytes.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
            throw malformed("no quoted string where one belongs")
        }
        bytes.removeFirst()
        guard let end = bytes.firstIndex(of: quote) else { throw malformed("a string without an end") }
        let content = bytes[..<end]
        guard content.allSatisfy({ $0 >= 32 && $0 != 127 && $0 != UInt8(ascii: "\\") }) else {
            throw malformed("a string with control characters or escapes")
        }
        bytes = bytes[(end + 1)...]
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func boolean() throws -> Bool {
        skipSpace()
        for (word, value) in [("True", true), ("False", false)] where bytes.starts(with: Array(word.utf8)) {
            bytes = bytes.dropFirst(word.utf8.count)
            return value
        }
        throw malformed("neither True nor False for fortran_order")
    }

    private mutating func tuple() throws -> [Int] {
        try expect("(")
        var sizes: [Int] = []
        while !take(")") {
            guard sizes.count < Self.maximumRank else { throw malformed("more than \(Self.maximumRank) axes") }
            sizes.append(try integer())
            guard take(",") else {
                try expect(")")
                // "(3)" is a number in Python, not a tuple.
                guard sizes.count > 1 else { throw malformed("a shape that is no tuple") }
                break
            }
        }
        return sizes
    }

    private mutating func integer() throws -> Int {
        skipSpace()
        let digits = bytes.prefix { (48...57).contains($0) }
        guard !digits.isEmpty, let value = Int(String(decoding: digits, as: UTF8.self)) else {
            throw malformed("an axis that is no whole number")
        }
        bytes = bytes[digits.endIndex...]
        // Python 2 wrote long integers with a suffix.
        if bytes.first == UInt8(ascii: "L") { bytes.removeFirst() }
        return value
    }

    private mutating func skipSpace() {
        bytes = bytes.drop { $0 == 32 || $0 == 10 || $0 == 13 || $0 == 9 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard bytes.first == UInt8(ascii: character) else { return false }
        bytes.removeFirst()
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        guard take(character) else { throw malformed("no '\(character)' where one belongs") }
    }

    private func malformed(_ what: String) -> Failure {
        .samples(
            "Array '\(array)' has a damaged .npy header: it has \(what). Save it again with numpy.save.", array: array)
    }
}
