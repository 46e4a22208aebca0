package import Domain
package import Foundation
import GRDB
import Synchronization

/// The catalogue in one SQLite file: write-ahead log, `synchronous=FULL`, so a commit that returned survives a power cut.
/// One connection writes, on GRDB's own queue; others read beside it.
package final class SQLiteCatalogue: Catalogue {
    private let pool: DatabasePool
    private let clock: @Sendable () -> Date
    /// Set after a failed fsync; then nothing is written any more.
    private let failure = Mutex<String?>(nil)

    /// Opens or creates the file and brings its schema up to date. `clock` gives the time for leases and back-off.
    package init(path: String, clock: @escaping @Sendable () -> Date = { Date() }) throws {
        self.clock = clock
        do {
            pool = try Self.open(path)
        } catch {
            throw Self.translate(error)
        }
    }

    private static func open(_ path: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.label = "octavo.catalogue"
        configuration.busyMode = .timeout(10)
        configuration.foreignKeysEnabled = true
        let pool = try DatabasePool(path: path, configuration: configuration)
        // GRDB chooses NORMAL with a write-ahead log, which may lose the last commits.
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        let migrator = SQLiteMigrations.migrator
        guard try pool.read({ try !migrator.hasBeenSuperseded($0) }) else {
            throw StorageError.storeFailed(
                detail: "\(path) was written by a newer version of this program; use that one")
        }
        try migrator.migrate(pool)
        return pool
    }

    /// Closes the connections. Nothing may be called afterwards.
    package func close() throws {
        do {
            try pool.close()
        } catch {
            throw Self.translate(error)
        }
    }

    package func ping() async throws {
        try checkHealth()
        try await finished { done in
            pool.asyncWriteWithoutTransaction { db in
                done(Result { try db.inTransaction(.immediate) { .rollback } })
            }
        }
    }

    // MARK: References

    package func isReferenced(_ digest: Digest) async throws -> Bool {
        try await read { try Self.isReferenced(digest, $0) }
    }

    package func referencedBlobs() async throws -> Set<Digest> {
        try await read { db in
            let texts = try String.fetchAll(db, sql: "SELECT DISTINCT digest FROM blob_references")
            return try Set(
                texts.map { text in
                    guard let digest = Digest(text) else {
                        throw StorageError.corruptRow(table: "blob_references", id: text, detail: "not a digest")
                    }
                    return digest
                })
        }
    }

    private static func isReferenced(_ digest: Digest, _ db: Database) throws -> Bool {
        try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM blob_references WHERE digest = ?)", arguments: [digest.hex]) ?? true
    }

    /// Removes a row that named `blobs`, and tells which of them nothing names any more.
    static func delete(_ blobs: [Digest], _ db: Database, _ removal: () throws -> Void) throws -> Deletion {
        try removal()
        let orphans = try Set(blobs).sorted().filter { try !isReferenced($0, db) }
        return Deletion(found: true, orphans: orphans)
    }

    // MARK: Transactions

    /// Runs in one transaction with the time it happens at. It is not undone when the calling task is cancelled meanwhile.
    func write<T: Sendable>(_ body: @escaping @Sendable (Database, _ now: Date) throws -> T) async throws -> T {
        try checkHealth()
        return try await finished { done in
            pool.asyncWrite({ [clock] db in try body(db, clock()) }, completion: { _, result in done(result) })
        }
    }

    func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
        try await finished { done in
            pool.asyncRead { db in done(Result { try body(try db.get()) }) }
        }
    }

    private func finished<T: Sendable>(
        _ start: (@escaping @Sendable (Result<T, any Error>) -> Void) -> Void
    ) async throws -> T {
        do {
            return try await withCheckedThrowingContinuation { continuation in
                start { continuation.resume(with: $0) }
            }
        } catch {
            note(error)
            throw Self.translate(error)
        }
    }

    private func checkHealth() throws {
        if let detail = failure.withLock({ $0 }) { throw StorageError.storeFailed(detail: detail) }
    }

    /// After a failed fsync the log on disk is unknown, and a second one may report success for lost pages.
    private func note(_ error: any Error) {
        guard let error = error as? DatabaseError else { return }
        guard [.SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC].contains(error.extendedResultCode) else { return }
        failure.withLock { $0 = "the catalogue's fsync failed; restart the server after the disk has been looked at" }
    }

    private static func translate(_ error: any Error) -> any Error {
        guard let error = error as? DatabaseError else { return error }
        let message = error.message ?? "\(error.resultCode)"
        if error.resultCode == .SQLITE_FULL { return StorageError.outOfSpace(detail: "catalogue: \(message)") }
        return StorageError.database(code: error.extendedResultCode.rawValue, message: message)
    }
}
