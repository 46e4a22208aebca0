import Foundation
import TestSupport
import Testing

/// Files that are no model, or one that nothing can be done with: each is refused with a reason and leaves nothing behind.
@Suite(.ownThreads, .enabled(if: JobsClient.missing == nil, "\(JobsClient.missing ?? "")"))
struct BadInputModelTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        var code: String
        /// Part of the detail.
        var words: String

        init(_ name: String, _ bytes: [UInt8], _ code: String, _ words: String) {
            testDescription = name
            self.bytes = bytes
            self.code = code
            self.words = words
        }
    }

    static let cases: [Case] = [
        .init("one byte", [0x78], "corrupt-model", "looks like text"),
        .init("random bytes", random(4000), "corrupt-model", "damaged at byte"),
        .init("TFLite", [0x1c, 0, 0, 0] + Array("TFL3".utf8) + random(200), "corrupt-model", "TensorFlow Lite"),
        .init("zip", JobsFiles.samples(), "corrupt-model", "zip archive"),
        .init("PNG", [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10], "corrupt-model", "PNG"),
        .init(
            "absurd length", [0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "corrupt-model",
            "cut off"),
        .init(
            "longest length", [0x3a] + [UInt8](repeating: 0xff, count: 9) + [0x01], "corrupt-model", "cut off"),
        .init("length beyond 64 bits", [0x3a] + [UInt8](repeating: 0xff, count: 10), "corrupt-model", "damaged"),
        .init("nesting", nested(5000), "unsupported-model", "nest"),
        .init("overflowing shape", JobsFiles.model { $0.weightDims = [1 << 40, 1 << 40] }, "invalid-model", "'w'"),
        .init("weight of 2^44", JobsFiles.model { $0.weightDims = [1 << 44] }, "invalid-model", "17592186044416"),
        .init("input of 2^44", JobsFiles.model { $0.inputDims = [1, 1 << 44] }, "unsupported-model", "'x'"),
        .init("negative size", JobsFiles.model { $0.weightDims = [-8, 4] }, "invalid-model", "negative"),
        .init("data above", JobsFiles.model { $0.location = "../../etc/passwd" }, "invalid-model", "not a path"),
        .init("data at a path", JobsFiles.model { $0.location = "/etc/passwd" }, "invalid-model", "not a path"),
        .init("data in a folder", JobsFiles.model { $0.location = ".." }, "invalid-model", "directory"),
        .init(
            "data not sent", JobsFiles.model { $0.location = "weights.bin" }, "missing-external-data",
            "-F 'data=@weights.bin'"),
        .init("data nowhere", JobsFiles.model { $0.location = "" }, "invalid-model", "empty"),
    ]

    @Test(arguments: cases) func isRefused(_ input: Case) throws {
        let client = try JobsClient()
        let answer = try client.post("/v1/models?name=bad", input.bytes, 422, code: input.code)
        #expect(answer.detail.contains(input.words), "\(answer.detail)")
        #expect(try client.traces() == [])
        try client.post("/v1/models", JobsFiles.model(), 201)
    }

    @Test func afterAllOfThemTheServerStillWorks() throws {
        let client = try JobsClient()
        for input in Self.cases { try client.post("/v1/models", input.bytes, 422, code: input.code) }
        #expect(try client.traces() == [])
        try client.doesAGoodJob()
    }

    @Test func anEmptyBodyIsRefused() throws {
        let client = try JobsClient()
        for path in ["/v1/models", "/v1/calibration-sets"] { try client.post(path, [UInt8](), 400, code: "empty-body") }
        try client.post("/v1/jobs", [UInt8](), 400, code: "empty-body")
        #expect(try client.traces() == [])
        try client.doesAGoodJob()
    }

    @Test func aModelCutAnywhereIsRefused() throws {
        let client = try JobsClient()
        let small = JobsFiles.model()
        let digits = try JobsClient.example("model.onnx")
        let cuts = stride(from: 1, to: small.count, by: small.count / 12).map { small.prefix($0) }
        let large = (1..<12).map { digits.prefix(digits.count * $0 / 12 + $0) }
        for bytes in cuts + large + [digits.dropLast()] {
            let answer = try client.server.post("/v1/models", Array(bytes))
            #expect(answer.status == 422, "\(bytes.count): \(answer.text)")
            #expect(["corrupt-model", "invalid-model"].contains(answer.json["code"] as? String), "\(answer.text)")
        }
        #expect(try client.traces() == [])
        try client.doesAGoodJob()
    }

    @Test func dataOfAnotherFormIsRefused() throws {
        let client = try JobsClient()
        let model = try client.server.directory.write("net.onnx", JobsFiles.model { $0.location = "weights.bin" })
        let data = try client.server.directory.write("weights.bin", [UInt8](repeating: 0, count: 128))
        func form(_ part: String, _ status: Int, _ code: String) throws {
            try client.send("POST", "/v1/models", ["-F", "model=@\(model)", "-F", part], status, code)
        }
        try form("data=@\(data);filename=../../etc/passwd", 400, "invalid-part")
        try form("data=@\(data);filename=/etc/passwd", 400, "invalid-part")
        try form("data=@\(data);filename=..", 400, "invalid-part")
        try form("data=@\(data);filename=other.bin", 422, "missing-external-data")
        try form("weights=@\(data)", 400, "invalid-part")
        let short = try client.server.directory.write("short", [1, 2, 3])
        try form("data=@\(short);filename=weights.bin", 422, "invalid-model")
        let whole = try client.server.directory.write("whole.onnx", JobsFiles.model())
        try client.send(
            "POST", "/v1/models", ["-F", "model=@\(whole)", "-F", "data=@\(data)"], 422, "unused-external-data")
        try client.send("POST", "/v1/models", ["-F", "data=@\(data)"], 400, "missing-part")
        #expect(try client.traces() == [])
        try client.doesAGoodJob()
    }

    /// These are models, and are kept; jobs on them are refused before anything is queued.
    @Test(arguments: [
        ("unsupported-model", "ai.onnx.contrib", JobsFiles.model { $0.domain = "ai.onnx.contrib" }),
        ("already-quantized", "FP32 model", JobsFiles.model { $0.quantized = true }),
        ("nothing-to-quantize", "no Conv, Gemm or MatMul", JobsFiles.model { $0.op = "Relu" }),
    ])
    func aJobOnAModelThatCannotBeQuantizedIsRefused(_ code: String, _ words: String, _ bytes: [UInt8]) throws {
        let client = try JobsClient()
        let model = try client.post("/v1/models?name=net", bytes, 201)
        let findings = model.json["findings"] as? [[String: Any]] ?? []
        #expect(findings.contains { $0["code"] as? String == code && $0["severity"] as? String == "error" })
        try client.post("/v1/calibration-sets?name=set", JobsFiles.samples(), 201)
        let before = try client.traces()
        for query in ["", "?dry_run=true"] {
            let answer = try client.post(
                "/v1/jobs" + query, #"{"model":"net","calibration_set":"set"}"#, 422, code: code)
            #expect(answer.detail.contains(words), "\(answer.detail)")
        }
        #expect(try client.traces() == before)
        try client.delete("/v1/models/net", 204)
        try client.delete("/v1/calibration-sets/set", 204)
        try client.expectTraces([])
        try client.doesAGoodJob()
    }

    /// What only a run shows fails the job, and the reason is the user's to read.
    @Test(arguments: [
        ("weights of NaN", "invalid-model", "'w'", JobsFiles.model { $0.weights[3] = .nan }),
        (
            "shapes that contradict", "unsupported-model", "engine refuses",
            JobsFiles.model {
                $0.weightDims = [8, 5]
                $0.weights = [Float](repeating: 1, count: 40)
            }
        ),
    ])
    func aModelThatOnlyFailsInARunFailsItsJob(_ name: String, _ type: String, _ words: String, _ bytes: [UInt8]) throws
    {
        let client = try JobsClient()
        try client.post("/v1/models?name=net", bytes, 201)
        try client.post("/v1/calibration-sets?name=set", JobsFiles.samples(), 201)
        let before = try client.traces()
        let path = try client.postJob(#"{"model":"net","calibration_set":"set"}"#)
        let end = try client.ended(path)
        #expect(end.json["state"] as? String == "failed" && end.json["attempt"] as? Int == 1)
        #expect(end.failure["type"] as? String == type && end.failure["fault"] as? String == "user", "\(end.text)")
        let detail = end.failure["detail"] as? String ?? ""
        #expect(detail.contains(words) && !detail.contains(client.server.directory.path), "\(detail)")
        try client.get(path + "/artifact", 409, code: "job-failed")
        #expect(try client.get(path + "/log").text.contains(type))
        try client.delete(path, 200)
        try client.forgetStatistics(of: "net")
        try client.expectTraces(before)
        try client.doesAGoodJob()
    }

    // MARK: Bytes

    private static func random(_ count: Int) -> [UInt8] {
        // A constant start, so that the first byte is never by chance a good one.
        [0xfb] + (1..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 2_654_435_761 >> 7) }
    }

    /// A graph in an attribute of a node in a graph, and so on.
    private static func nested(_ levels: Int) -> [UInt8] {
        var inner: [UInt8] = []
        for _ in 0..<levels {
            var node = Message()
            node.text(4, "If")
            node.message(5) { attribute in
                attribute.text(1, "then_branch")
                attribute.message(6) { $0.field(1, inner) }
                attribute.number(20, 5)
            }
            inner = node.bytes
        }
        var model = Message()
        model.number(1, 8)
        model.message(7) { $0.field(1, inner) }
        return model.bytes
    }
}
