import Domain
import Foundation
import Logging
import Storage
import Synchronization

/// Looks now and then for jobs whose worker is lost and for queued jobs past their deadline.
final class Rescuer: Sendable {
    private let queue: JobQueue
    private let log: Logger
    private let bell = Bell()

    init(queue: JobQueue, log: Logger) {
        self.queue = queue
        self.log = log
    }

    /// For the start of the only server of a catalogue: what is running there is nobody's.
    func adoptOrphans() async throws {
        note(try await queue.adoptOrphans())
    }

    /// Until stopped.
    func run(every interval: Duration) async {
        while !bell.isClosed {
            await bell.wait(after: bell.count, seconds: interval.seconds)
            do {
                note(try await queue.rescue(now: Date()))
            } catch {
                log.error("rescue failed", metadata: ["error": "\(error)"])
            }
        }
    }

    func stop() { bell.close() }

    private func note(_ jobs: [JobRow]) {
        for job in jobs {
            log.warning("job rescued", metadata: ["job": "\(job.id)", "state": "\(job.state.rawValue)"])
        }
    }
}
