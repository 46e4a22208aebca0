import Domain
import Foundation
import Logging
import Storage

/// Looks now and then for jobs whose worker is lost and for queued jobs past their deadline.
struct Rescuer: Sendable {
    let queue: JobQueue
    let log: Logger

    /// Until the task is cancelled.
    func run(every interval: Duration) async {
        while !Task.isCancelled {
            do {
                for job in try await queue.rescue(now: Date()) {
                    log.warning("job rescued", metadata: ["job": "\(job.id)", "state": "\(job.state.rawValue)"])
                }
            } catch {
                log.error("rescue failed", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: interval)
        }
    }
}
