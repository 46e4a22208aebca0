import Foundation
import TestSupport
import Testing

/// The built `octavo serve`, as a user starts it, on a free port with a directory of its own.
final class ServerProcess {
    let directory: TemporaryDirectory
    private(set) var address = ""
    private let settings: [String]
    private let environment: [String: String]
    private var process = Process()

    /// With a fake worker unless `settings` say otherwise.
    init(
        _ directory: TemporaryDirectory? = nil, settings: [String] = [], fakeWorker: Bool = true,
        environment: [String: String] = [:]
    ) throws {
        self.directory = try directory ?? TemporaryDirectory()
        var all = ["disk_reserve=0", "retry_delay=1s", "stop_patience=1s", "log_level=error"] + settings
        if fakeWorker { all.append("worker=" + (try FakeWorker.install(in: self.directory))) }
        self.settings = all
        self.environment = environment
        try start()
    }

    deinit { kill() }

    var data: String { directory.path + "/data" }

    /// Named by OCTAVO_BINARY, or beside the tests.
    static var binary: String {
        if let named = ProcessInfo.processInfo.environment["OCTAVO_BINARY"] { return named }
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("octavo").path
    }

    /// Nil when everything is there that end-to-end tests need.
    static var missing: String? {
        if !FileManager.default.isExecutableFile(atPath: binary) { return "no octavo at \(binary)" }
        return Curl.isThere ? nil : "no curl"
    }

    func start() throws {
        process = Process()
        process.executableURL = URL(fileURLWithPath: Self.binary)
        process.arguments =
            ["serve", "--listen", "127.0.0.1:0", "--data", data] + settings.flatMap { ["--set", $0] }
        // The tests' own OCTAVO_ variables would be unknown settings.
        process.environment = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("OCTAVO_") || $0.key == "OCTAVO_ONNXRUNTIME"
        }.merging(environment) { $1 }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        var line = ""
        while !line.hasSuffix("\n") {
            let bytes = output.fileHandleForReading.availableData
            if bytes.isEmpty { break }
            line += String(decoding: bytes, as: UTF8.self)
        }
        let prefix = "listening on "
        try #require(line.hasPrefix(prefix + "http://127.0.0.1:"), "the server said '\(line)'")
        address = line.dropFirst(prefix.count).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// As the kernel or an operator in despair would.
    func kill() {
        guard process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// SIGTERM; the exit status.
    func terminate() -> Int32 {
        process.terminate()
        process.waitUntilExit()
        return process.terminationStatus
    }

    var identifier: Int32 { process.processIdentifier }

    func curl(_ path: String, _ arguments: [String] = [], seconds: Int = 60) throws -> Curl.Answer {
        try Curl.run(arguments + [address + path], seconds: seconds)
    }

    func post(_ path: String, _ bytes: [UInt8], _ arguments: [String] = []) throws -> Curl.Answer {
        let file = try directory.write("body-\(UUID().uuidString)", bytes)
        defer { try? FileManager.default.removeItem(atPath: file) }
        return try curl(path, ["--data-binary", "@" + file] + arguments)
    }

    /// Files of interrupted work.
    func leftovers() throws -> [String] {
        directory.files().filter { name in
            name.hasPrefix("data/") && (name.hasPrefix("data/scratch/") || name.contains("tmp"))
        }
    }
}
