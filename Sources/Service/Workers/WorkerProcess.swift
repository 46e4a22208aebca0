import CLinux
import Dispatch
package import Domain
import Foundation
import Synchronization

/// How worker processes are started. Tests put a script in place of the executable.
package struct WorkerCommand: Sendable {
    package var executable: String
    /// Arguments before the limits that the pool appends.
    package var arguments: [String]
    package var environment: [String: String]

    package init(executable: String, arguments: [String], environment: [String: String]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }

    /// This same program as `octavo work`, with the few variables that a worker needs.
    package static func ownExecutable(environment: [String: String] = ProcessInfo.processInfo.environment) -> Self {
        let kept = ["PATH", "LANG", "LD_LIBRARY_PATH", "OCTAVO_ONNXRUNTIME", "OCTAVO_KERNELS"]
        var clean = environment.filter { kept.contains($0.key) }
        // The backtracer prints pages and needs its own program; glibc's arenas inflate the address space.
        clean["SWIFT_BACKTRACE"] = "enable=no"
        clean["MALLOC_ARENA_MAX"] = "2"
        return WorkerCommand(executable: "/proc/self/exe", arguments: ["work"], environment: clean)
    }
}

/// What the worker puts on itself before it reads its order; 0 leaves a limit as it is.
package struct WorkerLimits: Sendable, Equatable {
    package var addressSpace: Int64
    package var cpuSeconds: Int64
    package var fileBytes: Int64

    package init(addressSpace: Int64 = 0, cpuSeconds: Int64 = 0, fileBytes: Int64 = 0) {
        self.addressSpace = addressSpace
        self.cpuSeconds = cpuSeconds
        self.fileBytes = fileBytes
    }

    var arguments: [String] {
        [
            "--address-space", "\(addressSpace)", "--cpu-seconds", "\(cpuSeconds)", "--file-bytes", "\(fileBytes)",
        ]
    }
}

/// Exit statuses by which a worker says what it cannot say on fd 3 any more. They are the errno values.
package enum WorkerExit {
    package static let outOfMemory: Int32 = 12
    package static let outOfDisk: Int32 = 28
}

/// How a worker process ended, and the last thing it said.
package struct WorkerEnd: Sendable {
    /// `finished`, `inspected…` or `failed`, when it came.
    package var final: WorkEvent?
    package var lastStage: Stage?
    /// Exit status, or -1 when a signal ended the process.
    package var code: Int32 = -1
    package var signal: Int32 = 0
    /// Why we ended it, if we did.
    package var stopped: WorkerProcess.StopReason?
    /// What was wrong on fd 3, or why the process could not be started.
    package var violation: String?
}

/// One worker process: spawned, fed its order, listened to, stopped and reaped. `run` is called once.
///
/// The order goes to fd 0 and the pipe stays open: its end tells the worker that its server is gone. Events come as lines
/// from fd 3. What it prints is collected in the log through a pipe, so that it is bounded and a worker without a server
/// dies at its next line.
package final class WorkerProcess: Sendable {
    package enum StopReason: Sendable, Equatable { case cancelled, deadline, lostLease, shutdown }

    /// The process while its number is its own: from its birth until just before it is reaped.
    private struct Child {
        var pid: pid_t?
        var isHeld = false
    }

    let log: WorkerLog
    private let stopRequest = Mutex<StopReason?>(nil)
    private let child = Mutex(Child())
    private let answers = Mutex<[UInt8]>([])
    private let wake: WakePipe?
    private static let queue = DispatchQueue(label: "octavo.workers", attributes: .concurrent)

    package init(log: WorkerLog) {
        self.log = log
        wake = try? WakePipe()
    }

    /// Asks the process to end: TERM to its group, then KILL. The first reason counts. Returns at once.
    package func stop(_ reason: StopReason) {
        stopRequest.withLock { if $0 == nil { $0 = reason } }
        wake?.ring()
    }

    var stopReason: StopReason? { stopRequest.withLock { $0 } }

    /// Says `answer` on the worker's fd 0.
    func tell(_ answer: WorkAnswer) {
        guard let line = try? JSON.encode(answer) else { return }
        answers.withLock { $0 += line + [UInt8(ascii: "\n")] }
        wake?.ring()
    }

    func takeAnswers() -> [UInt8] {
        answers.withLock { bytes in
            defer { bytes = [] }
            return bytes
        }
    }

    // MARK: Holding still

    /// Stops the process and its group where they are, until `release`; one that is not born yet stops at its birth. Blocks
    /// until it stands, some microseconds as a rule.
    func hold() {
        child.withLock { child in
            child.isHeld = true
            if let pid = child.pid { _ = octavo_hold(pid) }
        }
    }

    func release() {
        child.withLock { child in
            child.isHeld = false
            if let pid = child.pid { kill(-pid, SIGCONT) }
        }
    }

    func wasBorn(_ pid: pid_t) {
        child.withLock { child in
            child.pid = pid
            if child.isHeld { _ = octavo_hold(pid) }
        }
    }

    /// From now on its number may belong to another process.
    func isGone() {
        child.withLock { $0.pid = nil }
    }

    /// Runs the order to its end. `onEvent` is called on the thread that listens.
    ///
    /// The thread that spawns the process listens to it until it is reaped, and must: the worker is killed when that thread
    /// ends.
    package func run(
        _ order: WorkOrder, command: WorkerCommand, limits: WorkerLimits, patience: Double = 3,
        onEvent: @escaping @Sendable (WorkEvent) -> Void = { _ in }
    ) async -> WorkerEnd {
        await withCheckedContinuation { continuation in
            Self.queue.async {
                let end: WorkerEnd
                do {
                    if let reason = self.stopReason {
                        return continuation.resume(returning: WorkerEnd(stopped: reason))
                    }
                    guard let wake = self.wake else { throw ServiceError.system("pipe", errno) }
                    let text = try JSON.encode(order) + [UInt8(ascii: "\n")]
                    var supervision = try Supervision(
                        process: self, wake: wake, order: text, command: command, limits: limits, patience: patience)
                    end = supervision.run(onEvent)
                } catch {
                    end = WorkerEnd(violation: "the worker could not be started: \(error)")
                }
                continuation.resume(returning: end)
            }
        }
    }
}

/// A pipe that makes a sleeping `poll` return.
final class WakePipe: Sendable {
    let readEnd: Int32
    private let writeEnd: Int32

    init() throws {
        (readEnd, writeEnd) = try Pipe.make()
        _ = octavo_set_nonblocking(readEnd)
        _ = octavo_set_nonblocking(writeEnd)
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    func ring() { _ = write(writeEnd, [1], 1) }

    func clear() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(readEnd, &bytes, bytes.count) > 0 {}
    }
}

enum Pipe {
    /// All of them or none.
    static func make(_ count: Int) throws -> [(readEnd: Int32, writeEnd: Int32)] {
        var pipes: [(readEnd: Int32, writeEnd: Int32)] = []
        do {
            for _ in 0..<count { pipes.append(try make()) }
        } catch {
            for pipe in pipes {
                close(pipe.readEnd)
                close(pipe.writeEnd)
            }
            throw error
        }
        return pipes
    }

    /// Close-on-exec on both ends.
    static func make() throws -> (readEnd: Int32, writeEnd: Int32) {
        var ends: [Int32] = [-1, -1]
        guard octavo_pipe(&ends) == 0 else { throw ServiceError.system("pipe", errno) }
        return (ends[0], ends[1])
    }
}
