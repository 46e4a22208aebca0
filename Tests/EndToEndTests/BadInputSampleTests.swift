import Foundation
import TestGraphs
import TestSupport
import Testing

/// Sets that cannot be used at all, and sets that do not fit the model.
@Suite(.ownThreads, .enabled(if: JobsClient.missing == nil, "\(JobsClient.missing ?? "")"))
struct BadInputSampleTests {
    static let unusable: [BadInputModelTests.Case] = [
        .init("no archive", Array("samples".utf8), "invalid-calibration-set", "numpy.save"),
        .init("a model", JobsFiles.model(), "invalid-calibration-set", "neither .npy nor .npz"),
        .init("no arrays", JobsFiles.archive([]), "invalid-calibration-set", "no arrays"),
        .init("no samples", JobsFiles.samples(rows: 0), "invalid-calibration-set", "at least one"),
        .init("NaN", JobsFiles.samples { $0[9] = .nan }, "invalid-calibration-set", "sample 2"),
        .init("infinity", JobsFiles.samples { $0[13] = -.infinity }, "invalid-calibration-set", "sample 3"),
        .init(
            "text", JobsFiles.archive([("x", NPY.bytes(NPY.header("<U1", [2]), [UInt8](repeating: 65, count: 8)))]),
            "invalid-calibration-set", "'<U1'"),
        .init(
            "pickle", JobsFiles.archive([("x", NPY.bytes(NPY.header("|O", [2]), [0x80, 4, 0x4e, 0x2e]))]),
            "invalid-calibration-set", "pickle"),
        .init(
            "shape of 2^44", JobsFiles.archive([("x", NPY.bytes(NPY.header("<f4", [1 << 44, 4]), [1, 2, 3, 4]))]),
            "invalid-calibration-set", "'x'"),
        .init(
            "overflowing shape",
            JobsFiles.archive([("x", NPY.bytes(NPY.header("<f4", [1 << 40, 1 << 40]), [1, 2, 3, 4]))]),
            "invalid-calibration-set", "'x'"),
        .init(
            "labels of another number",
            JobsFiles.archive([
                ("x", NPY.floats([2, 4], [Float](repeating: 1, count: 8))),
                ("labels", NPY.array("<i8", [3], [0, 1, 2])),
            ]), "invalid-calibration-set", "one label each"),
    ]

    @Test(arguments: unusable) func isRefused(_ input: BadInputModelTests.Case) throws {
        let client = try JobsClient()
        let answer = try client.post("/v1/calibration-sets?name=bad", input.bytes, 422, code: input.code)
        #expect(answer.detail.contains(input.words), "\(answer.detail)")
        #expect(try client.traces() == [])
        try client.post("/v1/calibration-sets", JobsFiles.samples(), 201)
    }

    @Test func anArchiveCutAnywhereIsRefused() throws {
        let client = try JobsClient()
        let bytes = JobsFiles.samples()
        for length in stride(from: 1, to: bytes.count, by: bytes.count / 20) {
            try client.post(
                "/v1/calibration-sets", Array(bytes.prefix(length)), 422, code: "invalid-calibration-set")
        }
        #expect(try client.traces() == [])
        try client.doesAGoodJob()
    }

    /// The problem names the input, what was expected and what came.
    @Test func whatDoesNotFitIsSaidInputByInput() throws {
        let client = try JobsClient()
        try client.post("/v1/models?name=net", JobsFiles.model(), 201)
        let rows = NPY.floats([16, 4], [Float](repeating: 0.5, count: 64))
        let sets: [(String, [UInt8], String)] = [
            ("wide", JobsFiles.samples(columns: 5), "axis 1 must be 4, not 5"),
            (
                "deep", JobsFiles.archive([("x", NPY.floats([2, 2, 2, 4], [Float](repeating: 1, count: 32)))]),
                "shape [2, 2, 2, 4]"
            ),
            ("two", JobsFiles.archive([("a", rows), ("b", rows)]), "'a' float32[16, 4], 'b' float32[16, 4]"),
        ]
        for (name, bytes, words) in sets {
            try client.post("/v1/calibration-sets?name=\(name)", bytes, 201)
            let before = try client.traces()
            let answer = try client.post(
                "/v1/jobs", #"{"model":"net","calibration_set":"\#(name)"}"#, 422, code: "invalid-calibration-set")
            #expect(answer.detail.hasPrefix("Input 'x' expects float32[N, 4]: "), "\(answer.detail)")
            #expect(answer.detail.contains(words), "\(answer.detail)")
            #expect((answer.json["errors"] as? [[String: Any]])?.first?["pointer"] as? String == "x")
            #expect(try client.traces() == before)
        }
        try client.post("/v1/calibration-sets?name=set", JobsFiles.samples(), 201)
        let end = try client.ended(client.postJob(#"{"model":"net","calibration_set":"set"}"#))
        #expect(end.json["state"] as? String == "succeeded", "\(end.text)")
    }

    /// Nobody would notice that nothing was done.
    @Test(arguments: ["preset=yolo", "size=320", "split=val", "on_error=skip", "fill=0&scale=1/255"])
    func whatIsForPicturesIsRefusedForArrays(_ query: String) throws {
        let client = try JobsClient()
        let answer = try client.post(
            "/v1/calibration-sets?" + query, JobsFiles.samples(), 422, code: "invalid-calibration-set")
        #expect(answer.detail.contains("pictures only"), "\(answer.detail)")
        #expect(try client.traces() == [])
    }

    @Test func aPreprocessingThatMakesNoSenseIsRefused() throws {
        let client = try JobsClient()
        for query in [
            "scale=x", "scale=1/0", "std=0", "mean=1,a", "layout=nchw", "role=test", "sclae=1", "scale=nan",
            "scale=1e-300",
            "scale=1e300", "std=1e-300", "std=1e300", "mean=1e300",
        ] {
            try client.post(
                "/v1/calibration-sets?" + query, JobsFiles.samples(), 400,
                code: query.hasPrefix("sclae") ? "unknown-parameter" : "invalid-parameter")
        }
        #expect(try client.traces() == [])
        // Three means for four columns: known once the model says that the array is not left as it is.
        try client.post("/v1/calibration-sets?name=set&mean=1,2,3", JobsFiles.samples(), 201)
        try client.post("/v1/models?name=net", JobsFiles.model(), 201)
        let end = try client.ended(client.postJob(#"{"model":"net","calibration_set":"set"}"#))
        #expect(end.failure["type"] as? String == "invalid-calibration-set", "\(end.text)")
        #expect((end.failure["detail"] as? String)?.contains("speaks of 3 channels") == true)
        try client.delete("/v1/models/net", 204)
        try client.doesAGoodJob()
    }
}
