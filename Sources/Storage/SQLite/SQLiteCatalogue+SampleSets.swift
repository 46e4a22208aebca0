package import Domain
import Foundation
import GRDB

extension SQLiteCatalogue {
    package func addSampleSet(_ row: SampleSetRow) async throws -> (row: SampleSetRow, created: Bool) {
        try await write { db, _ in
            let known = try Row.fetchOne(
                db, sql: "SELECT * FROM sample_sets WHERE name = ? AND id = ?", arguments: [row.name, row.id.hex])
            if let known { return (try Self.sampleSet(known), false) }
            let version = try Self.nextVersion(of: row.name, db)
            try db.execute(
                sql: """
                    INSERT INTO sample_sets (id, name, version, role, blob, size, summary, created)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    row.id.hex, row.name, version, row.role.rawValue, row.blob.hex, row.size,
                    try jsonText(row.summary), row.created.milliseconds,
                ])
            guard let stored = try Self.sampleSet("number = ?", [db.lastInsertedRowID], db) else {
                throw StorageError.corruptRow(
                    table: "sample_sets", id: row.id.hex, detail: "not there after its insertion")
            }
            return (stored, true)
        }
    }

    private static func nextVersion(of name: String, _ db: Database) throws -> Int64 {
        let version = try Int64.fetchOne(
            db,
            sql: """
                INSERT INTO sample_set_names (name, versions) VALUES (?, 1)
                ON CONFLICT (name) DO UPDATE SET versions = versions + 1 RETURNING versions
                """, arguments: [name])
        return version ?? 1
    }

    package func sampleSet(_ reference: String) async throws -> SampleSetRow? {
        try await read { db in
            if reference.hasPrefix("sha256:") {
                return try Digest(reference).flatMap { try Self.sampleSet("id = ?", [$0.hex], db) }
            }
            if let (name, version) = Self.versioned(reference),
                let row = try Self.sampleSet("name = ? AND version = ?", [name, version], db)
            {
                return row
            }
            return try Self.sampleSet("name = ?", [reference], db)
        }
    }

    /// "name@3" in its parts.
    private static func versioned(_ reference: String) -> (name: String, version: Int64)? {
        guard let at = reference.lastIndex(of: "@"), let version = Int64(reference[reference.index(after: at)...])
        else { return nil }
        return (String(reference[..<at]), version)
    }

    package func sampleSets(after cursor: String?, limit: Int, name: String?, role: SampleSetRow.Role?) async throws
        -> Page<SampleSetRow>
    {
        try await read { db in
            var query = try PageQuery(table: "sample_sets", after: cursor, limit: limit)
            if let name { query.conditions.append(("name = ?", [name])) }
            if let role { query.conditions.append(("role = ?", [role.rawValue])) }
            return try query.fetch(db, Self.sampleSet)
        }
    }

    package func deleteSampleSet(_ id: Digest) async throws -> Deletion {
        try await write { db, _ in
            let users = try String.fetchAll(
                db,
                sql: """
                    SELECT id FROM jobs WHERE state IN ('queued', 'running') AND (calibration = ?1 OR evaluation = ?1)
                    ORDER BY number
                    """, arguments: [id.hex])
            guard users.isEmpty else { throw StorageError.inUse(jobs: users) }
            let blobs = try String.fetchAll(db, sql: "SELECT blob FROM sample_sets WHERE id = ?", arguments: [id.hex])
            guard !blobs.isEmpty else { return Deletion(found: false, orphans: []) }
            let statistics = try Self.statisticsBlobs("calibration = ?", [id.hex], db)
            return try Self.delete(blobs.compactMap { Digest($0) } + statistics, db) {
                try db.execute(sql: "DELETE FROM statistics WHERE calibration = ?", arguments: [id.hex])
                try db.execute(sql: "DELETE FROM sample_sets WHERE id = ?", arguments: [id.hex])
            }
        }
    }

    /// The newest row that meets the condition.
    private static func sampleSet(_ condition: String, _ arguments: StatementArguments, _ db: Database) throws
        -> SampleSetRow?
    {
        let row = try Row.fetchOne(
            db, sql: "SELECT * FROM sample_sets WHERE \(condition) ORDER BY version DESC, number DESC LIMIT 1",
            arguments: arguments)
        return try row.map(sampleSet)
    }

    private static func sampleSet(_ row: Row) throws -> SampleSetRow {
        try sampleSet(Columns(row, table: "sample_sets"))
    }

    private static func sampleSet(_ row: Columns) throws -> SampleSetRow {
        SampleSetRow(
            id: try row.digest("id"), name: try row.text("name"), version: try row.int("version"),
            role: try row.value("role", SampleSetRow.Role.self), blob: try row.digest("blob"),
            size: try row.integer("size"), summary: try row.json("summary", SampleSetSummary.self),
            created: try row.date("created"))
    }
}
