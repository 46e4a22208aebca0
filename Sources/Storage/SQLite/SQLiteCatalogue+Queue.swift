package import Domain
package import Foundation
import GRDB

/// The queue: who works on what, and how it ends. Every change of a running job asks for its token in the same statement or
/// transaction, and the schema refuses what is not a move of `JobState`.
extension SQLiteCatalogue {
    package func claim(by worker: String, lease: Duration) async throws -> Claim? {
        try await write { db, now in
            while let number = try Self.oldestReady(now, db) {
                let token = try Self.nextToken(db)
                try db.execute(
                    sql: """
                        UPDATE jobs SET state = 'running', worker = ?, lease_expires = ?, token = ?,
                            attempt = attempt + 1, started = coalesce(started, ?), progress = 0, not_before = NULL,
                            failure = NULL
                        WHERE number = ? AND state = 'queued'
                        """,
                    arguments: [worker, now.adding(lease).milliseconds, token, now.milliseconds, number])
                do {
                    return Claim(job: try Self.job(number, db), token: token)
                } catch let error as StorageError {
                    // It would stand at the head of the queue for ever.
                    let failure = Failure(
                        .internal, detail: "The stored job does not decode: \(error). Submit it again.",
                        retryable: false)
                    try Self.end(number, .failed, failure, now, db)
                }
            }
            return nil
        }
    }

    private static func oldestReady(_ now: Date, _ db: Database) throws -> Int64? {
        try Int64.fetchOne(
            db,
            sql: """
                SELECT number FROM jobs WHERE state = 'queued' AND coalesce(not_before, ?1) <= ?1
                    AND (deadline_seconds IS NULL OR created + deadline_seconds * 1000 > ?1)
                ORDER BY created, number LIMIT 1
                """, arguments: [now.milliseconds])
    }

    private static func nextToken(_ db: Database) throws -> Int64 {
        let token = try Int64.fetchOne(db, sql: "UPDATE tokens SET last = last + 1 RETURNING last")
        guard let token else { throw StorageError.corruptRow(table: "tokens", id: "1", detail: "not there") }
        return token
    }

    package func renew(_ claim: Claim, lease: Duration, phase: Stage?, progress: Double?) async throws -> Renewal {
        let progress = progress.flatMap { $0.isNaN ? nil : min(max($0, 0), 1) }
        return try await write { db, now in
            let cancelRequested = try Bool.fetchOne(
                db,
                sql: """
                    UPDATE jobs SET lease_expires = ?, phase = coalesce(?, phase), progress = coalesce(?, progress)
                    WHERE id = ? AND token = ? AND state = 'running' RETURNING cancel_requested
                    """,
                arguments: [now.adding(lease).milliseconds, phase?.rawValue, progress, claim.job.id, claim.token])
            guard let cancelRequested else { return .lost }
            return cancelRequested ? .cancelRequested : .held
        }
    }

    package func finish(_ claim: Claim, _ outcome: Outcome) async throws -> Bool {
        try await write { db, now in
            guard let held = try Self.running("id = ? AND token = ?", [claim.job.id, claim.token], db).first else {
                return false
            }
            switch outcome {
            case .succeeded(let artifacts, let verdict, let reproduction):
                try Self.add(artifacts, to: held.number, db)
                try Self.end(held.number, .succeeded, nil, verdict: verdict, reproduction: reproduction, now, db)
            case .failed(let failure, let artifacts):
                try Self.add(artifacts, to: held.number, db)
                try Self.end(held.number, .failed, failure, now, db)
            case .cancelled: try Self.end(held.number, .cancelled, nil, now, db)
            case .expired: try Self.end(held.number, .expired, nil, now, db)
            case .requeue(let delay, let failure):
                try Self.requeue(held, notBefore: delay > .zero ? now.adding(delay) : nil, failure, now, db)
            }
            return true
        }
    }

    package func requestCancel(_ id: String) async throws -> JobRow? {
        try await write { db, now in
            let number = try Int64.fetchOne(
                db, sql: "SELECT number FROM jobs WHERE id = ? AND state = 'queued'", arguments: [id])
            if let number { try Self.end(number, .cancelled, nil, now, db) }
            try db.execute(
                sql: "UPDATE jobs SET cancel_requested = 1 WHERE id = ? AND state = 'running'", arguments: [id])
            return try Self.job(id, db)
        }
    }

