package import Domain
package import Foundation

/// Models, sample sets and the durable queue: what the service knows beyond bytes.
///
/// Every function is one transaction; when it returns, its effect is durable. Errors are `StorageError`.
package protocol Catalogue: Sendable {
    /// Keeps the first row of an id; a new name becomes a label that points to it (and is the newest of that name).
    func addModel(_ row: ModelRow) async throws -> (row: ModelRow, created: Bool)
    /// `reference` is "sha256:…" or a name, which means the model it was last given to.
    func model(_ reference: String) async throws -> ModelRow?
    /// Newest first. `name` keeps models that carry this name.
    func models(after cursor: String?, limit: Int, name: String?) async throws -> Page<ModelRow>
    /// Removes the row, its names and its statistics. Throws `.inUse` while queued or running jobs need it. Unknown: nothing happens.
    func deleteModel(_ id: Digest) async throws -> Deletion

    /// Assigns the next version of the name. The same id under the same name gives the row that is there.
    func addSampleSet(_ row: SampleSetRow) async throws -> (row: SampleSetRow, created: Bool)
    /// `reference` is "sha256:…", "name" (its newest version) or "name@3".
    func sampleSet(_ reference: String) async throws -> SampleSetRow?
    /// Newest first.
    func sampleSets(after cursor: String?, limit: Int, name: String?, role: SampleSetRow.Role?) async throws
        -> Page<SampleSetRow>
    /// Removes every name and version of the id, and the statistics made with it. Throws `.inUse` while queued or running jobs need it.
    func deleteSampleSet(_ id: Digest) async throws -> Deletion

    /// Stores what a pass saw in the place of what was known under the same key, model and set. Of one model and set the newest
    /// eight are kept. Gives the contents that nothing names any more. Throws `.unknownReference`.
    func addStatistics(_ row: StatisticsRow) async throws -> Deletion
    /// Of one model and set, newest first.
    func statistics(of model: Digest, on calibration: Digest) async throws -> [StatisticsRow]
    /// Of one model, newest first. `key` keeps those of that key.
    func statistics(of model: Digest, key: Digest?, after cursor: String?, limit: Int) async throws
        -> Page<StatisticsRow>
    /// Removes what is known of a model under a key, whatever the set.
    func deleteStatistics(of model: Digest, key: Digest) async throws -> Deletion

    /// Stores a queued job, and the key with it. State, attempt and times of a claim in `job` are ignored.
    /// Throws `.unknownReference` when the model or a set is not there.
    func enqueue(_ job: JobRow, key: IdempotencyKey?) async throws -> Enqueued
    func job(_ id: String) async throws -> JobRow?
    /// Newest first.
    func jobs(after cursor: String?, limit: Int, state: JobState?) async throws -> Page<JobRow>
    /// 1 for the job that is next in order of age; nil when the job is not queued.
    func queuePosition(of id: String) async throws -> Int?
    /// The oldest queued job that may start now, running from here on under a new token.
    func claim(by worker: String, lease: Duration) async throws -> Claim?
    /// Extends the lease and notes how far the work is. Nil leaves a value as it is.
    func renew(_ claim: Claim, lease: Duration, phase: Stage?, progress: Double?) async throws -> Renewal
    /// False, and no effect, when the claim's token is no longer the job's.
    func finish(_ claim: Claim, _ outcome: Outcome) async throws -> Bool
    /// Queued: cancelled at once. Running: flagged for its worker. Terminal: unchanged. Nil: no such job.
    func requestCancel(_ id: String) async throws -> JobRow?
    /// Jobs whose lease ran out go back to the queue, or end: failed when attempts are used up, cancelled when that was
    /// asked for. Jobs past their deadline that nobody works on expire. Gives the jobs that changed, as they are now.
    func rescue(now: Date) async throws -> [JobRow]
    /// Every running job goes back to the queue without losing an attempt. For the start of the only server of a
    /// catalogue: what runs there is nobody's. Gives those jobs as they are now.
    func adoptOrphans() async throws -> [JobRow]
    /// Terminal jobs only, otherwise `.inUse`. Unknown: nothing happens.
    func deleteJob(_ id: String) async throws -> Deletion

    func isReferenced(_ digest: Digest) async throws -> Bool
    /// Every content that some row names.
    func referencedBlobs() async throws -> Set<Digest>
    /// Throws unless the database can be written.
    func ping() async throws
}

/// Part of a listing. `next` is the cursor of the rest, nil at the end.
package struct Page<Item: Sendable>: Sendable {
    package var items: [Item]
    package var next: String?
    /// Identities of rows in this part that do not decode any more.
    package var unreadable: [String]

    package init(items: [Item], next: String?, unreadable: [String] = []) {
        self.items = items
        self.next = next
        self.unreadable = unreadable
    }
}

/// What a deletion left behind: contents that no row names any more and that may be removed from the blob store.
package struct Deletion: Equatable, Sendable {
    /// Whether there was such a row.
    package var found: Bool
    package var orphans: [Digest]

    package init(found: Bool, orphans: [Digest]) {
        self.found = found
        self.orphans = orphans
    }
}

/// A client's key for a request, with a digest of everything in the request that matters. Kept at least 24 hours.
package struct IdempotencyKey: Equatable, Sendable {
    package var key: String
    package var fingerprint: Digest

    package init(key: String, fingerprint: Digest) {
        self.key = key
        self.fingerprint = fingerprint
    }
}

package enum Enqueued: Equatable, Sendable {
    case created(JobRow)
    /// The key was used before with the same fingerprint; this is the job of that time as it is now.
    case replayed(JobRow)
    case keyReusedWithOtherPayload
}

/// The right to work on a job until the lease ends. A later claim of the same job has a larger token.
package struct Claim: Equatable, Sendable {
    package var job: JobRow
    package var token: Int64

    package init(job: JobRow, token: Int64) {
        self.job = job
        self.token = token
    }
}

package enum Renewal: Equatable, Sendable {
    case held
    /// Held, and the client wants it stopped: finish with `.cancelled`.
    case cancelRequested
    /// Somebody else has the job, or it has ended: stop, and publish nothing.
    case lost
}

/// How an attempt ended.
package enum Outcome: Equatable, Sendable {
    /// `reproduction` is what came of a job that repeats another one.
    case succeeded(artifacts: [ArtifactRow], verdict: String?, reproduction: Reproduction? = nil)
    case failed(Failure, artifacts: [ArtifactRow])
    case cancelled
    case expired
    /// Back to the queue, not to be claimed before `after` has passed. With a failure the attempt counts, and the job
    /// fails with it when it was the last one. Without, the job is handed back and the attempt does not count.
    /// A job that shall be cancelled is cancelled instead.
    case requeue(after: Duration, Failure?)
}
