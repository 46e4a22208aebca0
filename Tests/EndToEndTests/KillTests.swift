import Foundation
import Synchronization
import TestSupport
import Testing

/// Kills the server again and again at random moments while clients upload and jobs run, and checks what was promised: what
/// was acknowledged is there and intact, every job ends exactly once, and nothing is left lying about.
@Suite(.ownThreads, .enabled(if: ServerProcess.missing == nil, "the built octavo and curl are needed"))
struct KillTests {
    /// `OCTAVO_KILLS` sets the number.
    static let kills = ProcessInfo.processInfo.environment["OCTAVO_KILLS"].flatMap { Int($0) } ?? 8

    /// What clients were told.
    private struct Record: Sendable {
        /// Path of the content, and its bytes.
        var uploads: [(path: String, bytes: [UInt8])] = []
        var jobs: Set<String> = []
        /// Terminal states that were seen; they may never change.
        var ends: [String: String] = [:]
        var faults: [String] = []
    }

    @Test func nothingAcknowledgedIsLost() throws {
        let server = try ServerProcess(settings: ["workers=2", "queue_limit=1000"])
        var record = Record()
        for round in 0..<Self.kills {
            let moment = Double.random(in: 0.05...1.5)
            let more = try Self.work(on: server, round, for: moment)
            record.uploads += more.uploads
            record.jobs.formUnion(more.jobs)
            Self.note(more.ends, in: &record)
            try server.start()
        }
        try Self.check(server, &record)
        #expect(record.faults == [])
        #expect(!record.uploads.isEmpty)
        #expect(!record.jobs.isEmpty)
        print("\(Self.kills) kills: \(record.uploads.count) uploads, \(record.jobs.count) jobs")
        #expect(server.terminate() == 0)
        #expect(try server.leftovers() == [])
    }

    /// What the clients of one round share.
    private final class Round: Sendable {
        private let state = Mutex((record: Record(), over: false))
        var isOver: Bool { state.withLock { $0.over } }
        var record: Record { state.withLock { $0.record } }

        func end() { state.withLock { $0.over = true } }

        func add(_ news: Record) {
            state.withLock { state in
                state.record.uploads += news.uploads
                state.record.jobs.formUnion(news.jobs)
                state.record.ends.merge(news.ends) { old, _ in old }
            }
        }
    }

    /// Clients in three threads, until the server is killed under them.
    private static func work(on server: ServerProcess, _ number: Int, for seconds: Double) throws -> Record {
        let round = Round()
        let address = server.address
        let directory = server.directory
        let clients = DispatchGroup()
        for client in 0..<3 {
            clients.enter()
            let thread = Thread {
                var turn = 0
                while !round.isOver {
                    turn += 1
                    if let news = try? visit(address, directory, "\(number)-\(client)-\(turn)") { round.add(news) }
                }
                clients.leave()
            }
            thread.start()
        }
        Thread.sleep(forTimeInterval: seconds)
        server.kill()
        round.end()
        clients.wait()
        return round.record
    }

    /// One client's round: a model, a set, a job on them, a look at the job.
    private static func visit(_ address: String, _ directory: TemporaryDirectory, _ label: String) throws -> Record {
        var record = Record()
        var bytes = FakeWorker.model(["ok", "slow", "statistics", "crash-once"].randomElement() ?? "ok", salt: label)
        bytes += (0..<Int.random(in: 0..<300_000)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let file = try directory.write("up-\(label)", bytes)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let model = try Curl.run(["-X", "POST", "-T", file, address + "/v1/models?name=m"], seconds: 20)
        guard model.exit == 0, model.status == 201, let id = model.json["id"] as? String else { return record }
        record.uploads.append(("/v1/models/\(id)/content", bytes))
        let samples = String(decoding: FakeWorker.samples(), as: UTF8.self)
        let set = try Curl.run(["--data-binary", samples, address + "/v1/calibration-sets?name=set"], seconds: 20)
        guard set.exit == 0, set.status < 300 else { return record }
        let body = #"{"model":"\#(id)","calibration_set":"set"}"#
        let job = try Curl.run(["-d", body, "-H", "Idempotency-Key: \(label)", address + "/v1/jobs"], seconds: 20)
        guard job.exit == 0, job.status == 202, let name = job.json["id"] as? String else { return record }
        record.jobs.insert(name)
        let look = try Curl.run([address + "/v1/jobs/\(name)?wait=1"], seconds: 20)
        if let state = look.json["state"] as? String, isEnd(state) { record.ends[name] = state }
        return record
    }

    private static func isEnd(_ state: String) -> Bool { !["queued", "running"].contains(state) }

    private static func note(_ ends: [String: String], in record: inout Record) {
        for (job, state) in ends {
            if let earlier = record.ends[job], earlier != state {
                record.faults.append("\(job) was \(earlier), then \(state)")
            }
            record.ends[job] = state
        }
    }

    private static func check(_ server: ServerProcess, _ record: inout Record) throws {
        for (path, bytes) in record.uploads {
            let answer = try server.curl(path)
            if answer.status != 200 || answer.body != bytes { record.faults.append("\(path): \(answer.status)") }
        }
        for job in record.jobs.sorted() {
            var answer = try server.curl("/v1/jobs/\(job)?wait=60", seconds: 90)
            for _ in 0..<20 where !isEnd(answer.json["state"] as? String ?? "queued") {
                answer = try server.curl("/v1/jobs/\(job)?wait=60", seconds: 90)
            }
            let state = answer.json["state"] as? String ?? "lost"
            if state != "succeeded" { record.faults.append("\(job): \(answer.text)") }
            note([job: state], in: &record)
            let artifact = try server.curl("/v1/jobs/\(job)/artifact")
            if artifact.status != 200 { record.faults.append("\(job)/artifact: \(artifact.status)") }
            let listed = try server.curl("/v1/models/\(answer.json["model"] as? String ?? "")/statistics")
            for row in listed.json["items"] as? [[String: Any]] ?? [] {
                let statistics = try server.curl(row["href"] as? String ?? "")
                if statistics.status != 200 { record.faults.append("\(job): statistics: \(statistics.status)") }
            }
        }
    }
}
