package import Domain
import Foundation
import GRDB

extension SQLiteCatalogue {
    package func addModel(_ row: ModelRow) async throws -> (row: ModelRow, created: Bool) {
        try await write { db, _ in
            let known = try Int64.fetchOne(db, sql: "SELECT number FROM models WHERE id = ?", arguments: [row.id.hex])
            let number = try known ?? Self.insert(row, db)
            if let name = row.name { try Self.give(name, to: number, db) }
            guard let stored = try Self.model(row.id, db) else {
                throw StorageError.corruptRow(table: "models", id: row.id.hex, detail: "not there after its insertion")
            }
            return (stored, known == nil)
        }
    }

    private static func insert(_ row: ModelRow, _ db: Database) throws -> Int64 {
        try db.execute(
            sql: """
                INSERT INTO models (id, size, stored_size, blob, file, summary, created) VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                row.id.hex, row.size, row.storedSize, row.blob.hex, row.file, try jsonText(row.summary),
                row.created.milliseconds,
            ])
        let number = db.lastInsertedRowID
        for (position, file) in row.external.enumerated() {
            try db.execute(
                sql: "INSERT INTO model_files (model, position, name, digest, size) VALUES (?, ?, ?, ?, ?)",
                arguments: [number, position, file.name, file.digest.hex, file.size])
        }
        return number
    }

    /// From here on the name means this model.
    private static func give(_ name: String, to model: Int64, _ db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO model_names (name, model, given)
                VALUES (?, ?, (SELECT coalesce(max(given), 0) + 1 FROM model_names))
                ON CONFLICT (name, model) DO UPDATE SET given = excluded.given
                """,
            arguments: [name, model])
    }

    package func model(_ reference: String) async throws -> ModelRow? {
        try await read { db in
            if reference.hasPrefix("sha256:") { return try Digest(reference).flatMap { try Self.model($0, db) } }
            let number = try Int64.fetchOne(
                db, sql: "SELECT model FROM model_names WHERE name = ? ORDER BY given DESC LIMIT 1",
                arguments: [reference])
            return try number.flatMap { try Self.model("number", $0, db) }
        }
    }

    package func models(after cursor: String?, limit: Int, name: String?) async throws -> Page<ModelRow> {
        try await read { db in
            var query = try PageQuery(table: "models", after: cursor, limit: limit)
            query.columns = ", " + Self.firstName
            if let name {
                query.conditions.append(("number IN (SELECT model FROM model_names WHERE name = ?)", [name]))
            }
            return try query.fetch(db) { try Self.model($0, db) }
        }
    }

    package func deleteModel(_ id: Digest) async throws -> Deletion {
        try await write { db, _ in
            let users = try String.fetchAll(
                db, sql: "SELECT id FROM jobs WHERE state IN ('queued', 'running') AND model = ? ORDER BY number",
                arguments: [id.hex])
            guard users.isEmpty else { throw StorageError.inUse(jobs: users) }
            let number = try Int64.fetchOne(db, sql: "SELECT number FROM models WHERE id = ?", arguments: [id.hex])
            guard let number else { return Deletion(found: false, orphans: []) }
            // From the columns alone: a row that does not decode must be deletable.
            let blobs = try String.fetchAll(
                db,
                sql: """
                    SELECT blob FROM models WHERE number = ?1 UNION SELECT digest FROM model_files WHERE model = ?1
                    """, arguments: [number])
            let statistics = try Self.statisticsBlobs("model = ?", [id.hex], db)
            return try Self.delete(blobs.compactMap { Digest($0) } + statistics, db) {
                try db.execute(sql: "DELETE FROM models WHERE number = ?", arguments: [number])
            }
        }
    }

    static func model(_ id: Digest, _ db: Database) throws -> ModelRow? { try model("id", id.hex, db) }

    private static let firstName =
        "(SELECT name FROM model_names WHERE model = models.number ORDER BY number LIMIT 1) AS name"

    private static func model(_ column: String, _ value: some DatabaseValueConvertible, _ db: Database) throws
        -> ModelRow?
    {
        let row = try Row.fetchOne(
            db, sql: "SELECT *, \(firstName) FROM models WHERE \(column) = ?", arguments: [value])
        return try row.map { try model(Columns($0, table: "models"), db) }
    }

    private static func model(_ row: Columns, _ db: Database) throws -> ModelRow {
        let files = try Row.fetchAll(
            db, sql: "SELECT * FROM model_files WHERE model = ? ORDER BY position",
            arguments: [try row.integer("number")])
        return ModelRow(
            id: try row.digest("id"), name: try row.optionalText("name"), size: try row.integer("size"),
            storedSize: try row.integer("stored_size"), blob: try row.digest("blob"), file: try row.text("file"),
            external: try files.map { file in
                let file = Columns(file, table: "model_files")
                return .init(
                    name: try file.text("name"), digest: try file.digest("digest"), size: try file.integer("size"))
            },
            summary: try row.json("summary", ModelSummary.self), created: try row.date("created"))
    }
}
