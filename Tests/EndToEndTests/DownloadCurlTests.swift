import Foundation
import TestSupport
import Testing

/// Downloads of a real artifact as curl does them: conditions, ranges, codings, resumption.
@Suite(.ownThreads, .enabled(if: JobsClient.missing == nil, "\(JobsClient.missing ?? "")"))
struct DownloadCurlTests {
    @Test func anArtifactIsDownloadedInEveryWay() throws {
        let client = try JobsClient()
        try client.post("/v1/models?name=digits", JobsClient.example("model.onnx"), 201)
        try client.post("/v1/calibration-sets?name=set&scale=1/255", JobsClient.example("calibration.npz"), 201)
        let end = try client.ended(client.postJob(#"{"model":"digits","calibration_set":"set"}"#))
        let path = "/v1/jobs/\(end.id)/artifact"
        let whole = try client.get(path)
        let row = (end.json["artifacts"] as? [[String: Any]])?.first { $0["kind"] as? String == "artifact" }
        #expect(try row?["digest"] as? String == "sha256:" + sum(whole.body, in: client))
        #expect(row?["size"] as? Int == whole.body.count && row?["href"] as? String == path)
        let tag = try #require(whole.fields["etag"])

        try codings(client, path, whole, tag)
        try sizes(client, "/v1/jobs/\(end.id)")
        try ranges(client, path, whole, tag)
        try conditions(client, path, tag)
        try resumption(client, path, whole.body)
    }

    /// What the report says of compressed sizes is what is sent.
    private func sizes(_ client: JobsClient, _ job: String) throws {
        let size = try #require(try client.get(job + "/report").json["size"] as? [String: Any])
        for (coding, key) in [("deflate", "artifact_stored_bytes"), ("gzip", "artifact_gzip_bytes")] {
            let sent = try client.get(job + "/artifact", with: ["-H", "Accept-Encoding: \(coding), identity;q=0"])
            #expect(size[key] as? Int == sent.body.count, "\(size)")
            // Integer weights hardly compress: where nothing is saved, nobody has to inflate.
            let usual = try client.get(job + "/artifact", with: ["-H", "Accept-Encoding: \(coding)"])
            let identity = try #require(size["artifact_bytes"] as? Int)
            #expect(usual.body.count == min(sent.body.count, identity))
            #expect((usual.fields["content-encoding"] == nil) == (sent.body.count >= identity))
        }
    }

    private func codings(_ client: JobsClient, _ path: String, _ whole: Curl.Answer, _ tag: String) throws {
        #expect(whole.fields["repr-digest"] == (try reprDigest(whole.body, in: client)))
        for coding in ["deflate", "gzip"] {
            let accepted = "Accept-Encoding: \(coding), identity;q=0"
            let coded = try client.get(path, with: ["-H", accepted])
            #expect(coded.fields["content-encoding"] == coding && coded.fields["vary"] == "Accept-Encoding")
            #expect(coded.fields["etag"] == tag.dropLast() + "+\(coding)\"")
            #expect(coded.fields["content-length"] == "\(coded.body.count)" && coded.body != whole.body)
            #expect(coded.fields["repr-digest"] == (try reprDigest(coded.body, in: client)))
            let decoded = try client.server.curl(path, ["--compressed", "-H", accepted])
            #expect(decoded.body == whole.body)
            let head = try client.server.curl(path, ["-I", "-H", accepted])
            for name in ["etag", "content-length", "repr-digest", "content-encoding", "content-type"] {
                #expect(head.fields[name] == coded.fields[name], "\(name)")
            }
        }
        #expect(try client.server.curl(path, ["--compressed"]).body == whole.body)
    }

    private func ranges(_ client: JobsClient, _ path: String, _ whole: Curl.Answer, _ tag: String) throws {
        let bytes = whole.body
        let some = try client.get(path, 206, with: ["-r", "100-199", "-H", "Accept-Encoding: gzip"])
        #expect(some.body == Array(bytes[100..<200]) && some.fields["content-encoding"] == nil)
        #expect(some.fields["content-range"] == "bytes 100-199/\(bytes.count)" && some.fields["etag"] == tag)
        #expect(some.fields["repr-digest"] == whole.fields["repr-digest"])
        #expect(try client.get(path, 206, with: ["-r", "-7"]).body == Array(bytes.suffix(7)))
        #expect(try client.get(path, 206, with: ["-r", "\(bytes.count - 1)-"]).body == Array(bytes.suffix(1)))
        let beyond = try client.get(path, 416, code: "range-not-satisfiable", with: ["-r", "\(bytes.count)-"])
        #expect(beyond.fields["content-range"] == "bytes */\(bytes.count)")
        #expect(try client.get(path, 206, with: ["-r", "0-0", "-H", "If-Range: \(tag)"]).body == [bytes[0]])
        #expect(try client.get(path, with: ["-r", "0-0", "-H", "If-Range: \"other\""]).body == bytes)
        #expect(try client.get(path, with: ["-H", "Range: bytes=9-2"]).body == bytes)
    }

    private func conditions(_ client: JobsClient, _ path: String, _ tag: String) throws {
        for field in [tag, "*", "\"a\", W/\(tag)"] {
            let same = try client.get(path, 304, with: ["-H", "If-None-Match: \(field)"])
            #expect(same.body.isEmpty && same.fields["etag"] == tag)
        }
        try client.get(path, with: ["-H", "If-None-Match: \"other\""])
        try client.get(path, 304, with: ["-H", "If-None-Match: \(tag)", "-r", "0-9"])
    }

    /// A download that broke off goes on where it stopped.
    private func resumption(_ client: JobsClient, _ path: String, _ bytes: [UInt8]) throws {
        let file = try client.server.directory.write("resumed", Array(bytes.prefix(bytes.count / 3)))
        let curl = try Command.run(
            "/usr/bin/curl", ["-sS", "-m", "60", "-C", "-", "--fail", "-o", file, client.server.address + path])
        #expect(curl.exit == 0, "\(curl.errors)")
        #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: file))) == bytes)
    }

    /// SHA-256 in hexadecimal, by another program.
    private func sum(_ bytes: [UInt8], in client: JobsClient) throws -> String {
        let file = try client.server.directory.write("summed", bytes)
        return String(try Command.run("/usr/bin/sha256sum", [file]).output.prefix(64))
    }

    private func reprDigest(_ bytes: [UInt8], in client: JobsClient) throws -> String {
        let hex = Array(try sum(bytes, in: client).utf8)
        let digest = stride(from: 0, to: hex.count, by: 2).compactMap {
            UInt8(String(decoding: hex[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
        return "sha-256=:" + Data(digest).base64EncodedString() + ":"
    }
}
