import Domain
import Foundation
import GRDB
import Testing

@testable import Storage

/// What is particular to the SQLite file.
@Suite struct SQLiteCatalogueTests {
    private static let backend = Catalogues.available[0]

    /// Changes the file as another program would.
    private func execute(_ sql: String, _ arguments: StatementArguments, _ bench: Bench) throws {
        let database = try DatabaseQueue(path: bench.directory("catalogue.sqlite"))
        try database.write { try $0.execute(sql: sql, arguments: arguments) }
    }

    @Test func commitsAreFlushedToTheDisk() async throws {
        let bench = try Bench(Self.backend)
        let catalogue = try #require(bench.catalogue as? SQLiteCatalogue)
        let settings = try await catalogue.write { db, _ in
            [
                try String.fetchOne(db, sql: "PRAGMA journal_mode"), try String.fetchOne(db, sql: "PRAGMA synchronous"),
                try String.fetchOne(db, sql: "PRAGMA foreign_keys"),
            ]
        }
        #expect(settings == ["wal", "2", "1"])
    }

    /// The files as they are while the process is killed: nothing closed, nothing checkpointed.
    @Test func everythingAcknowledgedIsThereAfterAKill() async throws {
        let bench = try await Bench.stocked(Self.backend)
        let first = try await bench.enqueue()
        let claim = try await bench.claim()
        let second = try await bench.enqueue()
        let copy = try TemporaryDirectory()
        for name in ["catalogue.sqlite", "catalogue.sqlite-wal"] {
            try FileManager.default.copyItem(atPath: bench.directory(name), toPath: copy(name))
        }
        let reopened = try SQLiteCatalogue(path: copy("catalogue.sqlite"), clock: { bench.clock.now })
        #expect(try await reopened.job(first.id) == claim.job)
        #expect(try await reopened.job(second.id) == second)
        bench.clock.advance(by: 31)
        #expect(try await reopened.rescue(now: bench.clock.now).map(\.id) == [first.id])
        let again = try #require(try await reopened.claim(by: "w", lease: .seconds(5)))
        #expect(again.job.id == first.id && again.token > claim.token)
    }

