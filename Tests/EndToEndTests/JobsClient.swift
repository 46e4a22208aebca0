import Foundation
import TestSupport
import Testing

/// A server with the real worker and the real engine, and a client with real curl that holds every answer to openapi.yaml.
final class JobsClient {
    let server: ServerProcess

    init(
        _ settings: [String] = [], in directory: TemporaryDirectory? = nil, environment: [String: String] = [:]
    ) throws {
        server = try ServerProcess(
            directory, settings: ["measure_time=0.02s"] + settings, fakeWorker: false, environment: environment)
    }

    /// Why these tests cannot run here; nil when they can.
    static let missing: String? = {
        if let missing = ServerProcess.missing { return missing }
        let doctor = try? Command.run(ServerProcess.binary, ["doctor"])
        return doctor?.exit == 0 ? nil : "no engine: \(doctor?.output.split(separator: "\n").last ?? "no doctor")"
    }()

    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    private static let contract = Result {
        try Contract(yaml: String(contentsOfFile: repository + "/openapi.yaml", encoding: .utf8))
    }

    static func example(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: repository + "/Examples/digits/" + name)))
    }

    // MARK: Requests

    @discardableResult
    func get(
        _ path: String, _ status: Int = 200, code: String? = nil, with arguments: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Curl.Answer {
        try send("GET", path, arguments, status, code, sourceLocation)
    }

    @discardableResult
    func delete(
        _ path: String, _ status: Int, code: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Curl.Answer {
        try send("DELETE", path, [], status, code, sourceLocation)
    }

    /// Bytes as the body.
    @discardableResult
    func post(
        _ path: String, _ bytes: [UInt8], _ status: Int, code: String? = nil, with arguments: [String] = [],
        method: String = "POST", sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Curl.Answer {
        let file = try server.directory.write("body-\(UUID().uuidString)", bytes)
        defer { try? FileManager.default.removeItem(atPath: file) }
        return try send(method, path, ["--data-binary", "@" + file] + arguments, status, code, sourceLocation)
    }

    /// A job's JSON, or any other text.
    @discardableResult
    func post(
        _ path: String, _ text: String, _ status: Int, code: String? = nil, with arguments: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Curl.Answer {
        try send("POST", path, ["-d", text] + arguments, status, code, sourceLocation)
    }

    /// Sends anything else and checks status, media type, body and, of a problem, that it helps.
    @discardableResult
    func send(
        _ method: String, _ path: String, _ arguments: [String], _ status: Int, _ code: String? = nil,
        _ sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Curl.Answer {
        let answer = try server.curl(path, ["-X", method] + arguments, seconds: 120)
        let what: Comment = "\(method) \(path): \(answer.status) \(answer.text.prefix(600))"
        #expect(answer.status == status, what, sourceLocation: sourceLocation)
        let contract = try Self.contract.get()
        let route = try #require(contract.route(of: path), what, sourceLocation: sourceLocation)
        let faults = contract.faults(
            status: answer.status, contentType: answer.fields["content-type"], body: answer.body, of: method, route)
        #expect(faults == [], what, sourceLocation: sourceLocation)
        guard answer.status >= 400 else { return answer }
        #expect(answer.fields["content-type"] == "application/problem+json", what, sourceLocation: sourceLocation)
        #expect(answer.json["code"] as? String == code, what, sourceLocation: sourceLocation)
        #expect(
            answer.detail.count > 20 && ".?)".contains(answer.detail.last ?? "!"), what, sourceLocation: sourceLocation)
        #expect(!answer.text.contains(server.directory.path), what, sourceLocation: sourceLocation)
        return answer
    }

    // MARK: Jobs

    func postJob(_ body: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        try #require(try post("/v1/jobs", body, 202, sourceLocation: sourceLocation).fields["location"])
    }

    /// The job at `path` once it has ended.
    func ended(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Curl.Answer {
        try job(path, sourceLocation: sourceLocation) { $0["finished"] != nil }
    }

    /// The job at `path` as soon as `isSo`, seen by long polls; fails after two minutes.
    @discardableResult
    func job(
        _ path: String, sourceLocation: SourceLocation = #_sourceLocation, when isSo: ([String: Any]) -> Bool
    ) throws -> Curl.Answer {
        let limit = Date() + 120
        var answer = try get(path, sourceLocation: sourceLocation)
        while !isSo(answer.json) {
            try #require(Date() < limit, "\(answer.text)", sourceLocation: sourceLocation)
            try #require(answer.json["finished"] == nil, "\(answer.text)", sourceLocation: sourceLocation)
            let next = try server.curl(
                path + "?wait=20", ["-H", "If-None-Match: \(answer.fields["etag"] ?? "")"])
            if next.status == 200 { answer = next }
        }
        return answer
    }

    /// The server lives and does what it is for.
    func doesAGoodJob(sourceLocation: SourceLocation = #_sourceLocation) throws {
        try get("/livez", sourceLocation: sourceLocation)
        let model = try post("/v1/models", JobsFiles.model(), 201, sourceLocation: sourceLocation)
        let set = try post("/v1/calibration-sets", JobsFiles.samples(), 201, sourceLocation: sourceLocation)
        let path = try postJob(
            #"{"model":"\#(model.id)","calibration_set":"\#(set.id)"}"#, sourceLocation: sourceLocation)
        let end = try ended(path, sourceLocation: sourceLocation)
        #expect(end.json["state"] as? String == "succeeded", "\(end.text)", sourceLocation: sourceLocation)
        try get(path + "/artifact", sourceLocation: sourceLocation)
    }

    // MARK: Traces

    /// Everything that the server keeps: files of blobs and scratch, and what its lists show.
    func traces() throws -> [String] {
        let files = server.directory.files().filter {
            $0.hasPrefix("data/blobs") || $0.hasPrefix("data/scratch")
        }
        let rows = try ["/v1/models", "/v1/calibration-sets", "/v1/jobs"].flatMap { path in
            (try get(path).json["items"] as? [[String: Any]] ?? []).map { "\(path) \($0["id"] ?? "")" }
        }
        return files + rows
    }

    /// Soon there are these traces and no others.
    func expectTraces(_ expected: [String], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let limit = Date() + 20
        var found = try traces()
        while found != expected, Date() < limit { found = try traces() }
        #expect(found == expected, sourceLocation: sourceLocation)
    }

    /// Deletes what calibration passes saw of a model: it outlives the jobs.
    func forgetStatistics(of model: String) throws {
        for row in try get("/v1/models/\(model)/statistics").items { try delete(row["href"] as? String ?? "", 204) }
    }

    /// Process identifiers of the server's children.
    func workers() throws -> [Int32] {
        let identifier = server.identifier
        return try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter { process in
            guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                let name = text.lastIndex(of: ")")
            else { return false }
            return text[name...].split(separator: " ").dropFirst(2).first == "\(identifier)"
        }
    }
}

extension Curl.Answer {
    var id: String { json["id"] as? String ?? "" }
    /// Of the identity coding, as the answer's ETag has it.
    var digest: String {
        (fields["etag"] ?? "").replacingOccurrences(of: "\"", with: "").replacingOccurrences(
            of: "sha256-", with: "sha256:")
    }
    var detail: String { json["detail"] as? String ?? "" }
    var failure: [String: Any] { json["failure"] as? [String: Any] ?? [:] }
    var items: [[String: Any]] { json["items"] as? [[String: Any]] ?? [] }
}
