import Domain
import Foundation
import Storage

/// The durable queue: the catalogue's jobs, and bells that say when it is worth looking.
final class JobQueue: Sendable {
    let catalogue: any Catalogue
    let news = JobNews()
    /// Rings when there may be work.
    let work = Bell()
    private let lease: Duration
    private let limit: Int

    init(catalogue: any Catalogue, lease: Duration, limit: Int) {
        self.catalogue = catalogue
        self.lease = lease
        self.limit = limit
    }

    /// Refuses when the queue is full, so that the client comes back later.
    func enqueue(_ job: JobRow, key: IdempotencyKey?) async throws -> Enqueued {
        let length = try await length()
        guard length < limit else {
            if let key, let earlier = try await earlier(key) { return earlier }
            throw ServiceError.queueFull(length)
        }
        let result = try await catalogue.enqueue(job, key: key)
        if case .created = result { work.ring() }
        return result
    }

    /// What a request with this key has led to; nil when there was none.
    func earlier(_ key: IdempotencyKey) async throws -> Enqueued? {
        // Names no model that exists: with a key never seen, the catalogue refuses it and nothing happens.
        let nothing = Digest(bytes: [UInt8](repeating: 0, count: 32))
        let job = JobRow(
            id: JobRow.makeID(at: Date()), model: nothing, calibration: nothing, recipe: Recipe(), maxAttempts: 1,
            created: Date())
        do {
            return try await catalogue.enqueue(job, key: key)
        } catch StorageError.unknownReference {
            return nil
        }
    }

    /// How many jobs wait: the place of the youngest.
    func length() async throws -> Int {
        guard let youngest = try await catalogue.jobs(after: nil, limit: 1, state: .queued).items.first else {
            return 0
        }
        return try await catalogue.queuePosition(of: youngest.id) ?? 0
    }

    func claim(by worker: String) async throws -> Claim? {
        let claim = try await catalogue.claim(by: worker, lease: lease)
        if let claim { news.ring(claim.job.id) }
        return claim
    }

    func renew(_ claim: Claim) async throws -> Renewal {
        let live = news.live(claim.job.id).flatMap { $0.token == claim.token ? $0 : nil }
        return try await catalogue.renew(claim, lease: lease, phase: live?.phase, progress: live?.progress)
    }

    /// How often a lease is renewed: three chances before it runs out.
    var heartbeat: Double { lease.seconds / 3 }

    func finish(_ claim: Claim, _ outcome: Outcome) async throws -> Bool {
        let held = try await catalogue.finish(claim, outcome)
        news.ended(claim)
        if case .requeue(let delay, _) = outcome { ring(after: delay) }
        return held
    }

    func requestCancel(_ id: String) async throws -> JobRow? {
        let job = try await catalogue.requestCancel(id)
        if job != nil { news.cancel(id) }
        return job
    }

    /// Puts back what nobody works on any more.
    func rescue(now: Date) async throws -> [JobRow] {
        let changed = try await catalogue.rescue(now: now)
        for job in changed { news.ring(job.id) }
        if changed.contains(where: { $0.state == .queued }) { work.ring() }
        return changed
    }

    func adoptOrphans() async throws -> [JobRow] { try await catalogue.adoptOrphans() }

    private func ring(after delay: Duration) {
        Task { [work] in
            try? await Task.sleep(for: delay)
            work.ring()
        }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
