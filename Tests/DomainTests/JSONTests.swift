import Domain
import Foundation
import Testing

@Suite struct JSONTests {
    private struct Everything: Codable, Equatable {
        var maxSamples: Int?
        var aPath = "/v1/a/b"
        var created = Date(timeIntervalSince1970: 1_790_000_000.125)
        var opsets = ["ai.onnx": 13, "com.microsoft": 1]
        var share = 0.1
    }

    @Test func theSameValueGivesTheSameBytes() throws {
        let bytes = try JSON.encode(Everything())
        #expect(try JSON.encode(Everything()) == bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"a_path":"/v1/a/b","created":"2026-09-21T14:13:20.125Z","opsets":{"ai.onnx":13,"com.microsoft":1},"share":0.1}"#
        )
        #expect(try JSON.decode(Everything.self, from: bytes) == Everything())
    }

    @Test func numbersThatAreNoneAreRefused() {
        #expect(throws: (any Error).self) { try JSON.encode(Everything(share: .nan)) }
        #expect(throws: (any Error).self) { try JSON.encode(Everything(share: .infinity)) }
    }

    @Test(arguments: ["2026-09-21T14:13:20Z", "2026-09-21T14:13:20.000Z"])
    func timesWithAndWithoutFractionsAreRead(_ text: String) {
        #expect(Timestamp.date(text) == Date(timeIntervalSince1970: 1_790_000_000))
    }

    @Test(arguments: ["", "yesterday", "2026-13-01T00:00:00Z", "1790000000"])
    func otherTimesAreNot(_ text: String) { #expect(Timestamp.date(text) == nil) }
}
