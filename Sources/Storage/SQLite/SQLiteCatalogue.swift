package import Domain
package import Foundation
import GRDB

/// The catalogue in one SQLite file.
package final class SQLiteCatalogue: Catalogue {
    private let pool: DatabasePool
    private let clock: @Sendable () -> Date

    /// Opens or creates the file and brings its schema up to date. `clock` gives the time for leases and back-off.
    package init(path: String, clock: @escaping @Sendable () -> Date = { Date() }) throws {
        pool = try DatabasePool(path: path)
        self.clock = clock
    }

    private func unfinished() -> StorageError { .storeFailed(detail: "unfinished") }
    package func addModel(_ row: ModelRow) async throws -> (row: ModelRow, created: Bool) { throw unfinished() }
    package func model(_ reference: String) async throws -> ModelRow? { throw unfinished() }
    package func models(after cursor: String?, limit: Int, name: String?) async throws -> Page<ModelRow> {
        throw unfinished()
    }
    package func deleteModel(_ id: Digest) async throws -> Deletion { throw unfinished() }
    package func addSampleSet(_ row: SampleSetRow) async throws -> (row: SampleSetRow, created: Bool) {
        throw unfinished()
    }
    package func sampleSet(_ reference: String) async throws -> SampleSetRow? { throw unfinished() }
    package func sampleSets(after cursor: String?, limit: Int, name: String?, role: SampleSetRow.Role?) async throws
        -> Page<SampleSetRow>
    { throw unfinished() }
    package func deleteSampleSet(_ id: Digest) async throws -> Deletion { throw unfinished() }
    package func enqueue(_ job: JobRow, key: IdempotencyKey?) async throws -> Enqueued { throw unfinished() }
    package func job(_ id: String) async throws -> JobRow? { throw unfinished() }
    package func jobs(after cursor: String?, limit: Int, state: JobState?) async throws -> Page<JobRow> {
        throw unfinished()
    }
    package func queuePosition(of id: String) async throws -> Int? { throw unfinished() }
    package func claim(by worker: String, lease: Duration) async throws -> Claim? { throw unfinished() }
    package func renew(_ claim: Claim, lease: Duration, phase: Stage?, progress: Double?) async throws -> Renewal {
        throw unfinished()
    }
    package func finish(_ claim: Claim, _ outcome: Outcome) async throws -> Bool { throw unfinished() }
    package func requestCancel(_ id: String) async throws -> JobRow? { throw unfinished() }
    package func rescue(now: Date) async throws -> [JobRow] { throw unfinished() }
    package func deleteJob(_ id: String) async throws -> Deletion { throw unfinished() }
    package func isReferenced(_ digest: Digest) async throws -> Bool { throw unfinished() }
    package func referencedBlobs() async throws -> Set<Digest> { throw unfinished() }
    package func ping() async throws { throw unfinished() }
}
