import Testing

@testable import Service

@Suite struct JSONDocumentTests {
    private func read(_ text: String) -> JSONDocument? { try? JSONDocument(Array(text.utf8)) }

    @Test func everyKindOfValueIsRead() {
        let text = #" {"a": [1, -2.5e3, true, false, null], "b\n\u00e9\ud83d\ude00": "\/\\\"", "": {}} "#
        let expected = JSONDocument.object([
            .init(name: "a", value: .array([.number(1), .number(-2500), .bool(true), .bool(false), .null])),
            .init(name: "b\né😀", value: .string("/\\\"")), .init(name: "", value: .object([])),
        ])
        #expect(read(text) == expected)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "01", "-", "1.", "1e", "+1", ".5", "nul", "\"", "\"\\x\"",
        "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\u{1}\"", "1 2", "{a:1}", "{\"a\":1,\"a\":2}", "1e999",
        "NaN", "'a'", "[1 2]",
    ])
    func whatIsNoJSONIsRefused(_ text: String) {
        #expect(read(text) == nil)
    }

    @Test func invalidUTF8IsRefused() {
        #expect(throws: JSONDocument.SyntaxError.self) { try JSONDocument([0x22, 0xFF, 0x22]) }
    }

    @Test func everyPrefixOfADocumentIsRefusedWithoutATrap() {
        let bytes = Array(#"{"a":[1,-2.5e3,true,null],"b":"\u00e9\ud83d\ude00"}"#.utf8)
        for count in 0..<bytes.count {
            #expect(throws: JSONDocument.SyntaxError.self) { try JSONDocument(Array(bytes[..<count])) }
        }
    }

    @Test func depthIsBounded() {
        #expect(read(String(repeating: "[", count: 60) + String(repeating: "]", count: 60)) != nil)
        #expect(read(String(repeating: "[", count: 65) + String(repeating: "]", count: 65)) == nil)
    }

    @Test func randomBytesNeverTrap() {
        var generator = SeededGenerator(seed: 7)
        let alphabet = Array(#"{}[]",:\u0123456789eE+-.truefalsn "#.utf8)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0..<24, using: &generator)
            let bytes = (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            if let document = try? JSONDocument(bytes) {
                #expect((try? JSONDocument(Array(document.canonical.utf8)))?.canonical == document.canonical)
            }
        }
    }

    @Test func theSameMeaningHasTheSameCanonicalText() {
        #expect(read(#"{"b":1.0,"a":"x"}"#)?.canonical == read(#"{ "a":"\u0078", "b":1 }"#)?.canonical)
        #expect(read(#"{"a":"1"}"#)?.canonical != read(#"{"a":1}"#)?.canonical)
    }
}

@Suite struct TextTests {
    @Test(arguments: [("90s", 90.0), ("15m", 900), ("2h", 7200), ("1d", 86400), ("30", 30), ("0.5s", 0.5)])
    func durationsAreRead(_ text: String, _ seconds: Double) {
        #expect(Text.duration(text) == seconds)
    }

    @Test(arguments: ["", "m", "-1s", "0", "1w", "nan", "inf", "1e400s", "1 m x"])
    func otherTextsAreNoDurations(_ text: String) {
        #expect(Text.duration(text) == nil)
    }

    @Test func theNearestWordIsSuggested() {
        #expect(Text.nearest(to: "exlude", among: ["exclude", "percentile"]) == "exclude")
        #expect(Text.nearest(to: "zzzzzz", among: ["exclude", "percentile"]) == nil)
        #expect(Text.unknown("x", among: ["abcdef"]).contains("known: abcdef"))
    }

    @Test func fractionsAreRead() {
        #expect(Text.fraction("1/255") == 1.0 / 255)
        #expect(Text.fraction("1/0") == nil)
        #expect(Text.fraction("1/2/3") == nil)
        #expect(Text.fraction("") == nil)
    }

    @Test func sizesAreReadable() {
        #expect(Text.size(1_610_612_736) == "1.5 GiB")
        #expect(Text.size(12) == "12 bytes")
    }
}

@Suite struct FileNameTests {
    @Test func onlyPlainNamesPass() {
        for name in ["a", "model.onnx", "A-b_c.1"] { #expect(FileName.isPlain(name)) }
        for name in ["", ".", "..", ".a", "a/b", "a b", "a\u{0}", "é", String(repeating: "a", count: 129)] {
            #expect(!FileName.isPlain(name))
        }
    }

    @Test func anythingBecomesPlain() {
        #expect(FileName.safe("../../etc/passwd", or: "x") == "etc-passwd")
        #expect(FileName.safe("…", or: "x") == "x")
        #expect(FileName.safe("my \"model\"\r\n.onnx", or: "x").allSatisfy { $0 != "\"" && $0 != "\r\n" })
    }
}

/// SplitMix64: the same numbers in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
