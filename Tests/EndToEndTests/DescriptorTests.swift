import Foundation
import TestSupport
import Testing

@testable import octavo

@Suite struct DescriptorTests {
    @Test func connectionsLeaveDescriptorsForTheRest() {
        #expect(Descriptors.connections(limit: 64) == 8)
        #expect(Descriptors.connections(limit: 1024) == 622 / 8 * 8)
        for limit in [128, 256, 1024, 4096, 65_536] {
            let connections = Descriptors.connections(limit: limit)
            #expect(connections / 8 * 9 + 16 + 68 < limit, "\(limit)")
        }
    }
}

@Suite(.enabled(if: ServerProcess.missing == nil, "the built octavo and curl are needed"))
struct WorkerMemoryTests {
    @Test func aWorkerIsTheFirstToGoWhenMemoryRunsOut() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: ServerProcess.binary)
        process.arguments = ["work"]
        let order = Pipe()
        process.standardInput = order
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let path = "/proc/\(process.processIdentifier)/oom_score_adj"
        var score = ""
        while process.isRunning, score != "1000" {
            score = ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").trimmingCharacters(in: .newlines)
        }
        try order.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(score == "1000")
    }
}