    package func rescue(now: Date) async throws -> [JobRow] {
        try await write { db, _ in
            let lost = try Self.running("lease_expires <= ?", [now.milliseconds], db)
            for job in lost { try Self.rescue(job, now, db) }
            let late = try Int64.fetchAll(
                db,
                sql: """
                    SELECT number FROM jobs WHERE state = 'queued' AND created + deadline_seconds * 1000 <= ?
                    """, arguments: [now.milliseconds])
            for number in late { try Self.end(number, .expired, nil, now, db) }
            // A job that does not decode has been moved all the same; `claim` will end it.
            return (lost.map(\.number) + late).compactMap { try? Self.job($0, db) }
        }
    }

    package func adoptOrphans() async throws -> [JobRow] {
        try await write { db, now in
            let orphans = try Self.running("1", [], db)
            for job in orphans { try Self.requeue(job, notBefore: nil, nil, now, db) }
            return orphans.compactMap { try? Self.job($0.number, db) }
        }
    }

    private static func rescue(_ job: RunningJob, _ now: Date, _ db: Database) throws {
        if let deadline = job.deadline, deadline <= now, !job.cancelRequested {
            return try end(job.number, .expired, nil, now, db)
        }
        let failure = Failure(
            .internal, stage: job.phase,
            detail:
                "The worker was lost in attempt \(job.attempt) of \(job.maxAttempts): it stopped renewing its lease.")
        try requeue(job, notBefore: nil, failure, now, db)
    }

    // MARK: Moves

    /// What decides where a running job goes, read without its payload.
    private struct RunningJob {
        var number: Int64
        var attempt: Int
        var maxAttempts: Int
        var cancelRequested: Bool
        var phase: Stage?
        var deadline: Date?

        init(_ row: Columns) throws {
            number = try row.integer("number")
            attempt = try row.int("attempt")
            maxAttempts = try row.int("max_attempts")
            cancelRequested = try row.bool("cancel_requested")
            phase = try? row.optionalValue("phase", Stage.self)
            let created = try row.date("created")
            deadline = try row.optionalReal("deadline_seconds").map { created.addingTimeInterval($0) }
        }
    }

    private static func running(_ condition: String, _ arguments: StatementArguments, _ db: Database) throws
        -> [RunningJob]
    {
        let sql = "SELECT * FROM jobs WHERE state = 'running' AND \(condition) ORDER BY number"
        return try Row.fetchAll(db, sql: sql, arguments: arguments).map {
            try RunningJob(Columns($0, table: "jobs"))
        }
    }

    /// Without a failure the attempt is given back. Cancelled, or failed after the last attempt, instead of queued.
    private static func requeue(
        _ job: RunningJob, notBefore: Date?, _ failure: Failure?, _ now: Date, _ db: Database
    ) throws {
        if job.cancelRequested { return try end(job.number, .cancelled, nil, now, db) }
        if let failure, job.attempt >= job.maxAttempts { return try end(job.number, .failed, failure, now, db) }
        try db.execute(
            sql: """
                UPDATE jobs SET state = 'queued', worker = NULL, lease_expires = NULL, phase = NULL, progress = 0,
                    attempt = ?, not_before = ?, failure = ?
                WHERE number = ? AND state = 'running'
                """,
            arguments: [
                failure == nil ? job.attempt - 1 : job.attempt, notBefore?.milliseconds, try failure.map(jsonText),
                job.number,
            ])
    }

    private static func end(
        _ number: Int64, _ state: JobState, _ failure: Failure?, verdict: String? = nil,
        reproduction: Reproduction? = nil, _ now: Date, _ db: Database
    ) throws {
        try db.execute(
            sql: """
                UPDATE jobs SET state = ?1, finished = ?2, failure = ?3, verdict = ?4, worker = NULL,
                    lease_expires = NULL, not_before = NULL,
                    progress = CASE ?1 WHEN 'succeeded' THEN 1 ELSE progress END, reproduces = coalesce(?6, reproduces)
                WHERE number = ?5 AND state IN ('queued', 'running')
                """,
            arguments: [
                state.rawValue, now.milliseconds, try failure.map(jsonText), verdict, number,
                try reproduction.map(jsonText),
            ])
    }

    private static func add(_ artifacts: [ArtifactRow], to job: Int64, _ db: Database) throws {
        for (position, artifact) in artifacts.enumerated() {
            try db.execute(
                sql: """
                    INSERT INTO artifacts (job, position, kind, name, media_type, digest, size)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    job, position, artifact.kind.rawValue, artifact.name, artifact.mediaType, artifact.digest.hex,
                    artifact.size,
                ])
        }
    }
}
