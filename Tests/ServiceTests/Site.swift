import Domain
import Foundation
import HTTP
import Logging
import Service
import TestSupport
import Testing

/// A service in a temporary directory with a fake worker, driven without a socket.
struct Site {
    let directory: TemporaryDirectory
    let application: Application

    init(_ change: (inout ServiceConfiguration) -> Void = { _ in }) async throws {
        directory = try TemporaryDirectory()
        application = try Self.application(directory, change)
        try await application.start()
    }

    init(_ directory: TemporaryDirectory, _ application: Application) {
        self.directory = directory
        self.application = application
    }

    /// The same directory opened again, as after a restart.
    static func application(
        _ directory: TemporaryDirectory, _ change: (inout ServiceConfiguration) -> Void = { _ in }
    ) throws -> Application {
        let worker = try FakeWorker.install(in: directory)
        var configuration = ServiceConfiguration(
            dataDirectory: directory.path + "/data",
            command: .script(worker, ["work"]))
        configuration.diskReserve = 0
        configuration.retryDelay = .milliseconds(10)
        configuration.patience = 0.2
        change(&configuration)
        return try Application(configuration, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @discardableResult
    func send(_ method: HTTP.Method, _ target: String, _ body: [UInt8] = [], fields: Fields = [:]) async throws
        -> Answer
    {
        try await Answer(application.router.handle(Request(method, target, fields: fields, body: body)))
    }

    func json(_ target: String, _ text: String, fields: Fields = [:]) async throws -> Answer {
        try await send(.post, target, Array(text.utf8), fields: fields)
    }

    func stop() async {
        await application.stop()
        application.release()
    }

    /// Stores a model and a set, and gives a job on them.
    func job(_ conversion: String, extra: String = "") async throws -> String {
        let model = try await send(.post, "/v1/models", FakeWorker.model(conversion))
        try await send(.post, "/v1/calibration-sets?name=set", FakeWorker.samples())
        let id = try #require(model.text("id"))
        let answer = try await json("/v1/jobs", #"{"model":"\#(id)","calibration_set":"set"\#(extra)}"#)
        try #require(answer.status == 202, "\(answer)")
        return try #require(answer.text("id"))
    }

    /// The job once it has ended.
    func ended(_ job: String) async throws -> Answer {
        try await send(.get, "/v1/jobs/\(job)?wait=30")
    }

    /// What is left behind besides the catalogue and stored blobs.
    func leftovers() throws -> [String] {
        directory.files().filter { $0.hasPrefix("data/scratch") || $0.contains("tmp") }
    }
}

/// A response with its body in memory.
struct Answer: CustomStringConvertible {
    let status: Int
    let fields: Fields
    let body: [UInt8]

    init(_ response: Response) async throws {
        status = response.status.rawValue
        fields = response.fields
        switch response.content {
        case .empty: body = []
        case .bytes(let bytes): body = bytes
        case .file(let path, let offset, let length):
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            body = [UInt8](data[Int(offset)..<Int(offset + length)])
        case .stream(_, let next):
            var bytes: [UInt8] = []
            while let part = try await next() { bytes += part }
            body = bytes
        }
    }

    var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:] }
    var content: String { String(decoding: body, as: UTF8.self) }
    func text(_ name: String) -> String? { json[name] as? String }
    var code: String? { text("code") }
    var state: String? { text("state") }
    var failure: [String: Any] { json["failure"] as? [String: Any] ?? [:] }
    var items: [[String: Any]] { json["items"] as? [[String: Any]] ?? [] }
    var description: String { "\(status) \(content.prefix(400))" }
}

extension WorkerCommand {
    /// A script as worker, read by the shell: the kernel refuses to run a file that was written a moment ago for as long as a
    /// process that was forked meanwhile holds it open (ETXTBSY).
    static func script(_ path: String, _ arguments: [String] = []) -> WorkerCommand {
        WorkerCommand(
            executable: "/bin/sh", arguments: [path] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no"])
    }
}
