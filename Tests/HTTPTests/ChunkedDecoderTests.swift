import Testing

@testable import HTTP

@Suite struct ChunkedDecoderTests {
    /// The data and the bytes used; feeds the text cut at the places given.
    private func decode(_ text: String, cutAt cuts: [Int] = []) throws -> (data: String, used: Int, isComplete: Bool) {
        var decoder = ChunkedDecoder()
        let bytes = Array(text.utf8)
        var data: [UInt8] = []
        var used = 0, start = 0
        for end in cuts + [bytes.count] {
            used += try Array(bytes[start..<end]).withUnsafeBytes { piece in
                try decoder.decode(piece) { data.append(contentsOf: $0) }
            }
            start = end
        }
        return (String(decoding: data, as: UTF8.self), used, decoder.isComplete)
    }

    @Test func aBodyIsTheSameAtEverySplit() throws {
        let text = "5\r\nhello\r\n000000000000000b;name=\"v;\"\r\n, world 123\r\n0;x\r\nTrailer-A: b\r\nC: d\r\n\r\n"
        for cut in 0...text.utf8.count {
            let result = try decode(text + "GET", cutAt: [cut])
            #expect(result.data == "hello, world 123" && result.isComplete)
            // What follows the body stays with the caller; in the piece after the body's end it is all of it.
            #expect(result.used == text.utf8.count)
        }
        #expect(try decode(text, cutAt: Array(0..<text.utf8.count)).data == "hello, world 123")
    }

    @Test func everyTruncationWaits() throws {
        let text = "3\r\nabc\r\n0\r\n\r\n"
        for end in 0..<text.utf8.count {
            #expect(try !decode(String(decoding: Array(text.utf8.prefix(end)), as: UTF8.self)).isComplete)
        }
    }

    static let bad = [
        "\r\n", "x\r\n", "+5\r\n", "-5\r\n", "0x5\r\n", "1_0\r\n", " 5\r\n", "5 \r\n", "5\n", "5\r\r\n", "5\rx",
        "5 ;a\r\n", "10000000000000000\r\n", "00000000000000005\r\n", "ffffffffffffffff\r\n", "8000000000000000\r\n",
        "3\r\nabcd", "3\r\nabc\n", "3\r\nabc\rx", "3;a\nb\r\n", "3;a\rb\r\n", "3;\u{0}\r\n", "3;a\u{7f}\r\n", ";\r\n",
        "0\r\nA : b\r\n\r\n", "0\r\nA\r\n\r\n", "0\r\nA: b\r\n c\r\n\r\n", "0\r\nA: b\n\r\n", "0\r\n\n",
        "0\r\n: b\r\n\r\n",
        "0\r\nA: \u{0}\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n", "0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0\r\nHost: h\r\n\r\n",
    ]

    @Test func badFramingIsRefusedAtEverySplit() {
        for text in ChunkedDecoderTests.bad {
            for cut in 0...text.utf8.count {
                #expect(throws: HTTPError.self, "\(text.debugDescription) at \(cut)") { try decode(text, cutAt: [cut]) }
            }
        }
    }

    @Test func extensionsAndTrailersAreBounded() {
        #expect(throws: HTTPError.self) { try decode("5;" + String(repeating: "a", count: 5000)) }
        let many = String(repeating: "1;" + String(repeating: "a", count: 100) + "\r\nx\r\n", count: 50)
        #expect(throws: HTTPError.self) { try decode(many) }
        #expect(throws: HTTPError.self) { try decode("0\r\nA: " + String(repeating: "a", count: 9000)) }
        #expect(throws: HTTPError.self) { try decode("0\r\n" + String(repeating: "A: b\r\n", count: 33)) }
    }
}
