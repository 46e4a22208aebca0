package import Domain
import Foundation
import GRDB

extension SQLiteCatalogue {
    /// Of one model and set. More keys than options that change the float graph or choose samples are used in earnest.
    private static let mostStatistics = 8

    package func addStatistics(_ row: StatisticsRow) async throws -> Deletion {
        try await write { db, _ in
            try Self.checkReferences(of: row, db)
            let pair: StatementArguments = [row.model.hex, row.calibration.hex]
            let before = try Self.statisticsBlobs("model = ? AND calibration = ?", pair, db)
            return try Self.delete(before, db) {
                try Self.insert(row, db)
                try db.execute(
                    sql: """
                        DELETE FROM statistics WHERE model = ?1 AND calibration = ?2 AND number NOT IN (
                            SELECT number FROM statistics WHERE model = ?1 AND calibration = ?2
                            ORDER BY created DESC, number DESC LIMIT ?3)
                        """, arguments: pair + [Self.mostStatistics])
            }
        }
    }

    private static func checkReferences(of row: StatisticsRow, _ db: Database) throws {
        let model = "SELECT EXISTS (SELECT 1 FROM models WHERE id = ?)"
        guard try Bool.fetchOne(db, sql: model, arguments: [row.model.hex]) ?? false else {
            throw StorageError.unknownReference("model \(row.model)")
        }
        let set = "SELECT EXISTS (SELECT 1 FROM sample_sets WHERE id = ?)"
        guard try Bool.fetchOne(db, sql: set, arguments: [row.calibration.hex]) ?? false else {
            throw StorageError.unknownReference("sample set \(row.calibration)")
        }
    }

    private static func insert(_ row: StatisticsRow, _ db: Database) throws {
        try db.execute(
            sql: """
                INSERT OR REPLACE INTO statistics
                    (id, model, calibration, content, summary, size, samples, tensors, created)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                row.key.hex, row.model.hex, row.calibration.hex, row.content.hex, row.summary.hex, row.size,
                row.samples, row.tensors, row.created.milliseconds,
            ])
    }

    package func statistics(of model: Digest, on calibration: Digest) async throws -> [StatisticsRow] {
        try await read { db in
            var query = try PageQuery(table: "statistics", after: nil, limit: Self.mostStatistics)
            query.conditions.append(("model = ? AND calibration = ?", [model.hex, calibration.hex]))
            return try query.fetch(db, Self.statistics).items
        }
    }

    package func statistics(of model: Digest, key: Digest?, after cursor: String?, limit: Int) async throws
        -> Page<StatisticsRow>
    {
        try await read { db in
            var query = try PageQuery(table: "statistics", after: cursor, limit: limit)
            query.conditions.append(("model = ?", [model.hex]))
            if let key { query.conditions.append(("id = ?", [key.hex])) }
            return try query.fetch(db, Self.statistics)
        }
    }

    package func deleteStatistics(of model: Digest, key: Digest) async throws -> Deletion {
        try await write { db, _ in
            let arguments: StatementArguments = [model.hex, key.hex]
            let blobs = try Self.statisticsBlobs("model = ? AND id = ?", arguments, db)
            guard !blobs.isEmpty else { return Deletion(found: false, orphans: []) }
            return try Self.delete(blobs, db) {
                try db.execute(sql: "DELETE FROM statistics WHERE model = ? AND id = ?", arguments: arguments)
            }
        }
    }

    /// Contents that the rows of a condition name.
    static func statisticsBlobs(_ condition: String, _ arguments: StatementArguments, _ db: Database) throws
        -> [Digest]
    {
        try Row.fetchAll(db, sql: "SELECT content, summary FROM statistics WHERE \(condition)", arguments: arguments)
            .flatMap { row in
                let row = Columns(row, table: "statistics")
                return [try? row.digest("content"), try? row.digest("summary")].compactMap { $0 }
            }
    }

    private static func statistics(_ row: Columns) throws -> StatisticsRow {
        StatisticsRow(
            key: try row.digest("id"), model: try row.digest("model"), calibration: try row.digest("calibration"),
            content: try row.digest("content"), summary: try row.digest("summary"), size: try row.integer("size"),
            samples: try row.int("samples"), tensors: try row.int("tensors"), created: try row.date("created"))
    }
}
