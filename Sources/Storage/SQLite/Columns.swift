import Domain
import Foundation
import GRDB

/// Reads the columns of a row and throws `.corruptRow` where one is not what it should be; GRDB's own accessors trap.
struct Columns {
    let row: Row
    let table: String
    /// What names the row to a person.
    let id: String

    init(_ row: Row, table: String) {
        self.row = row
        self.table = table
        if case .string(let text)? = (row["id"] as DatabaseValue?)?.storage { id = text } else { id = "?" }
    }

    func text(_ name: String) throws -> String { try required(name, optionalText(name)) }
    func integer(_ name: String) throws -> Int64 { try required(name, optionalInteger(name)) }
    func real(_ name: String) throws -> Double { try required(name, optionalReal(name)) }
    func date(_ name: String) throws -> Date { try required(name, optionalDate(name)) }
    func digest(_ name: String) throws -> Digest { try required(name, optionalDigest(name)) }

    func optionalText(_ name: String) throws -> String? {
        switch storage(name) {
        case .null: return nil
        case .string(let text): return text
        default: throw damaged("\(name) is not text")
        }
    }

    func optionalInteger(_ name: String) throws -> Int64? {
        switch storage(name) {
        case .null: return nil
        case .int64(let value): return value
        default: throw damaged("\(name) is not an integer")
        }
    }

    func optionalReal(_ name: String) throws -> Double? {
        switch storage(name) {
        case .null: return nil
        case .int64(let value): return Double(value)
        case .double(let value): return value
        default: throw damaged("\(name) is not a number")
        }
    }

    func optionalDate(_ name: String) throws -> Date? {
        try optionalInteger(name).map { Date(timeIntervalSince1970: Double($0) / 1000) }
    }

    func optionalDigest(_ name: String) throws -> Digest? {
        guard let text = try optionalText(name) else { return nil }
        return try required(name, Digest(text))
    }

    func int(_ name: String) throws -> Int { try required(name, Int(exactly: try integer(name))) }
    func bool(_ name: String) throws -> Bool { try integer(name) != 0 }

    func json<T: Decodable>(_ name: String, _ type: T.Type) throws -> T {
        try required(name, optionalJSON(name, type))
    }

    func optionalJSON<T: Decodable>(_ name: String, _ type: T.Type) throws -> T? {
        guard let text = try optionalText(name) else { return nil }
        do {
            return try JSON.decode(type, from: text.utf8)
        } catch {
            throw damaged("\(name) does not decode: \(error)")
        }
    }

    func value<T: RawRepresentable<String>>(_ name: String, _: T.Type) throws -> T {
        try required(name, T(rawValue: try text(name)))
    }

    func optionalValue<T: RawRepresentable<String>>(_ name: String, _: T.Type) throws -> T? {
        guard let text = try optionalText(name) else { return nil }
        return try required(name, T(rawValue: text))
    }

    private func storage(_ name: String) -> DatabaseValue.Storage {
        let value: DatabaseValue? = row[name]
        return value?.storage ?? .null
    }

    private func required<T>(_ name: String, _ value: T?) throws -> T {
        guard let value else { throw damaged("\(name) is missing or not a value of this version") }
        return value
    }

    private func damaged(_ detail: String) -> StorageError { .corruptRow(table: table, id: id, detail: detail) }
}

/// A JSON column's text.
func jsonText(_ value: some Encodable) throws -> String {
    String(decoding: try JSON.encode(value), as: UTF8.self)
}

extension Date {
    /// Milliseconds since 1970, the form of every time column.
    var milliseconds: Int64 { Int64(exactly: (timeIntervalSince1970 * 1000).rounded()) ?? .max }

    func adding(_ duration: Duration) -> Date {
        let (seconds, attoseconds) = duration.components
        return addingTimeInterval(Double(seconds) + Double(attoseconds) * 1e-18)
    }
}
