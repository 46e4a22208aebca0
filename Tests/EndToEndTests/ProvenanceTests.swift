import Foundation
import TestSupport
import Testing

/// The statement of how an artifact was made, checked by the commands in the README.
@Suite(.ownThreads, .enabled(if: ServerProcess.missing == nil, "\(ServerProcess.missing ?? "")"))
struct ProvenanceTests {
    /// The commands between the README's heading and the next one.
    private static func recipe() throws -> String {
        let readme = try String(contentsOfFile: JobsClient.repository + "/README.md", encoding: .utf8)
        let section = try #require(readme.range(of: "\n## Where an artifact comes from\n"))
        let start = try #require(readme.range(of: "```sh\n", range: section.upperBound..<readme.endIndex))
        let end = try #require(readme.range(of: "```\n", range: start.upperBound..<readme.endIndex))
        return String(readme[start.upperBound..<end.lowerBound])
    }

    private func shell(_ script: String, in directory: String, _ server: ServerProcess, _ job: String) throws
        -> Command.Outcome
    {
        try Command.run(
            "/bin/bash", ["-euo", "pipefail", "-c", "cd '\(directory)'\n\(script)"],
            environment: ["O": server.address, "JOB": job])
    }

    private func finishedJob(_ server: ServerProcess) throws -> String {
        let model = try server.post("/v1/models", FakeWorker.model()).json["id"] as? String ?? ""
        _ = try server.post("/v1/calibration-sets?name=set", FakeWorker.samples())
        let answer = try server.curl(
            "/v1/jobs", ["-d", #"{"model":"\#(model)","calibration_set":"set","deadline":"15m"}"#])
        let id = try #require(answer.json["id"] as? String, "\(answer.text)")
        let end = try server.curl("/v1/jobs/\(id)?wait=60")
        try #require(end.json["state"] as? String == "succeeded", "\(end.text)")
        return id
    }

    @Test func theReadmesCommandsVerifyAnArtifact() throws {
        let server = try ServerProcess()
        let job = try finishedJob(server)
        let place = try TemporaryDirectory()
        let outcome = try shell(try Self.recipe(), in: place.path, server, job)
        #expect(outcome.exit == 0, "\(outcome)")
        #expect(outcome.output.contains("Signature Verified Successfully"), "\(outcome)")
        #expect(outcome.output.contains("this is the artifact"), "\(outcome)")

        // The last commands again, on files that somebody has changed.
        let check = try Self.recipe().split(separator: "\n").filter { !$0.hasPrefix("curl") }.joined(separator: "\n")
        let verify = check.split(separator: "\n").filter { $0.hasPrefix("openssl pkeyutl") }.joined()
        #expect(try shell(verify, in: place.path, server, job).exit == 0)
        let signed = place.path + "/signed"
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: signed)))
        bytes[bytes.count / 2] ^= 1
        try place.write("signed", bytes)
        let changed = try shell(verify, in: place.path, server, job)
        #expect(changed.exit != 0 && !changed.output.contains("Verified Successfully"), "\(changed)")

        let artifact = [UInt8](try Data(contentsOf: URL(fileURLWithPath: place.path + "/artifact.onnx")))
        try place.write("artifact.onnx", artifact + [0])
        let other = try shell(check, in: place.path, server, job)
        #expect(other.exit != 0 && !other.output.contains("this is the artifact"), "\(other)")
    }

    @Test func anotherKeyDoesNotVerifyIt() throws {
        let (server, stranger) = (try ServerProcess(), try ServerProcess())
        let job = try finishedJob(server)
        let place = try TemporaryDirectory()
        #expect(try shell(try Self.recipe(), in: place.path, server, job).exit == 0)
        let key = try stranger.curl("/v1/keys/provenance.pem")
        try place.write("key.pem", key.body)
        let check = try Self.recipe().split(separator: "\n").filter { !$0.hasPrefix("curl") }.joined(separator: "\n")
        #expect(try shell(check, in: place.path, server, job).exit != 0)
    }

    @Test func theStatementSaysWhatWentInAndWhatCameOut() throws {
        let server = try ServerProcess()
        let job = try finishedJob(server)
        let envelope = try server.curl("/v1/jobs/\(job)/provenance")
        #expect(envelope.fields["content-type"] == "application/vnd.dsse.envelope.v1+json")
        #expect(envelope.json["payloadType"] as? String == "application/vnd.in-toto+json")
        let payload = try #require(Data(base64Encoded: envelope.json["payload"] as? String ?? ""))
        let statement = try #require(try JSONSerialization.jsonObject(with: payload) as? [String: Any])
        #expect(statement["_type"] as? String == "https://in-toto.io/Statement/v1")
        #expect(statement["predicateType"] as? String == "https://slsa.dev/provenance/v1")
        func digests(_ value: Any?) -> [String: String] {
            let resources = value as? [[String: Any]] ?? []
            return Dictionary(
                resources.map { ($0["name"] as? String ?? "", ($0["digest"] as? [String: String])?["sha256"] ?? "") },
                uniquingKeysWith: { first, _ in first })
        }
        let row = try server.curl("/v1/jobs/\(job)").json
        let artifacts = row["artifacts"] as? [[String: Any]] ?? []
        func stored(_ kind: String) -> String {
            let digest = artifacts.first { $0["kind"] as? String == kind }?["digest"] as? String ?? "?"
            return String(digest.dropFirst("sha256:".count))
        }
        #expect(digests(statement["subject"]) == ["m.int8.onnx": stored("artifact")])
        let predicate = try #require(statement["predicate"] as? [String: Any])
        let definition = try #require(predicate["buildDefinition"] as? [String: Any])
        #expect((definition["externalParameters"] as? [String: Any])?["scheme"] as? String == "auto")
        let record = (definition["internalParameters"] as? [String: Any])?["record"] as? [String: Any]
        #expect(record?["scheme"] as? String == "int8-static")
        #expect((record?["options"] as? [String: Any])?["min_layer_sqnr"] as? Int == 24)
        let inputs = digests(definition["resolvedDependencies"])
        #expect("sha256:" + (inputs["model"] ?? "") == row["model"] as? String)
        #expect(inputs["calibration_set"] != nil)
        let run = try #require(predicate["runDetails"] as? [String: Any])
        let outputs = digests(run["byproducts"])
        #expect(outputs["m.int8.report.json"] == stored("report") && outputs["m.int8.plan.json"] == stored("plan"))
        #expect((run["metadata"] as? [String: Any])?["invocationId"] as? String == job)
        let versions = (run["builder"] as? [String: Any])?["version"] as? [String: String]
        #expect(versions == ["octavo": "0.1.0", "onnxruntime": "1.32.0"])
    }

    /// The key is the directory's: statements stay good over restarts.
    @Test func theKeyOutlivesTheServer() throws {
        let server = try ServerProcess()
        let key = try server.curl("/v1/keys/provenance.pem").text
        #expect(key.hasPrefix("-----BEGIN PUBLIC KEY-----"))
        server.kill()
        try server.start()
        #expect(try server.curl("/v1/keys/provenance.pem").text == key)
        let file = try FileManager.default.attributesOfItem(atPath: server.data + "/provenance.key")
        #expect((file[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }
}
