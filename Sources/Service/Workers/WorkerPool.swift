import Domain
import Foundation
import Logging
import Storage
import Synchronization

/// Works on the queue with a fixed number of worker processes at once.
final class WorkerPool: Sendable {
    private struct State {
        var stopping = false
        var running: [String: WorkerProcess] = [:]
        var slots: [Task<Void, Never>] = []
    }
    private let queue: JobQueue
    private let width: Int
    /// False while no result could be stored; then queued jobs stay queued.
    private let mayWork: @Sendable () -> Bool
    private let makeRun: @Sendable () -> JobRun
    private let log: Logger
    private let state = Mutex(State())
    /// Tells this server's claims from others in the catalogue.
    private let name = "\(ProcessInfo.processInfo.hostName):\(getpid())"
    /// How long an idle slot goes without looking, should a bell be missed.
    private static let longestNap = 5.0

    init(
        queue: JobQueue, width: Int, log: Logger, mayWork: @escaping @Sendable () -> Bool,
        makeRun: @escaping @Sendable () -> JobRun
    ) {
        self.queue = queue
        self.width = width
        self.log = log
        self.mayWork = mayWork
        self.makeRun = makeRun
    }

    var busy: Int { state.withLock { $0.running.count } }

    func start() {
        let slots = (0..<width).map { slot in Task { await work(slot) } }
        state.withLock { $0.slots = slots }
    }

    /// Running jobs are stopped and handed back to the queue; returns when that is done.
    func stop() async {
        let (processes, slots) = state.withLock { state in
            state.stopping = true
            return (Array(state.running.values), state.slots)
        }
        queue.work.ring()
        for process in processes { process.stop(.shutdown) }
        for slot in slots { await slot.value }
    }

    private var isStopping: Bool { state.withLock { $0.stopping } }

    private func work(_ slot: Int) async {
        while !isStopping {
            let seen = queue.work.count
            do {
                if mayWork(), let claim = try await queue.claim(by: "\(name):\(slot)") {
                    await run(claim)
                } else {
                    await queue.work.wait(after: seen, seconds: Self.longestNap)
                }
            } catch {
                log.error("no job could be claimed", metadata: ["error": "\(error)"])
                await queue.work.wait(after: seen, seconds: 1)
            }
        }
    }

    private func run(_ claim: Claim) async {
        let process = WorkerProcess(log: WorkerLog())
        let key = "\(claim.job.id).\(claim.token)"
        let late = state.withLock { state in
            state.running[key] = process
            return state.stopping
        }
        if late { process.stop(.shutdown) }
        await makeRun().run(claim, process)
        _ = state.withLock { $0.running.removeValue(forKey: key) }
    }
}
