/// A full SHA-256 digest, the identity of every stored object. Written `sha256:<64 hex digits>`.
package struct Digest: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    /// 64 lower-case hexadecimal digits.
    package let hex: String

    /// Accepts 64 hexadecimal digits with or without the `sha256:` prefix; anything else gives nil.
    package init?(_ text: String) {
        let digits = (text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...]).lowercased()
        guard digits.utf8.count == 64, digits.utf8.allSatisfy({ Self.isHex($0) }) else { return nil }
        hex = digits
    }

    /// Wraps the 32 bytes a hash function returned.
    package init(bytes: some Collection<UInt8>) {
        precondition(bytes.count == 32, "a SHA-256 digest has 32 bytes")
        let digits = Array("0123456789abcdef".utf8)
        hex = String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    package var description: String { "sha256:" + hex }
    package static func < (a: Digest, b: Digest) -> Bool { a.hex < b.hex }

    /// The 32 bytes.
    package var bytes: [UInt8] {
        func value(_ c: UInt8) -> UInt8 { c < 58 ? c - 48 : c - 87 }
        let digits = Array(hex.utf8)
        return stride(from: 0, to: 64, by: 2).map { value(digits[$0]) << 4 | value(digits[$0 + 1]) }
    }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let digest = Digest(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "\(text) is not sha256:<64 hex digits>"))
        }
        self = digest
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    private static func isHex(_ c: UInt8) -> Bool { (48...57).contains(c) || (97...102).contains(c) }
}
