import Domain
import Foundation
import TestSupport
import Testing

@testable import Service

/// Real processes, made of shell script, that write down when they ran.
@Suite struct MeasuringRoomTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Runs until the measurement is over and once more after that; every turn leaves the time on a line.
    private static let busy = """
        while [ ! -e ended ]; do date +%s%N >> beats; sleep 0.002; done
        date +%s%N >> beats
        """

    /// Begins once the other is at work, and measures for as long as 40 processes take. With `crash` it does not come to
    /// an end.
    private static func measuring(_ crash: Bool = false) -> String {
        """
        until [ -s beats ]; do sleep 0.01; done
        echo '{"measuring":{}}' >&3
        IFS= read -r answer; echo "$answer" >> answers
        date +%s%N > began
        i=0; while [ $i -lt 40 ]; do date > /dev/null; i=$((i+1)); done
        \(crash ? "mv began ended; kill -KILL $$" : "date +%s%N > now; mv now ended")
        echo '{"measured":{}}' >&3
        IFS= read -r answer; echo "$answer" >> answers
        """
    }

    private func run(_ script: String, _ name: String, in room: MeasuringRoom, as role: Stillness.Role) async throws
        -> WorkerEnd
    {
        let finish = #"echo '{"failed":{"_0":{"type":"internal","detail":"d","retryable":false,"fault":"user"}}}' >&3"#
        let text = "#!/bin/sh\nIFS= read -r order\ncd '\(directory.path)'\n\(script)\n\(finish)\n"
        let path = try directory.write(name, Array(text.utf8))
        let command = WorkerCommand.script(path)
        let process = WorkerProcess(log: WorkerLog())
        let order = WorkOrder.inspectModel(StagedModel(directory: "d", file: "f", digest: nil))
        return await room.share(with: process, as: role) { heard in
            await process.run(order, command: command, limits: WorkerLimits(), onEvent: heard)
        }
    }

    private func numbers(_ name: String) throws -> [Int] {
        try String(contentsOfFile: directory.path + "/" + name, encoding: .utf8).split(separator: "\n").compactMap {
            Int($0)
        }
    }

    @Test(arguments: [Stillness.Role.conversion, .inspection])
    func nothingElseRunsDuringAMeasurement(_ role: Stillness.Role) async throws {
        let room = MeasuringRoom()
        async let busy = run(Self.busy, "busy", in: room, as: role)
        let end = try await run(Self.measuring(), "measuring", in: room, as: .conversion)
        #expect(end.code == 0)
        #expect(try await busy.code == 0)
        let window = try #require(try numbers("began").first)...(#require(try numbers("ended").first))
        let beats = try numbers("beats")
        #expect(beats.contains { $0 < window.lowerBound } && beats.contains { $0 > window.upperBound })
        #expect(beats.filter(window.contains) == [])
        let answers = try String(contentsOfFile: directory.path + "/answers", encoding: .utf8).split(separator: "\n")
        #expect(answers.first == #"{"begin":{}}"#)
        let last = try JSON.decode(WorkAnswer.self, from: try #require(answers.last).utf8)
        guard case .neighbours(let neighbours) = last else { return #expect(Bool(false), "\(last)") }
        #expect(neighbours.wereStill)
    }

    @Test func whoIsKilledWhileItMeasuresHoldsNobody() async throws {
        let room = MeasuringRoom()
        async let busy = run(Self.busy, "busy", in: room, as: .conversion)
        let end = try await run(Self.measuring(true), "measuring", in: room, as: .conversion)
        #expect(end.signal == SIGKILL)
        #expect(try await busy.code == 0)
    }

    /// The inspection goes on before the measurement ends, and the measurement is told.
    @Test func anInspectionIsNotHeldForLong() async throws {
        let room = MeasuringRoom(.init(longestHold: 0.05))
        let script = Self.measuring().replacingOccurrences(
            of: "date +%s%N > began", with: "until [ -e more ]; do wc -l < beats > seen; sleep 0.01; done")
        let inspection = """
            date +%s%N >> beats
            until [ -e seen ]; do date +%s%N >> beats; sleep 0.01; done
            echo > more
            """
        async let inspected = run(inspection, "inspection", in: room, as: .inspection)
        _ = try await run(script, "measuring", in: room, as: .conversion)
        #expect(try await inspected.code == 0)
        let answers = try String(contentsOfFile: directory.path + "/answers", encoding: .utf8)
        #expect(answers.contains(#""inspections":1"#), "\(answers)")
    }

    /// `hold` reaches a worker that is not born yet, and a stopped one can still be told to end.
    @Test(arguments: [WorkerProcess.StopReason.cancelled, .shutdown])
    func aHeldWorkerCanBeStopped(_ reason: WorkerProcess.StopReason) async throws {
        let path = try directory.write("never", Array("#!/bin/sh\necho ran > '\(directory.path)/ran'\ncat\n".utf8))
        let process = WorkerProcess(log: WorkerLog())
        process.hold()
        let order = WorkOrder.inspectModel(StagedModel(directory: "d", file: "f", digest: nil))
        async let end = process.run(
            order, command: .script(path), limits: WorkerLimits())
        process.stop(reason)
        #expect(await end.stopped == reason)
    }
}
