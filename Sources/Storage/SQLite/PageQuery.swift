import Foundation
import GRDB

/// A listing by age, newest first, continued after a row rather than at an offset: rows that come or go meanwhile neither
/// repeat nor hide others.
struct PageQuery {
    private static let largest = 1000

    let table: String
    /// Further columns, after `table.*`.
    var columns = ""
    var conditions: [(sql: String, arguments: StatementArguments)] = []
    let limit: Int

    init(table: String, after cursor: String?, limit: Int) throws {
        self.table = table
        self.limit = min(max(1, limit), Self.largest)
        guard let cursor else { return }
        guard let position = Cursor(cursor) else { throw StorageError.invalidCursor(cursor) }
        conditions.append(("(created, number) < (?, ?)", [position.created, position.number]))
    }

    /// Decodes each row by itself, so that one that does not decode does not hide the others.
    func fetch<Item>(_ db: Database, _ decode: (Columns) throws -> Item) throws -> Page<Item> {
        let filter = conditions.isEmpty ? "" : "WHERE " + conditions.map(\.sql).joined(separator: " AND ")
        let arguments = conditions.reduce(StatementArguments()) { $0 + $1.arguments } + [limit + 1]
        let sql = "SELECT \(table).*\(columns) FROM \(table) \(filter) ORDER BY created DESC, number DESC LIMIT ?"
        let rows = try Row.fetchAll(db, sql: sql, arguments: arguments).map { Columns($0, table: table) }
        var page = Page<Item>(items: [], next: nil)
        for row in rows.prefix(limit) {
            do {
                page.items.append(try decode(row))
            } catch StorageError.corruptRow {
                page.unreadable.append(row.id)
            }
        }
        if rows.count > limit { page.next = try Cursor(rows[limit - 1]).text }
        return page
    }
}

/// Where a listing stopped. Clients pass its text back unread.
struct Cursor: Equatable {
    var created: Int64
    var number: Int64

    init(_ row: Columns) throws {
        created = try row.integer("created")
        number = try row.integer("number")
    }

    init?(_ text: String) {
        let padded = text.replacing("-", with: "+").replacing("_", with: "/")
        guard let data = Data(base64Encoded: padded + String(repeating: "=", count: (4 - padded.utf8.count % 4) % 4))
        else { return nil }
        let parts = String(decoding: data, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, let created = Int64(parts[0]), let number = Int64(parts[1]) else { return nil }
        self.created = created
        self.number = number
    }

    var text: String {
        Data("\(created) \(number)".utf8).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
