import Glibc

/// The character classes of RFC 9110 §5.6 and RFC 3986.
enum ASCII {
    static let tab: UInt8 = 0x09, lf: UInt8 = 0x0A, cr: UInt8 = 0x0D, space: UInt8 = 0x20
    static let colon: UInt8 = 0x3A, slash: UInt8 = 0x2F, question: UInt8 = 0x3F, semicolon: UInt8 = 0x3B
    static let percent: UInt8 = 0x25, ampersand: UInt8 = 0x26, equals: UInt8 = 0x3D, plus: UInt8 = 0x2B
    static let quote: UInt8 = 0x22, backslash: UInt8 = 0x5C, hyphen: UInt8 = 0x2D

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    static func hexValue(_ byte: UInt8) -> UInt8? {
        if isDigit(byte) { return byte &- 0x30 }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    /// A bit per character below 64 and from 64 to 127: letters, digits and !#$%&'*+-.^_`|~ (tchar).
    private static func contains(_ low: UInt64, _ high: UInt64, _ byte: UInt8) -> Bool {
        guard byte < 128 else { return false }
        return (byte < 64 ? low >> UInt64(byte) : high >> UInt64(byte & 63)) & 1 == 1
    }

    static func isToken(_ byte: UInt8) -> Bool { contains(0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE, byte) }

    /// Field values hold visible characters, space, tab and bytes above 127 (obs-text); no other control character.
    static func isFieldValue(_ byte: UInt8) -> Bool { byte >= 0x20 ? byte != 0x7F : byte == tab }

    /// Visible characters that may stand in a path: no space, no controls, none of `"#<>\^`{|}`.
    static func isPath(_ byte: UInt8) -> Bool { contains(0x2FFF_FFF2_0000_0000, 0x47FF_FFFE_AFFF_FFFF, byte) }

    /// In a query browsers leave more unescaped; only "#", controls and non-ASCII are out.
    static func isQuery(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F && byte != 0x23 }
}

extension UnsafeRawBufferPointer {
    /// A view of a part. The range must lie inside.
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self[range]) }

    /// Bytes that are not UTF-8 become U+FFFD.
    var text: String { String(decoding: self, as: UTF8.self) }

    /// The index of the next such byte.
    func find(_ byte: UInt8, from start: Int) -> Int? {
        guard let base = baseAddress, let found = memchr(base + start, Int32(byte), count - start) else { return nil }
        return UnsafeRawPointer(found) - base
    }

    func equalsIgnoringCase(_ other: StaticString) -> Bool {
        guard count == other.utf8CodeUnitCount else { return false }
        for index in 0..<count {
            let mine = self[index], theirs = other.utf8Start[index]
            guard mine == theirs || (mine | 0x20 == theirs | 0x20 && ASCII.isLetter(mine)) else { return false }
        }
        return true
    }

    /// Without spaces and tabs at both ends.
    var trimmed: UnsafeRawBufferPointer {
        var start = 0, end = count
        while start < end, self[start] == ASCII.space || self[start] == ASCII.tab { start += 1 }
        while end > start, self[end - 1] == ASCII.space || self[end - 1] == ASCII.tab { end -= 1 }
        return part(start..<end)
    }
}