    /// A file that the first version wrote, with a job in it.
    @Test func anOlderFileIsBroughtUpToDate() async throws {
        let bench = try Bench(Self.backend)
        let path = bench.directory("old.sqlite")
        let old = try DatabaseQueue(path: path)
        try SQLiteMigrations.migrator.migrate(old, upTo: "1 models, sample sets, jobs")
        let hex = digest("m").hex
        try await old.write { db in
            try db.execute(
                sql: """
                    INSERT INTO jobs (id, state, model, calibration, recipe, max_attempts, created)
                    VALUES ('job_old', 'queued', ?, ?, ?, 3, 1)
                    """,
                arguments: [hex, hex, #"{"target":"onnxruntime-x64","scheme":"auto","options":{}}"#])
        }
        try old.close()
        let catalogue = try SQLiteCatalogue(path: path)
        let job = try #require(try await catalogue.job("job_old"))
        #expect(job.reproduces == nil && job.recipe == Recipe())
        #expect(try await catalogue.claim(by: "w", lease: .seconds(5))?.job.id == "job_old")
    }

    @Test func aFileOfANewerVersionIsRefused() throws {
        let bench = try Bench(Self.backend)
        try execute("INSERT INTO grdb_migrations (identifier) VALUES ('9 future')", [], bench)
        #expect(throws: StorageError.self) { try SQLiteCatalogue(path: bench.directory("catalogue.sqlite")) }
    }

    @Test func aFileThatIsNoDatabaseIsAnError() throws {
        let directory = try TemporaryDirectory()
        try overwrite(directory("x.sqlite"), with: Array("this is no database at all, but long enough".utf8))
        #expect(throws: StorageError.self) { try SQLiteCatalogue(path: directory("x.sqlite")) }
    }

    @Test(arguments: JobState.allCases, JobState.allCases)
    func theFileRefusesTheMovesThatJobStateRefuses(_ from: JobState, _ to: JobState) async throws {
        let bench = try await Bench.stocked(Self.backend)
        let id = try await bench.enqueue().id
        func move(_ state: JobState) throws {
            let running = state == .running
            try execute(
                """
                UPDATE jobs SET state = ?, worker = ?, lease_expires = ?, finished = ?, attempt = ?,
                    started = 1, token = token + 1, progress = ?, failure = ? WHERE id = ?
                """,
                [
                    state.rawValue, running ? "w" : nil, running ? 1 : nil, state.isTerminal ? 1 : nil,
                    running ? 1 : 0, state == .succeeded ? 1 : 0, state == .failed ? "{}" : nil, id,
                ], bench)
        }
        if from != .queued { try move(.running) }
        if from.isTerminal { try move(from) }
        let isLegal = from.canBecome(to) || (from == to && !from.isTerminal)
        #expect((try? move(to)) != nil ? isLegal : !isLegal)
    }

    @Test(arguments: [
        "state = 'running'", "lease_expires = 5", "worker = 'w'", "finished = 5", "attempt = 4", "progress = 1.5",
        "progress = NULL", "recipe = 'no json'", "state = 'failed', finished = 5", "state = 'expired'", "state = 'odd'",
        "model = 'short'", "cancel_requested = 1", "token = -1", "verdict = 'good'", "deadline_seconds = 0",
        "attempt = 'many'", "state = 'running', worker = 'w', lease_expires = 5, started = 5, attempt = 1",
    ])
    func theFileRefusesRowsThatMustNotBe(_ assignment: String) async throws {
        let bench = try await Bench.stocked(Self.backend)
        _ = try await bench.enqueue()
        #expect(throws: DatabaseError.self) { try execute("UPDATE jobs SET \(assignment)", [], bench) }
    }

    @Test func aRowThatDoesNotDecodeIsAnErrorForThatRowOnly() async throws {
        let bench = try Bench(Self.backend)
        let (good, bad) = (bench.model("good"), bench.model("bad"))
        _ = try await bench.catalogue.addModel(good)
        _ = try await bench.catalogue.addModel(bad)
        try execute("UPDATE models SET summary = '{\"format\":3}' WHERE id = ?", [bad.id.hex], bench)
        let error = await #expect(throws: StorageError.self) { try await bench.catalogue.model(bad.id.description) }
        guard case .corruptRow("models", bad.id.hex, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let page = try await bench.catalogue.models(after: nil, limit: 10, name: nil)
        #expect(page.items == [good] && page.unreadable == [bad.id.hex])
        #expect(try await bench.catalogue.deleteModel(bad.id).orphans == [bad.blob])
    }

    @Test func aJobThatDoesNotDecodeDoesNotBlockTheQueue() async throws {
        let bench = try await Bench.stocked(Self.backend)
        let bad = try await bench.enqueue()
        let good = try await bench.enqueue()
        try execute("UPDATE jobs SET recipe = '{\"target\":\"toaster\"}' WHERE id = ?", [bad.id], bench)
        #expect(try await bench.claim().job.id == good.id)
        await #expect(throws: StorageError.self) { try await bench.catalogue.job(bad.id) }
        let page = try await bench.catalogue.jobs(after: nil, limit: 5, state: .failed)
        #expect(page.items.isEmpty && page.unreadable == [bad.id])
        #expect(try await bench.catalogue.deleteJob(bad.id).found)
    }

    @Test func aCancelledTaskDoesNotUndoAWrite() async throws {
        let bench = try Bench(Self.backend)
        let row = bench.model("a")
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await bench.catalogue.addModel(row).created
        }
        #expect(try await task.value)
        #expect(try await bench.catalogue.model(row.id.description) == row)
    }
}
