package import Domain
import Foundation
import GRDB

extension SQLiteCatalogue {
    /// Keys are kept twice as long as promised.
    private static let keyLifetime = Duration.seconds(48 * 3600)

    package func enqueue(_ job: JobRow, key: IdempotencyKey?) async throws -> Enqueued {
        try await write { db, now in
            if let key, let earlier = try Self.earlier(key, now, db) { return earlier }
            try Self.checkReferences(of: job, db)
            try Self.insert(job, db)
            let number = db.lastInsertedRowID
            if let key {
                try db.execute(
                    sql: "INSERT INTO idempotency_keys (key, fingerprint, job, created) VALUES (?, ?, ?, ?)",
                    arguments: [key.key, key.fingerprint.hex, number, now.milliseconds])
            }
            return .created(try Self.job(number, db))
        }
    }

    /// What this key brought forth before, nil when it is new.
    private static func earlier(_ key: IdempotencyKey, _ now: Date, _ db: Database) throws -> Enqueued? {
        try db.execute(
            sql: "DELETE FROM idempotency_keys WHERE created < ?",
            arguments: [now.adding(.zero - keyLifetime).milliseconds])
        let row = try Row.fetchOne(
            db, sql: "SELECT key AS id, fingerprint, job FROM idempotency_keys WHERE key = ?", arguments: [key.key])
        guard let row = row.map({ Columns($0, table: "idempotency_keys") }) else { return nil }
        guard try row.digest("fingerprint") == key.fingerprint else { return .keyReusedWithOtherPayload }
        return .replayed(try job(try row.integer("job"), db))
    }

    private static func checkReferences(of job: JobRow, _ db: Database) throws {
        func exists(_ table: String, _ id: Digest) throws -> Bool {
            try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM \(table) WHERE id = ?)", arguments: [id.hex])
                ?? false
        }
        guard try exists("models", job.model) else { throw StorageError.unknownReference("model \(job.model)") }
        for set in [job.calibration, job.evaluation].compactMap({ $0 }) {
            guard try exists("sample_sets", set) else { throw StorageError.unknownReference("sample set \(set)") }
        }
    }

    private static func insert(_ job: JobRow, _ db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO jobs (id, state, model, calibration, evaluation, recipe, deadline_seconds, max_attempts, created,
                    reproduces)
                VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                job.id, job.model.hex, job.calibration.hex, job.evaluation?.hex, try jsonText(job.recipe),
                job.deadlineSeconds, job.maxAttempts, job.created.milliseconds, try job.reproduces.map(jsonText),
            ])
    }

    package func job(_ id: String) async throws -> JobRow? {
        try await read { try Self.job(id, $0) }
    }

    package func jobs(after cursor: String?, limit: Int, state: JobState?) async throws -> Page<JobRow> {
        try await read { db in
            var query = try PageQuery(table: "jobs", after: cursor, limit: limit)
            if let state { query.conditions.append(("state = ?", [state.rawValue])) }
            return try query.fetch(db) { try Self.job($0, db) }
        }
    }

    package func queuePosition(of id: String) async throws -> Int? {
        try await read { db in
            let position = try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM jobs WHERE state = 'queued' AND (created, number)
                        <= (SELECT created, number FROM jobs WHERE id = ? AND state = 'queued')
                    """, arguments: [id])
            return position == 0 ? nil : position
        }
    }

    package func deleteJob(_ id: String) async throws -> Deletion {
        try await write { db, _ in
            let state = try String.fetchOne(db, sql: "SELECT state FROM jobs WHERE id = ?", arguments: [id])
            guard let state else { return Deletion(found: false, orphans: []) }
            guard JobState(rawValue: state)?.isTerminal == true else { throw StorageError.inUse(jobs: [id]) }
            let blobs = try String.fetchAll(
                db, sql: "SELECT digest FROM artifacts WHERE job = (SELECT number FROM jobs WHERE id = ?)",
                arguments: [id])
            return try Self.delete(blobs.compactMap { Digest($0) }, db) {
                try db.execute(sql: "DELETE FROM jobs WHERE id = ?", arguments: [id])
            }
        }
    }

    // MARK: Rows

    static func job(_ id: String, _ db: Database) throws -> JobRow? {
        let row = try Row.fetchOne(db, sql: "SELECT * FROM jobs WHERE id = ?", arguments: [id])
        return try row.map { try job(Columns($0, table: "jobs"), db) }
    }

    static func job(_ number: Int64, _ db: Database) throws -> JobRow {
        let row = try Row.fetchOne(db, sql: "SELECT * FROM jobs WHERE number = ?", arguments: [number])
        guard let row else { throw StorageError.corruptRow(table: "jobs", id: "\(number)", detail: "not there") }
        return try job(Columns(row, table: "jobs"), db)
    }

    static func job(_ row: Columns, _ db: Database) throws -> JobRow {
        var job = JobRow(
            id: try row.text("id"), model: try row.digest("model"), calibration: try row.digest("calibration"),
            evaluation: try row.optionalDigest("evaluation"), recipe: try row.json("recipe", Recipe.self),
            deadlineSeconds: try row.optionalReal("deadline_seconds"), maxAttempts: try row.int("max_attempts"),
            created: try row.date("created"))
        job.state = try row.value("state", JobState.self)
        job.phase = try row.optionalValue("phase", Stage.self)
        job.progress = try row.real("progress")
        job.attempt = try row.int("attempt")
        job.started = try row.optionalDate("started")
        job.finished = try row.optionalDate("finished")
        job.notBefore = try row.optionalDate("not_before")
        job.failure = try row.optionalJSON("failure", Failure.self)
        job.verdict = try row.optionalText("verdict")
        job.cancelRequested = try row.bool("cancel_requested")
        job.leaseExpires = try row.optionalDate("lease_expires")
        job.reproduces = try row.optionalJSON("reproduces", Reproduction.self)
        job.artifacts = try artifacts(of: try row.integer("number"), db)
        return job
    }

    private static func artifacts(of number: Int64, _ db: Database) throws -> [ArtifactRow] {
        let sql = "SELECT *, name AS id FROM artifacts WHERE job = ? ORDER BY position"
        return try Row.fetchAll(db, sql: sql, arguments: [number]).map { row in
            let row = Columns(row, table: "artifacts")
            return ArtifactRow(
                kind: try row.value("kind", ArtifactRow.Kind.self), name: try row.text("name"),
                mediaType: try row.text("media_type"), digest: try row.digest("digest"),
                size: try row.integer("size"))
        }
    }
}
