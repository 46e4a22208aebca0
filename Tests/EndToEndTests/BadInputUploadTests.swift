import Foundation
import TestSupport
import Testing

/// Uploads that go wrong on their way: too large, not what they claim, broken off, onto a full disk.
@Suite(.ownThreads, .enabled(if: JobsClient.missing == nil, "\(JobsClient.missing ?? "")"))
struct BadInputUploadTests {
    @Test func aBodyBeyondTheLimitIsRefused() throws {
        let client = try JobsClient(["model_limit=64KiB", "sample_set_limit=64KiB"])
        let large = [UInt8](repeating: 8, count: 512 << 10)
        for path in ["/v1/models", "/v1/calibration-sets"] {
            for bytes in [large, large + large + large] {
                let sized = try client.post(
                    path, bytes, 413, code: "body-too-large", with: ["-H", "Expect: 100-continue"])
                #expect(sized.detail.contains("limit raised") && sized.uploaded == 0, "\(sized.detail)")
                for framing in ["Transfer-Encoding: chunked", "Expect:"] {
                    try client.post(path, bytes, 413, code: "body-too-large", with: ["-H", framing])
                }
            }
        }
        let file = try client.server.directory.write("large", large)
        try client.send("POST", "/v1/models", ["-F", "model=@\(file)"], 413, "body-too-large")
        #expect(try client.traces() == [])
        try client.doesAGoodJob()
    }

    @Test func bytesWithAnotherDigestAreRefused() throws {
        let client = try JobsClient()
        let other = String(repeating: "0", count: 64)
        let field = ":" + Data(count: 32).base64EncodedString() + ":"
        let bytes = JobsFiles.model()
        let put = try client.post("/v1/models/sha256:\(other)", bytes, 400, code: "digest-mismatch", method: "PUT")
        #expect(put.detail.contains("sha256:\(other)") && put.detail.contains("send them again"))
        for name in ["Content-Digest", "Repr-Digest"] {
            for path in ["/v1/models", "/v1/calibration-sets"] {
                try client.post(path, bytes, 400, code: "digest-mismatch", with: ["-H", "\(name): sha-256=\(field)"])
            }
            try client.post("/v1/models", bytes, 400, code: "invalid-digest", with: ["-H", "\(name): sha-256=:xx:"])
        }
        try client.post("/v1/models/net", bytes, 400, code: "invalid-digest", method: "PUT")
        #expect(try client.traces() == [])
        try client.doesAGoodJob()
    }

    /// A form's files are read back from the store for their inspection, a plain body's large weights never reach it.
    @Test func aModelIsFoundTheSameHoweverItComes() throws {
        let client = try JobsClient()
        let bytes = JobsFiles.model {
            $0.weightDims = [32768, 4]
            $0.weights = (0..<131_072).map { Float($0 % 91) / 50 - 1 }
        }
        let plain = try client.post("/v1/models", bytes, 201)
        try client.delete("/v1/models/\(plain.id)", 204)
        let file = try client.server.directory.write("model.onnx", bytes)
        let form = try client.send("POST", "/v1/models", ["-F", "model=@\(file)"], 201)
        func timeless(_ answer: Curl.Answer) -> NSDictionary {
            answer.json.filter { !$0.key.hasPrefix("created") } as NSDictionary
        }
        #expect(timeless(form) == timeless(plain))
        #expect(plain.json["parameters"] as? Int == 131_072, "\(plain.text)")
    }

    @Test(arguments: [
        ["-H", "Transfer-Encoding: chunked"], ["-H", "Transfer-Encoding:", "-H", "Content-Length: 9000000"],
    ])
    func aClientThatGoesAwayHalfWayLeavesNothing(_ framing: [String]) throws {
        let client = try JobsClient()
        let curl = Process()
        let input = Pipe()
        curl.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        curl.arguments = ["-s", "-X", "POST", "-T", "-"] + framing + [client.server.address + "/v1/models"]
        curl.standardInput = input
        curl.standardOutput = FileHandle.nullDevice
        try curl.run()
        try input.fileHandleForWriting.write(contentsOf: Data(count: 3 << 20))
        let limit = Date() + 20
        // One file on its way into the store, and one for the inspection.
        while try client.traces().count != 2, Date() < limit {}
        #expect(try client.traces().count == 2, "the upload is on its way")
        kill(curl.processIdentifier, SIGKILL)
        curl.waitUntilExit()
        try client.expectTraces([])
        try client.doesAGoodJob()
    }

    @Test func aFullDiskIsSaidAndNothingIsLost() throws {
        let directory = try TemporaryDirectory()
        let data = directory.path + "/data"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
        let mount = try Command.run("/bin/mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", data])
        guard mount.exit == 0 else { return print("skipped: no small disk can be mounted: \(mount.errors)") }
        defer { _ = try? Command.run("/bin/umount", ["-l", data]) }
        let client = try JobsClient(["max_attempts=2"], in: directory)
        let noise = (0..<5 << 20).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 2_654_435_761 >> 11) }
        let sized = try client.post("/v1/models", noise, 507, code: "out-of-disk")
        #expect(sized.fields["retry-after"] != nil && sized.uploaded == 0)
        // Without a length nobody knows before.
        let chunked = ["-H", "Transfer-Encoding: chunked"]
        for path in ["/v1/models", "/v1/calibration-sets"] {
            try client.post(path, noise + noise, 507, code: "out-of-disk", with: chunked)
        }
        try client.expectTraces([])
        try client.post("/v1/models?name=net", JobsFiles.model(), 201)
        try client.post("/v1/calibration-sets?name=set", JobsFiles.samples(rows: 60_000), 201)
        let before = try client.traces()
        // A neighbour leaves enough for the catalogue, too little for the samples.
        _ = try Command.run("/bin/sh", ["-c", "cat /dev/zero > \(data)/ballast; truncate -s -700K \(data)/ballast"])
        let full = try client.ended(client.postJob(#"{"model":"net","calibration_set":"set"}"#))
        #expect(full.json["state"] as? String == "failed", "\(full.text)")
        #expect(full.failure["type"] as? String == "out-of-disk" && full.json["attempt"] as? Int == 2, "\(full.text)")
        try FileManager.default.removeItem(atPath: data + "/ballast")
        try client.delete("/v1/jobs/" + full.id, 200)
        try client.expectTraces(before)
        let end = try client.ended(client.postJob(#"{"model":"net","calibration_set":"set"}"#))
        #expect(end.json["state"] as? String == "succeeded", "\(end.text)")
        #expect(client.server.terminate() == 0)
    }

    @Test func anUploadInAnotherCodingIsRefused() throws {
        let client = try JobsClient()
        let answer = try client.post(
            "/v1/models", JobsFiles.model(), 415, code: "unsupported-coding", with: ["-H", "Content-Encoding: gzip"])
        #expect(answer.fields["accept-encoding"] == "identity")
        #expect(try client.traces() == [])
    }
}
