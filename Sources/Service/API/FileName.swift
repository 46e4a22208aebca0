/// Names that come from outside and end up in file names, URLs or header fields.
enum FileName {
    static let longest = 128

    /// Letters, digits, dot, underscore and dash, not starting with a dot: safe in a path, a URL and a quoted string.
    static func isPlain(_ name: String) -> Bool {
        guard (1...longest).contains(name.utf8.count), !name.hasPrefix(".") else { return false }
        return name.utf8.allSatisfy(isPlain)
    }

    /// The name with everything else replaced, or `fallback` when nothing of it is left.
    static func safe(_ name: String, or fallback: String) -> String {
        let bytes = name.utf8.suffix(longest).map { isPlain($0) ? $0 : UInt8(ascii: "-") }
        let text = String(decoding: bytes.drop { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }, as: UTF8.self)
        return text.isEmpty ? fallback : text
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
