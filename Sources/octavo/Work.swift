import ArgumentParser
import CLinux
import Dispatch
import Domain
import Foundation
import Optimizer
import Storage
import Synchronization

/// The worker half: one order on fd 0, events on fd 3, results in the scratch directory. Started by the server only.
struct Work: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Carries out one order of a server. Not for use by hand.", shouldDisplay: false)

    @Option(help: "Limit of the address space in bytes; 0 for none.") var addressSpace: UInt64 = 0
    @Option(help: "Limit of processor time in seconds; 0 for none.") var cpuSeconds: UInt64 = 0
    @Option(help: "Limit of the size of any file written, in bytes; 0 for none.") var fileBytes: UInt64 = 0

    func run() throws {
        guard octavo_confine(addressSpace, cpuSeconds, fileBytes) == 0 else {
            throw ValidationError("cannot confine the worker: \(String(cString: strerror(errno)))")
        }
        let events = EventPipe(descriptor: 3)
        let order: WorkOrder
        do {
            order = try JSON.decode(WorkOrder.self, from: Self.readLine())
        } catch {
            events.send(.failed(Failure(.internal, detail: "The order cannot be read: \(error)")))
            Foundation.exit(1)
        }
        let answers = AnswerPipe(descriptor: 0)
        let quiet = Quiet { event in
            events.send(event)
            return answers.next()
        }
        do {
            events.send(
                try Worker.carryOut(
                    order, digest: { try Digest(sha256OfFile: $0) }, packing: PackedSize.ofWeights, quiet: quiet,
                    tell: events.send))
        } catch {
            events.send(.failed(Failure(wrapping: error, stage: nil)))
        }
        // Engines keep threads of their own: leave without running their destructors.
        _exit(0)
    }

    /// The order is one line; the pipe stays open behind it for as long as the parent lives, for its answers.
    private static func readLine() throws -> [UInt8] {
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(0, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return line }
            line += chunk[..<count]
            if chunk[..<count].contains(UInt8(ascii: "\n")) { return line }
        }
    }
}

/// The server's answers behind the order, one JSON line each. Ends the process when the pipe ends: the server is gone, and
/// nobody wants the result.
final class AnswerPipe: Sendable {
    private let answers = Mutex<[WorkAnswer]>([])
    private let arrived = DispatchSemaphore(value: 0)

    init(descriptor: Int32) {
        Thread.detachNewThread {
            var line: [UInt8] = []
            var byte: UInt8 = 0
            while true {
                let count = read(descriptor, &byte, 1)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { _exit(3) }
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    continue
                }
                // Only its server writes here, so a line that is no answer is the end as well.
                guard let answer = try? JSON.decode(WorkAnswer.self, from: line) else { _exit(3) }
                line = []
                self.answers.withLock { $0.append(answer) }
                self.arrived.signal()
            }
        }
    }

    /// Waits for the next answer.
    func next() -> WorkAnswer? {
        arrived.wait()
        return answers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }
}

/// Events as JSON lines by `write(2)`, so that what was said before a crash has been said.
struct EventPipe: Sendable {
    let descriptor: Int32

    @Sendable func send(_ event: WorkEvent) {
        guard var line = try? JSON.encode(event) else { return }
        line.append(UInt8(ascii: "\n"))
        var sent = 0
        while sent < line.count {
            let count = line[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            sent += count
        }
    }
}
