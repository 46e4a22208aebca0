import Foundation
import TestSupport
import Testing

/// One calibration pass for several jobs, with the real worker.
@Suite(.ownThreads, .enabled(if: JobsClient.missing == nil, "\(JobsClient.missing ?? "")"))
struct StatisticsJobTests {
    private static let first = #"{"model":"digits","calibration_set":"digits","scheme":"int8-static"}"#
    private static let second =
        #"{"model":"digits","calibration_set":"digits","scheme":"int8-static","#
        + #""options":{"calibrator":"mean-min-max","exclude":["*first.0/Conv*"],"rounding":"nearest"}}"#

    private func stocked() throws -> JobsClient {
        let client = try JobsClient()
        try client.post("/v1/models?name=digits", JobsClient.example("model.onnx"), 201)
        try client.post("/v1/calibration-sets?name=digits&scale=1/255", JobsClient.example("calibration.npz"), 201)
        return client
    }

    /// The artifact's digest and what the report says of the statistics.
    private func outcome(_ order: String, _ client: JobsClient) throws -> (digest: String, source: String, key: String)
    {
        let end = try client.ended(client.postJob(order))
        #expect(end.json["state"] as? String == "succeeded", "\(end.text)")
        let calibration = try client.get("/v1/jobs/\(end.id)/report").json["calibration"] as? [String: Any]
        let statistics = calibration?["statistics"] as? [String: Any]
        return (
            try client.get("/v1/jobs/\(end.id)/artifact").digest, statistics?["source"] as? String ?? "",
            statistics?["key"] as? String ?? ""
        )
    }

    @Test func aSecondJobMakesNoPassAndGivesTheBytesOfOneThatDoes() throws {
        let client = try stocked()
        let before = try client.traces()
        let measured = try outcome(Self.first, client)
        #expect(measured.source == "measured")
        let reused = try outcome(Self.second, client)
        #expect(reused.source == "reused" && reused.key == measured.key)
        let other = try stocked()
        let anew = try outcome(Self.second, other)
        #expect(anew.source == "measured" && anew.key == measured.key && anew.digest == reused.digest)

        let rows = try client.get("/v1/models/digits/statistics").items
        #expect(rows.map { $0["key"] as? String } == [measured.key])
        let href = try #require(rows.first?["href"] as? String)
        let document = try client.get(href).json
        #expect((document["tensors"] as? [Any])?.count == rows[0]["tensors"] as? Int)
        // The same pass leaves the same bytes.
        let twin = try #require(try other.get("/v1/models/digits/statistics").items.first?["href"] as? String)
        #expect(try other.get(twin).body == client.get(href).body)

        try client.delete(href, 204)
        #expect(try outcome(Self.first, client).source == "measured")
        for job in try client.get("/v1/jobs").items { try client.delete("/v1/jobs/\(job["id"] ?? "")", 200) }
        #expect(try client.traces() != before)
        try client.delete("/v1/models/digits", 204)
        try client.delete("/v1/calibration-sets/digits", 204)
        try client.expectTraces([])
        #expect(client.server.terminate() == 0 && other.server.terminate() == 0)
    }

    @Test func theCommandLineKeepsThemInAFile() throws {
        let directory = try TemporaryDirectory()
        let model = try directory.write("model.onnx", JobsClient.example("model.onnx"))
        let samples = try directory.write("samples.npz", JobsClient.example("calibration.npz"))
        let file = directory.path + "/kept.statistics"
        func source(_ calibrator: String) throws -> String {
            let done = try Command.run(
                ServerProcess.binary,
                [
                    "quantize", model, "--calibration", samples, "--scale", "1/255", "-o", directory.path + "/out.onnx",
                    "--measure-time", "0.02", "--scheme", "int8-static", "--calibrator", calibrator, "--statistics",
                    file,
                ])
            #expect(done.exit == 0, "\(done)")
            let line = done.output.split(separator: "\n").first { $0.contains("  statistics") }
            return line.map(String.init) ?? ""
        }
        #expect(try source("auto").contains("measured in this job"))
        let written = try Data(contentsOf: URL(fileURLWithPath: file))
        #expect(try source("percentile").contains("those of an earlier job"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == written)
        try directory.write("kept.statistics", Array(written.dropLast(9)))
        #expect(try source("mse").contains("measured in this job"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == written)
    }
}
