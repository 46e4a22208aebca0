import Domain
import Testing

@Suite struct DigestTests {
    private let digits = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF"

    @Test func bothSpellingsAreTheSameDigest() throws {
        let digest = try #require(Digest(digits))
        #expect(digest == Digest("sha256:" + digits.lowercased()))
        #expect(digest.description == "sha256:" + digits.lowercased())
        #expect(Digest(bytes: digest.bytes) == digest)
        #expect(digest.bytes.count == 32 && digest.bytes[1] == 0x23)
    }

    @Test func otherTextIsNoDigest() {
        for text in [
            "", "sha256:", String(digits.dropLast()), digits + "0", "sha512:" + digits, "g" + digits.dropFirst(),
        ] {
            #expect(Digest(text) == nil)
        }
    }

    @Test func itIsAPlainStringInJSON() throws {
        let digest = try #require(Digest(digits))
        let bytes = try JSON.encode([digest])
        #expect(String(decoding: bytes, as: UTF8.self) == "[\"\(digest)\"]")
        #expect(try JSON.decode([Digest].self, from: bytes) == [digest])
        #expect(throws: (any Error).self) { try JSON.decode([Digest].self, from: Array("[\"abc\"]".utf8)) }
    }
}
