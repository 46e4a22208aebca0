import CLinux
import Domain
import Foundation

/// The life of one worker process as one blocking story on one thread: everything that can happen to it arrives in one
/// `poll`. Lines on fd 3 are bounded and must be events; anything else ends the process.
struct Supervision {
    static let lineLimit = 1 << 20
    /// After its final event a worker has this long to exit.
    private static let exitSeconds = 10.0

    private let process: WorkerProcess
    private let wake: WakePipe
    private let patience: Double
    private let pid: pid_t
    private var pidfd: Int32
    private var order: ArraySlice<UInt8>
    /// More than this is never left in `order` by a worker that waits for what it asked.
    private let unread: Int
    private var orderEnd: Int32
    private var outputEnd: Int32
    private var eventsEnd: Int32
    private var line: [UInt8] = []
    private var end = WorkerEnd()
    private var exited = false
    /// When the next step of ending the process is due, by the monotonic clock, and whether it is the last one.
    private var nextStep: Double?
    private var termSent = false

    /// Spawns the process.
    init(
        process: WorkerProcess, wake: WakePipe, order: [UInt8], command: WorkerCommand, limits: WorkerLimits,
        patience: Double
    ) throws {
        self.process = process
        self.wake = wake
        self.patience = patience
        self.order = order[...]
        unread = order.count + Self.lineLimit
        // A worker may be gone before it has read all that it is told.
        signal(SIGPIPE, SIG_IGN)
        let pipes = try Pipe.make(3)
        let (orderRead, orderWrite) = pipes[0]
        let (outputRead, outputWrite) = pipes[1]
        let (eventsRead, eventsWrite) = pipes[2]
        (orderEnd, outputEnd, eventsEnd) = (orderWrite, outputRead, eventsRead)
        defer { for fd in [orderRead, outputWrite, eventsWrite] { close(fd) } }
        for fd in [orderWrite, outputRead, eventsRead] { _ = octavo_set_nonblocking(fd) }
        do {
            pid = try Self.spawn(command, limits, orderRead, outputWrite, eventsWrite)
        } catch {
            for fd in [orderWrite, outputRead, eventsRead] { close(fd) }
            throw error
        }
        pidfd = octavo_pidfd_open(pid)
        process.wasBorn(pid)
    }

