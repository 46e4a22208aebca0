import Foundation
import Synchronization

/// What concurrent calls gave.
final class Results<Value: Sendable>: Sendable {
    private let values = Mutex<[Result<Value, any Error>]>([])

    func note(_ body: () throws -> Value) {
        let result = Result { try body() }
        values.withLock { $0.append(result) }
    }

    func get() throws -> [Value] { try values.withLock { $0 }.map { try $0.get() } }
}

struct ScriptFailure: Error { let output: String }

/// Standard output of a Python program, trimmed.
func python(_ script: String, _ arguments: String...) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script] + arguments
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw ScriptFailure(output: output) }
    return output.trimmingCharacters(in: .whitespacesAndNewlines)
}
