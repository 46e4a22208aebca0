package import Dispatch
package import Foundation

/// Any program, run to its end.
package struct Command {
    package struct Outcome: Sendable {
        package var exit: Int32
        package var output: String
        package var errors: String
    }

    /// `environment` is added to this process's own; nil removes a variable. Blocks.
    package static func run(
        _ executable: String, _ arguments: [String], environment: [String: String?] = [:]
    ) throws -> Outcome {
        let directory = try TemporaryDirectory("command")
        let files = try ["output", "errors"].map { try directory.write($0, []) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        var all = ProcessInfo.processInfo.environment
        for (name, value) in environment { all[name] = value }
        process.environment = all
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: files[0])
        process.standardError = FileHandle(forWritingAtPath: files[1])
        try process.start().wait()
        let texts = try files.map { String(decoding: try Data(contentsOf: URL(fileURLWithPath: $0)), as: UTF8.self) }
        return Outcome(exit: process.terminationStatus, output: texts[0], errors: texts[1])
    }
}

extension Process {
    /// Runs it; the semaphore is signalled when it has ended. `waitUntilExit` may notice that 50 ms late.
    package func start() throws -> DispatchSemaphore {
        let end = DispatchSemaphore(value: 0)
        terminationHandler = { _ in end.signal() }
        try run()
        return end
    }
}
