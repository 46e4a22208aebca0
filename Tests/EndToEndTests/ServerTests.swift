import Foundation
import TestSupport
import Testing

@Suite(.ownThreads, .enabled(if: ServerProcess.missing == nil, "the built octavo and curl are needed"))
struct ServerTests {
    @Test func healthIsAnswered() throws {
        let server = try ServerProcess()
        #expect(try server.curl("/livez").text == "ok\n")
        #expect(try server.curl("/readyz").status == 200)
        let head = try server.curl("/livez", ["-I"])
        #expect(head.status == 200 && head.fields["content-length"] == "3")
        #expect(try server.curl("/metrics").text.contains("octavo_http_requests_total{method=\"GET\",route=\"/livez\""))
        #expect(try server.curl("/openapi.yaml").text.hasPrefix("openapi: 3.1.0"))
        #expect(server.terminate() == 0)
    }

    @Test func errorsAreProblemsWithoutException() throws {
        let server = try ServerProcess()
        let unknown = try server.curl(
            "/nothing", ["-H", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"])
        #expect(unknown.status == 404)
        #expect(unknown.fields["content-type"] == "application/problem+json")
        #expect(unknown.json["trace_id"] as? String == "4bf92f3577b34da6a3ce929d0e0e4736")
        let method = try server.curl("/v1/models", ["-X", "PATCH"])
        #expect(method.status == 405)
        #expect(method.fields["allow"]?.contains("POST") == true)
        #expect(method.json["code"] as? String == "method-not-allowed")
        let head = try server.curl("/livez", ["-H", "X: " + String(repeating: "x", count: 40_000)])
        #expect(head.status == 431)
        #expect(head.fields["content-type"] == "application/problem+json")
    }

    @Test func uploadsThatCannotBeTakenAreRefused() throws {
        let server = try ServerProcess(settings: ["model_limit=1KiB", "sample_set_limit=1KiB"])
        let large = [UInt8](repeating: 120, count: 5 << 20)
        let file = try server.directory.write("large", large)
        // curl waits for 100 and gets 413 instead: nothing is sent.
        let refused = try server.curl("/v1/models", ["-X", "POST", "-T", file])
        #expect(refused.status == 413)
        #expect(refused.json["code"] as? String == "body-too-large")
        #expect(refused.uploaded == 0)
        let chunked = try server.curl("/v1/models", ["-X", "POST", "-T", file, "-H", "Transfer-Encoding: chunked"])
        #expect(chunked.status == 413)
        let eager = try server.curl("/v1/models", ["--data-binary", "@" + file, "-H", "Expect:"])
        #expect(eager.status == 413)
        #expect(try server.post("/v1/models", []).json["code"] as? String == "empty-body")
        let digest = ["-H", "Content-Digest: sha-256=:" + Data(count: 32).base64EncodedString() + ":"]
        #expect(try server.post("/v1/models", FakeWorker.model(), digest).json["code"] as? String == "digest-mismatch")
        #expect(try server.post("/v1/models", Array("PK\u{3}\u{4}".utf8)).status == 422)
        #expect(server.directory.files().filter { $0.hasPrefix("data/blobs") } == [])
        #expect(try server.leftovers() == [])
        #expect(try server.curl("/livez").status == 200)
    }

    @Test func whatIsStoredAlreadyIsNotSentAgain() throws {
        let server = try ServerProcess()
        let bytes = FakeWorker.model() + [UInt8](repeating: 7, count: 3 << 20)
        let file = try server.directory.write("model", bytes)
        let id = try #require(try server.curl("/v1/models", ["-X", "POST", "-T", file]).json["id"] as? String)
        let again = try server.curl("/v1/models/\(id)", ["-T", file])
        #expect(again.status == 200)
        #expect(again.uploaded == 0)
        #expect(try server.curl("/v1/models/\(id)/content").body == bytes)
        #expect(try server.curl("/v1/models/\(id)/content", ["--compressed"]).body == bytes)
        #expect(try server.curl("/v1/models/\(id)/content", ["-r", "5-9"]).body == Array(bytes[5...9]))
    }

    @Test func aFormWithExternalDataIsStored() throws {
        let server = try ServerProcess()
        let model = try server.directory.write("m.onnx", FakeWorker.model(inspection: "external"))
        let data = try server.directory.write("weights.bin", [UInt8](repeating: 1, count: 100_000))
        let answer = try server.curl("/v1/models", ["-F", "model=@\(model)", "-F", "data=@\(data)"])
        #expect(answer.status == 201, "\(answer.text)")
        let traversal = try server.curl(
            "/v1/models", ["-F", "model=@\(model)", "-F", "data=@\(data);filename=../../etc/passwd"])
        #expect(traversal.json["code"] as? String == "invalid-part")
    }

    @Test func aClientThatGoesAwayHalfWayLeavesNothing() throws {
        let server = try ServerProcess()
        let file = try server.directory.write("large", [UInt8](repeating: 120, count: 8 << 20))
        // About a tenth of it arrives before curl gives up.
        let cut = try server.curl("/v1/models", ["-X", "POST", "-T", file, "--limit-rate", "1M"], seconds: 1)
        #expect(cut.exit == 28)
        // The server learns of it soon.
        func traces() -> [String] {
            server.directory.files().filter { $0.hasPrefix("data/blobs") || $0.hasPrefix("data/scratch") }
        }
        let deadline = Date() + 10
        while !traces().isEmpty, Date() < deadline { _ = try server.curl("/readyz") }
        #expect(traces() == [])
        #expect(try server.leftovers() == [])
        #expect(try server.curl("/livez").status == 200)
    }

    @Test func aJobGoesFromCurlToItsArtifact() throws {
        let server = try ServerProcess()
        #expect(try server.post("/v1/models?name=net", FakeWorker.model("slow")).status == 201)
        #expect(try server.post("/v1/calibration-sets?name=set", FakeWorker.samples()).status == 201)
        let job = try server.curl("/v1/jobs", ["-d", #"{"model":"net","calibration_set":"set"}"#])
        #expect(job.status == 202)
        let path = try #require(job.fields["location"])
        let ended = try server.curl(path, ["-H", "Prefer: wait=30"])
        #expect(ended.json["state"] as? String == "succeeded", "\(ended.text)")
        let artifact = try server.curl(path + "/artifact")
        #expect(artifact.fields["content-disposition"]?.contains("m.int8.onnx") == true)
        #expect(artifact.text.hasPrefix("quantized fake"))
        #expect(try server.curl(path + "/report", ["-H", "Accept: text/plain"]).text == "verdict  2x faster\n")
        let events = try server.curl(path, ["-N", "-H", "Accept: text/event-stream"])
        #expect(events.text.contains("event: end\n"))
    }

    @Test func aStoppedServerHandsItsJobToTheNextOne() throws {
        let server = try ServerProcess()
        _ = try server.post("/v1/models?name=net", FakeWorker.model("hang"))
        _ = try server.post("/v1/calibration-sets?name=set", FakeWorker.samples())
        let job = try server.curl("/v1/jobs", ["-d", #"{"model":"net","calibration_set":"set"}"#])
        let path = try #require(job.fields["location"])
        var answer = job
        while answer.json["phase"] == nil {
            answer = try server.curl(path + "?wait=10", ["-H", "If-None-Match: \(answer.fields["etag"] ?? "\"\"")"])
        }
        #expect(server.terminate() == 0)
        #expect(try server.leftovers() == [])
        try server.start()
        answer = try server.curl(path)
        while answer.json["state"] as? String == "queued" {
            answer = try server.curl(path + "?wait=10", ["-H", "If-None-Match: \(answer.fields["etag"] ?? "\"\"")"])
        }
        #expect(answer.json["state"] as? String == "running")
        #expect(answer.json["attempt"] as? Int == 1)
        #expect(try server.curl(path + "/cancel", ["-X", "POST"]).status == 202)
        #expect(try server.curl(path + "?wait=20").json["state"] as? String == "cancelled")
    }

    @Test func aSecondServerOnTheSameDirectoryRefusesToStart() throws {
        let server = try ServerProcess()
        let second = Process()
        let errors = Pipe()
        second.executableURL = URL(fileURLWithPath: ServerProcess.binary)
        second.arguments = ["serve", "--listen", "127.0.0.1:0", "--data", server.data]
        second.environment = ["PATH": "/usr/bin:/bin"]
        second.standardError = errors
        try second.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        second.waitUntilExit()
        #expect(second.terminationStatus != 0)
        #expect(text.contains("another octavo server uses"))
    }
}