    private static func spawn(
        _ command: WorkerCommand, _ limits: WorkerLimits, _ order: Int32, _ output: Int32, _ events: Int32
    ) throws -> pid_t {
        let words = [command.executable] + command.arguments + limits.arguments
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] =
            command.environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var pid: pid_t = 0
        let error = octavo_spawn(command.executable, &arguments, &environment, order, output, events, &pid)
        guard error == 0 else { throw ServiceError.system("spawn \(command.executable)", error) }
        return pid
    }

    mutating func run(_ onEvent: (WorkEvent) -> Void) -> WorkerEnd {
        while !exited { step(onEvent) }
        // Stragglers of its group go too; the leader is not reaped yet, so the number is still its own.
        kill(-pid, SIGKILL)
        process.isGone()
        listen(onEvent)
        collectOutput()
        if octavo_reap(pid, 1, &end.code, &end.signal) != 1 { end.violation = "its exit status was lost" }
        for fd in [orderEnd, outputEnd, eventsEnd, pidfd] where fd >= 0 { close(fd) }
        return end
    }

    private mutating func step(_ onEvent: (WorkEvent) -> Void) {
        var fds = [
            pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wake.readEnd, events: Int16(POLLIN), revents: 0),
            pollfd(fd: eventsEnd, events: Int16(POLLIN), revents: 0),
            pollfd(fd: outputEnd, events: Int16(POLLIN), revents: 0),
            pollfd(fd: order.isEmpty ? -1 : orderEnd, events: Int16(POLLOUT), revents: 0),
        ]
        _ = poll(&fds, nfds_t(fds.count), pollTimeout())
        if fds[1].revents != 0 {
            wake.clear()
            order += process.takeAnswers()
            if order.count > unread { violate("more questions than it reads answers") }
        }
        if fds[4].revents != 0 { feed() }
        if fds[2].revents != 0 { listen(onEvent) }
        if fds[3].revents != 0 { collectOutput() }
        if pidfd >= 0 ? fds[0].revents != 0 : hasExited() { exited = true }
        endIfAsked()
    }

    /// Without pidfds (kernels before 5.3) the exit is looked for ten times a second.
    private func pollTimeout() -> Int32 {
        let step = nextStep.map { Int32(max(0, min(($0 - Clock.monotonic) * 1000, 60_000)).rounded(.up)) } ?? -1
        guard pidfd < 0 else { return step }
        return step < 0 ? 100 : min(step, 100)
    }

    private func hasExited() -> Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_signo == SIGCHLD
    }

    /// Gives the rest of the order, and of answers behind it. The pipe stays open afterwards.
    private mutating func feed() {
        while !order.isEmpty {
            let count = order.withUnsafeBytes { write(orderEnd, $0.baseAddress, $0.count) }
            guard count > 0 else {
                // The worker has closed its fd 0: what became of it shows in its exit.
                if errno != EAGAIN && errno != EINTR { order = [] }
                return
            }
            order = order.dropFirst(count)
        }
    }

    private mutating func collectOutput() {
        drain(&outputEnd) { [log = process.log] bytes in log.append(bytes) }
    }

    private mutating func listen(_ onEvent: (WorkEvent) -> Void) {
        var fresh: [UInt8] = []
        drain(&eventsEnd) { fresh.append(contentsOf: $0) }
        var rest = fresh[...]
        while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
            line.append(contentsOf: rest[..<newline])
            rest = rest[(newline + 1)...]
            if line.count > Self.lineLimit { return violate("a line of more than \(Self.lineLimit) bytes") }
            take(line, onEvent)
            line = []
        }
        line.append(contentsOf: rest)
        if line.count > Self.lineLimit { violate("a line of more than \(Self.lineLimit) bytes") }
    }

    private mutating func take(_ line: [UInt8], _ onEvent: (WorkEvent) -> Void) {
        guard end.violation == nil, !line.isEmpty else { return }
        guard let event = try? JSON.decode(WorkEvent.self, from: line) else {
            return violate("a line that is no event: \(String(decoding: line.prefix(120), as: UTF8.self))")
        }
        guard event.isCountable else { return violate("an event with impossible counts") }
        switch event {
        case .progress(let stage, _): end.lastStage = stage
        case .log(let text): process.log.append(line: text)
        case .measuring, .measured, .measuredStatistics: break
        case .inspectedModel, .inspectedSamples, .lintedModel, .finished, .failed:
            guard end.final == nil else { return violate("a second final event") }
            end.final = event
            nextStep = nextStep ?? Clock.monotonic + Self.exitSeconds
        }
        onEvent(event)
    }

    private mutating func violate(_ what: String) {
        line = []
        if end.violation == nil { end.violation = "the worker sent \(what)" }
    }

    /// TERM to the group, then, when patience is over, KILL; again each time it is over.
    private mutating func endIfAsked() {
        if end.stopped == nil { end.stopped = process.stopReason }
        let now = Clock.monotonic
        let asked = end.stopped != nil || end.violation != nil
        guard !exited, asked && !termSent || nextStep.map({ now >= $0 }) == true else { return }
        kill(-pid, termSent ? SIGKILL : SIGTERM)
        // One that is held still gets no signal but KILL before it goes on.
        kill(-pid, SIGCONT)
        termSent = true
        nextStep = now + patience
    }

    /// Reads what is there, at most a few megabytes at a time, so that a flood cannot keep the story from going on.
    private func drain(_ fd: inout Int32, _ take: (ArraySlice<UInt8>) -> Void) {
        guard fd >= 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        for _ in 0..<64 {
            let count = read(fd, &buffer, buffer.count)
            if count > 0 {
                take(buffer[..<count])
            } else if count < 0 && (errno == EAGAIN || errno == EINTR) {
                return
            } else {
                close(fd)
                fd = -1
                return
            }
        }
    }
}

enum Clock {
    /// Seconds of the monotonic clock.
    static var monotonic: Double {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
}
