import Foundation
import ModelGraph
import TestGraphs
import TestSupport
import Testing

/// Two jobs at once on the real worker, of which only one may run while the other measures.
@Suite(.ownThreads, .enabled(if: JobsClient.missing == nil, "\(JobsClient.missing ?? "")"))
struct MeasuringTests {
    private static let order = #"{"model":"net","calibration_set":"set"}"#

    private func client(_ settings: [String]) throws -> JobsClient {
        let client = try JobsClient(["workers=2"] + settings)
        try client.post("/v1/models?name=net", JobsFiles.slowModel(), 201)
        try client.post("/v1/calibration-sets?name=set", JobsFiles.slowSamples(), 201)
        return client
    }

    /// Soon `isSo`; looks at it again and again.
    private func soon(_ what: String, _ isSo: () throws -> Bool) throws {
        let limit = Date() + 60
        while !(try isSo()) { try #require(Date() < limit, "never: \(what)") }
    }

    /// The third field of /proc/PID/stat; nil for a process that is gone.
    private func state(_ process: Int32) -> Substring? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let name = text.lastIndex(of: ")")
        else { return nil }
        return text[name...].split(separator: " ").dropFirst().first
    }

    private func states(_ client: JobsClient) throws -> [Substring] { try client.workers().compactMap(state) }

    @Test func twoJobsMeasureOneAfterTheOther() throws {
        let client = try client(["measure_time=0.5s"])
        let jobs = try (0..<2).map { _ in try client.postJob(Self.order) }
        for job in jobs {
            let end = try client.ended(job)
            #expect(end.json["state"] as? String == "succeeded", "\(end.text)")
            let latency = try #require(try client.get(job + "/report").json["latency"] as? [String: Any])
            let conditions = try #require(latency["conditions"] as? [String: Any])
            let neighbours = try #require(conditions["neighbours"] as? [String: Any], "\(conditions)")
            #expect(neighbours["conversions"] as? Int == 0 && neighbours["inspections"] as? Int == 0, "\(neighbours)")
            #expect(latency["stability"] as? String != "disturbed")
            let text = try client.get(job + "/report", with: ["-H", "Accept: text/plain"]).text
            #expect(text.contains("held still") && !text.contains("Not measured alone"))
        }
        let logs = try jobs.map { try client.get($0 + "/log").text }
        #expect(logs.contains { $0.contains("while another job measured") }, "\(logs)")
    }

    /// Every thread of it stands, and it goes on when the other is gone.
    @Test func whileOneMeasuresTheOtherIsStopped() throws {
        let client = try client(["measure_time=60s"])
        for _ in 0..<2 { _ = try client.postJob(Self.order) }
        try soon("one held, one at work") { try states(client).sorted().first != "T" && states(client).contains("T") }
        let held = try #require(try client.workers().first { state($0) == "T" })
        for thread in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(held)/task") {
            let text = try String(contentsOfFile: "/proc/\(held)/task/\(thread)/stat", encoding: .utf8)
            #expect(text[(text.lastIndex(of: ")") ?? text.startIndex)...].hasPrefix(") T"), "\(text)")
        }
        for worker in try client.workers() where worker != held { kill(worker, SIGKILL) }
        try soon("the held one goes on") { state(held) != "T" }
        #expect(client.server.terminate() == 0)
        #expect(try client.server.leftovers() == [])
    }

    /// A model that is nothing but 2 million weights: 8 MiB in float, 2 MiB in integers, each loaded from a file of that size.
    @Test func theMemoryOfASessionIsThatOfItsWeights() throws {
        let directory = try TemporaryDirectory()
        var g = GraphBuilder(seed: 6)
        g.output(g.gemm(g.input("x", [1, 1024]), 2048))
        let model = try directory.write("m.onnx", g.model().bytes())
        let samples = try directory.write("x.npz", JobsFiles.samples(columns: 1024))
        let output = directory.path + "/out.onnx"
        let done = try Command.run(
            ServerProcess.binary,
            [
                "quantize", model, "--calibration", samples, "-o", output, "--measure-time", "0.02", "--scheme",
                "int8-static", "--rounding", "nearest",
            ])
        #expect(done.exit == 0, "\(done)")
        let report =
            try JSONSerialization.jsonObject(
                with: Data(contentsOf: URL(fileURLWithPath: output + ".report.json"))) as? [String: Any]
        let memory = try #require(report?["memory"] as? [String: Any])
        // Not everywhere can a peak be forgotten.
        guard memory["inference_absence"] == nil else { return }
        let (fp32, int8) = (memory["fp32_inference_bytes"] as? Int, memory["int8_inference_bytes"] as? Int)
        // While it loads, the engine holds the file's copy of the weights beside its own.
        #expect((8 << 20...30 << 20).contains(try #require(fp32)), "\(memory)")
        #expect((2 << 20...12 << 20).contains(try #require(int8)), "\(memory)")
        let peak = try #require(memory["peak_rss_bytes"] as? Int)
        #expect(peak > 40 << 20, "\(memory)")
    }

    @Test func aHeldWorkerDiesWithItsServer() throws {
        let client = try client(["measure_time=60s"])
        for _ in 0..<2 { _ = try client.postJob(Self.order) }
        try soon("one held") { try states(client).contains("T") }
        let workers = try client.workers()
        client.server.kill()
        try soon("no worker") { workers.allSatisfy { state($0).map { $0 == "Z" || $0 == "X" } ?? true } }
    }
}
