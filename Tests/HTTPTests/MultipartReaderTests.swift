import Testing

@testable import HTTP

@Suite struct MultipartReaderTests {
    private struct Piece: Equatable {
        var name: String
        var fileName: String?
        var data: [UInt8] = []
        var isWhole = false
    }

    private func read(_ body: [UInt8], boundary: String = "XyZ", cutAt cuts: [Int] = []) throws -> [Piece] {
        var reader = try MultipartReader(contentType: "multipart/form-data; boundary=\(boundary)")
        var pieces: [Piece] = []
        var start = 0
        for end in cuts + [body.count] {
            try Array(body[start..<end]).withUnsafeBytes { bytes in
                try reader.push(bytes) { event in
                    switch event {
                    case .partBegan(let part): pieces.append(Piece(name: part.name, fileName: part.fileName))
                    case .data(let data):
                        #expect(!data.isEmpty && !pieces.isEmpty)
                        pieces[pieces.count - 1].data.append(contentsOf: data)
                    case .partEnded: pieces[pieces.count - 1].isWhole = true
                    }
                }
            }
            start = end
        }
        try reader.finish()
        return pieces
    }

    private func part(_ fields: String, _ data: String) -> String { "--XyZ\r\n\(fields)\r\n\r\n\(data)\r\n" }

    @Test func partsAreTheSameAtEverySplit() throws {
        // Data full of things that look like the beginning of a boundary.
        let tricky = "\r\n--Xy\r\r\n-\r\n--XyY\n--XyZ\r\r\n--Xy"
        let text =
            part("Content-Disposition: form-data; name=\"model\"; filename=\"a.onnx\"\r\nContent-Type: x/y", tricky)
            + part("content-disposition: form-data; name=empty", "")
            + part("Content-Disposition: form-data; name=\"q\\\"\\\\\"", "\r\n") + "--XyZ--\r\nepilogue"
        let expected = [
            Piece(name: "model", fileName: "a.onnx", data: Array(tricky.utf8), isWhole: true),
            Piece(name: "empty", isWhole: true),
            Piece(name: "q\"\\", data: [13, 10], isWhole: true),
        ]
        let body = Array(text.utf8)
        for cut in 0...body.count { #expect(try read(body, cutAt: [cut]) == expected, "cut at \(cut)") }
        for first in stride(from: 0, to: body.count, by: 3) {
            for second in first..<min(body.count, first + 9) {
                #expect(try read(body, cutAt: [first, second]) == expected)
            }
        }
        #expect(try read(body, cutAt: Array(0..<body.count)) == expected)
        #expect(try read(Array("preamble\r\n".utf8) + body) == expected)
    }

    @Test func randomDataComesThroughWhole() throws {
        var random = SeededRandom(7)
        let alphabet = Array("\r\n-XyZa".utf8)
        for _ in 0..<300 {
            let data = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            let text = String(decoding: data, as: UTF8.self)
            guard !contains(data, "\r\n--XyZ") else { continue }
            let body = Array(part("Content-Disposition: form-data; name=a", text).utf8) + Array("--XyZ--".utf8)
            let cuts = (0..<5).map { _ in Int.random(in: 0...body.count, using: &random) }.sorted()
            #expect(try read(body, cutAt: cuts).first?.data == data)
        }
    }

    private func contains(_ data: [UInt8], _ pattern: String) -> Bool {
        let pattern = Array(pattern.utf8)
        guard data.count >= pattern.count else { return false }
        return (0...data.count - pattern.count).contains { data[$0..<$0 + pattern.count].elementsEqual(pattern) }
    }

    @Test func largeDataComesInLargePieces() throws {
        var reader = try MultipartReader(contentType: "multipart/form-data; boundary=b")
        let head = Array("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n".utf8)
        let data = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var sizes: [Int] = []
        try (head + data).withUnsafeBytes { bytes in
            try reader.push(bytes) { if case .data(let piece) = $0 { sizes.append(piece.count) } }
        }
        #expect(sizes == [100_000])
    }

    @Test func everyTruncationIsAnError() throws {
        let body = Array((part("Content-Disposition: form-data; name=a", "data") + "--XyZ--").utf8)
        for end in 0..<body.count { #expect(throws: HTTPError.self) { try read(Array(body[0..<end])) } }
        #expect(try read(body).count == 1)
    }

    static let bad = [
        "--XyZ\r\n\r\ndata\r\n--XyZ--", "--XyZ\r\nContent-Disposition: form-data\r\n\r\n\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition: form-data; name=\"a\r\n\r\n\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition: form-data; name=a\nX: y\r\n\r\n\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition: form-data; name=a\r\n folded\r\n\r\n\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition : form-data; name=a\r\n\r\n\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n--XyZ--",
        "--XyZjunk\r\n", "--XyZ-x", "--XyZ\rx",
    ]

    @Test func malformedBodiesAreRefusedAtEverySplit() {
        for text in MultipartReaderTests.bad {
            for cut in 0...text.utf8.count {
                #expect(throws: HTTPError.self, "\(text.debugDescription) at \(cut)") {
                    try read(Array(text.utf8), cutAt: [cut])
                }
            }
        }
    }

    @Test func boundsHold() {
        let long = "--XyZ\r\nContent-Disposition: form-data; name=a; x=\(String(repeating: "x", count: 9000))"
        #expect(throws: HTTPError.self) { try read(Array(long.utf8)) }
        let many = String(repeating: part("Content-Disposition: form-data; name=a", ""), count: 65) + "--XyZ--"
        #expect(throws: HTTPError.self) { try read(Array(many.utf8)) }
        let preamble = String(repeating: "x", count: 5000) + "\r\n--XyZ--"
        #expect(throws: HTTPError.self) { try read(Array(preamble.utf8)) }
    }

    @Test func theContentTypeMustNameABoundary() {
        for type in [
            "text/plain", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a",
            "multipart/form-data; boundary=\"a\r\n\"", "multipart/mixed; boundary=a",
            "multipart/form-data; boundary=" + String(repeating: "a", count: 71),
        ] {
            #expect(throws: HTTPError.self, "\(type)") { try MultipartReader(contentType: type) }
        }
        #expect(throws: Never.self) {
            try MultipartReader(contentType: "Multipart/Form-Data; charset=x; Boundary=\"a b:c\"")
        }
    }
}
