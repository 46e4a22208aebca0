import Domain
import Foundation
import Storage
import Testing

/// The life of a job, for every backend.
@Suite struct CatalogueQueueTests {
    @Test(arguments: Catalogues.available)
    func aJobComesBackAsItWasStored(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        var job = bench.job(deadline: 90.5)
        job.evaluation = job.calibration
        let stored = try await bench.enqueue(job)
        #expect(stored == job)
        #expect(try await bench.catalogue.job(job.id) == job)
        #expect(try await bench.catalogue.job("job_none") == nil)
        #expect(job.id.count == 30 && JobRow.makeID(at: bench.clock.now.addingTimeInterval(1)) > job.id)
    }

    @Test(arguments: Catalogues.available)
    func aJobNeedsItsModelAndItsSets(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        var noEvaluation = bench.job()
        noEvaluation.evaluation = digest("nothing")
        for job in [bench.job("nothing"), bench.job(set: "nothing"), noEvaluation] {
            await #expect(throws: StorageError.self) { try await bench.catalogue.enqueue(job, key: nil) }
            #expect(try await bench.catalogue.job(job.id) == nil)
        }
    }

    @Test(arguments: Catalogues.available)
    func theOldestJobIsClaimedFirst(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        var jobs: [JobRow] = []
        for _ in 0..<3 { jobs.append(try await bench.enqueue()) }
        var positions: [Int?] = []
        for job in jobs { positions.append(try await bench.catalogue.queuePosition(of: job.id)) }
        #expect(positions == [1, 2, 3])
        let listed = try await bench.catalogue.jobs(after: nil, limit: 10, state: .queued).items
        #expect(listed.map(\.id) == jobs.reversed().map(\.id))
        var tokens: [Int64] = []
        for job in jobs {
            let claim = try await bench.claim(.seconds(30))
            #expect(claim.job.id == job.id)
            #expect(claim.job.state == .running && claim.job.attempt == 1)
            #expect(claim.job.started == bench.clock.now)
            #expect(claim.job.leaseExpires == bench.clock.now.addingTimeInterval(30))
            tokens.append(claim.token)
        }
        #expect(tokens == tokens.sorted() && Set(tokens).count == 3)
        #expect(try await bench.catalogue.claim(by: "w", lease: .seconds(1)) == nil)
        #expect(try await bench.catalogue.queuePosition(of: jobs[0].id) == nil)
        #expect(try await bench.catalogue.jobs(after: nil, limit: 10, state: .queued).items.isEmpty)
    }

    @Test(arguments: Catalogues.available)
    func manyClaimersAtOnceGetEachJobOnce(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        var ids: Set<String> = []
        for _ in 0..<40 { ids.insert(try await bench.enqueue().id) }
        let claims = try await withThrowingTaskGroup(of: [Claim].self) { group in
            for worker in 0..<12 {
                group.addTask {
                    var claims: [Claim] = []
                    while let claim = try await bench.catalogue.claim(by: "w\(worker)", lease: .seconds(60)) {
                        claims.append(claim)
                    }
                    return claims
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(claims.count == 40)
        #expect(Set(claims.map(\.job.id)) == ids)
        #expect(Set(claims.map(\.token)).count == 40)
    }

    @Test(arguments: Catalogues.available)
    func whatAJobRepeatsIsKeptWithWhatCameOfIt(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        var job = bench.job()
        let wish = Reproduction(job: "job_first", expected: digest("int8"), original: .init(octavoVersion: "0.1.0"))
        job.reproduces = wish
        #expect(try await bench.enqueue(job).reproduces == wish)
        let lost = try await bench.claim()
        #expect(lost.job.reproduces == wish)
        #expect(try await bench.catalogue.finish(lost, .requeue(after: .zero, nil)))
        let claim = try await bench.claim()
        let result = wish.concluded(digest("other"), under: .init(octavoVersion: "0.2.0"))
        #expect(
            try await bench.catalogue.finish(claim, .succeeded(artifacts: [], verdict: nil, reproduction: result)))
        #expect(try await bench.catalogue.job(job.id)?.reproduces == result)
        let plain = try await bench.enqueue()
        #expect(plain.reproduces == nil)
    }

    @Test(arguments: Catalogues.available)
    func aJobSucceedsWithItsArtifactsAndNeverChangesAgain(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let id = try await bench.enqueue().id
        let claim = try await bench.claim()
        let artifacts = [artifact("int8"), artifact("report", .report), artifact("log", .log)]
        #expect(try await bench.catalogue.finish(claim, .succeeded(artifacts: artifacts, verdict: "2.1x faster")))
        let done = try #require(try await bench.catalogue.job(id))
        #expect(done.state == .succeeded && done.progress == 1 && done.finished == bench.clock.now)
        #expect(done.artifacts == artifacts && done.verdict == "2.1x faster" && done.leaseExpires == nil)
        #expect(try await bench.catalogue.isReferenced(digest("report")))

        let failure = Failure(.internal, detail: "no")
        bench.clock.advance(by: 1e6)
        for outcome in [Outcome.cancelled, .failed(failure, artifacts: []), .requeue(after: .zero, nil), .expired] {
            #expect(try await !bench.catalogue.finish(claim, outcome))
        }
        #expect(try await bench.catalogue.renew(claim, lease: .seconds(1), phase: nil, progress: 0.5) == .lost)
        #expect(try await bench.catalogue.requestCancel(id) == done)
        #expect(try await bench.catalogue.rescue(now: bench.clock.now).isEmpty)
        #expect(try await bench.catalogue.job(id) == done)
        #expect(try await Set(bench.catalogue.deleteJob(id).orphans) == Set(artifacts.map(\.digest)))
        #expect(try await bench.catalogue.job(id) == nil)
    }

    @Test(arguments: Catalogues.available)
    func aFailedJobSaysWhyAndKeepsItsLog(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let id = try await bench.enqueue().id
        let failure = Failure(.gateNotMet, stage: .verify, detail: "top-1 fell by 3 %", pointer: "x")
        let claim = try await bench.claim()
        #expect(try await bench.catalogue.finish(claim, .failed(failure, artifacts: [artifact("log", .log)])))
        let job = try await bench.catalogue.job(id)
        #expect(job?.state == .failed && job?.failure == failure && job?.artifacts == [artifact("log", .log)])
    }

    @Test(arguments: Catalogues.available)
    func renewingKeepsTheLeaseAndTellsOfCancellation(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let id = try await bench.enqueue().id
        let claim = try await bench.claim(.seconds(10))
        bench.clock.advance(by: 8)
        #expect(
            try await bench.catalogue.renew(claim, lease: .seconds(10), phase: .calibrate, progress: 0.25) == .held)
        bench.clock.advance(by: 8)
        #expect(try await bench.catalogue.rescue(now: bench.clock.now).isEmpty)
        #expect(try await bench.catalogue.renew(claim, lease: .seconds(10), phase: nil, progress: .nan) == .held)
        #expect(try await bench.catalogue.renew(claim, lease: .seconds(10), phase: nil, progress: nil) == .held)
        let flagged = try await bench.catalogue.requestCancel(id)
        #expect(flagged?.state == .running && flagged?.cancelRequested == true)
        #expect(flagged?.phase == .calibrate && flagged?.progress == 0.25)
        #expect(
            try await bench.catalogue.renew(claim, lease: .seconds(10), phase: .publish, progress: 7)
                == .cancelRequested)
        #expect(try await bench.catalogue.job(id)?.progress == 1)
        #expect(try await bench.catalogue.finish(claim, .cancelled))
        #expect(try await bench.catalogue.job(id)?.state == .cancelled)
    }

    @Test(arguments: Catalogues.available)
    func aQueuedJobIsCancelledAtOnce(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let id = try await bench.enqueue().id
        let job = try await bench.catalogue.requestCancel(id)
        #expect(job?.state == .cancelled && job?.finished == bench.clock.now)
        #expect(try await bench.catalogue.claim(by: "w", lease: .seconds(1)) == nil)
        #expect(try await bench.catalogue.requestCancel("job_none") == nil)
    }

    @Test(arguments: Catalogues.available)
    func aStaleTokenCannotRenewOrFinish(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let id = try await bench.enqueue().id
        let stale = try await bench.claim(.seconds(10))
        bench.clock.advance(by: 11)
        let rescued = try await bench.catalogue.rescue(now: bench.clock.now)
        #expect(rescued.map(\.id) == [id] && rescued[0].state == .queued && rescued[0].attempt == 1)
        #expect(rescued[0].failure?.type == .internal && rescued[0].leaseExpires == nil)
        #expect(try await !bench.catalogue.finish(stale, .cancelled), "while it is queued")
        let fresh = try await bench.claim()
        #expect(fresh.token > stale.token && fresh.job.attempt == 2 && fresh.job.started == stale.job.started)
        #expect(try await !bench.catalogue.finish(stale, .succeeded(artifacts: [artifact("x")], verdict: nil)))
        #expect(try await bench.catalogue.renew(stale, lease: .seconds(99), phase: nil, progress: nil) == .lost)
        #expect(try await !bench.catalogue.isReferenced(digest("x")))
        #expect(try await bench.catalogue.finish(fresh, .succeeded(artifacts: [], verdict: nil)))
    }

    @Test(arguments: Catalogues.available)
    func aJobWhoseWorkersAreLostFailsWhenItsAttemptsAreUsedUp(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let id = try await bench.enqueue(bench.job(maxAttempts: 2)).id
        for state in [JobState.queued, .failed] {
            _ = try await bench.claim(.seconds(5))
            bench.clock.advance(by: 6)
            #expect(try await bench.catalogue.rescue(now: bench.clock.now).map(\.state) == [state])
        }
        let job = try await bench.catalogue.job(id)
        #expect(job?.attempt == 2 && job?.failure?.detail.contains("2 of 2") == true)
    }

    @Test(arguments: Catalogues.available)
    func aRetryWaitsItsTurnAndCountsWhileAHandBackDoesNot(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let id = try await bench.enqueue(bench.job(maxAttempts: 2)).id
        let failure = Failure(.engineCrash, detail: "signal 11")
        #expect(try await bench.catalogue.finish(bench.claim(), .requeue(after: .zero, nil)))
        #expect(try await bench.catalogue.job(id)?.attempt == 0, "handed back")
        #expect(try await bench.catalogue.finish(bench.claim(), .requeue(after: .seconds(20), failure)))
        let waiting = try await bench.catalogue.job(id)
        #expect(waiting?.state == .queued && waiting?.attempt == 1 && waiting?.failure == failure)
        #expect(waiting?.notBefore == bench.clock.now.addingTimeInterval(20))
        bench.clock.advance(by: 19.9)
        #expect(try await bench.catalogue.claim(by: "w", lease: .seconds(1)) == nil)
        bench.clock.advance(by: 0.1)
        let last = try await bench.claim()
        #expect(last.job.attempt == 2 && last.job.failure == nil && last.job.notBefore == nil)
        #expect(try await bench.catalogue.finish(last, .requeue(after: .seconds(20), failure)))
        let ended = try await bench.catalogue.job(id)
        #expect(ended?.state == .failed && ended?.failure == failure)
    }

    @Test(arguments: Catalogues.available)
    func aJobToBeCancelledIsNotQueuedAgain(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        for lost in [true, false] {
            let id = try await bench.enqueue().id
            let claim = try await bench.claim(.seconds(5))
            _ = try await bench.catalogue.requestCancel(id)
            if lost {
                bench.clock.advance(by: 6)
                #expect(try await bench.catalogue.rescue(now: bench.clock.now).map(\.state) == [.cancelled])
            } else {
                #expect(try await bench.catalogue.finish(claim, .requeue(after: .zero, nil)))
            }
            #expect(try await bench.catalogue.job(id)?.state == .cancelled)
        }
    }

    @Test(arguments: Catalogues.available)
    func aJobPastItsDeadlineExpires(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let running = try await bench.enqueue(bench.job(deadline: 30)).id
        _ = try await bench.claim(.seconds(5))
        let queued = try await bench.enqueue(bench.job(deadline: 30)).id
        bench.clock.advance(by: 31)
        #expect(try await bench.catalogue.claim(by: "w", lease: .seconds(5)) == nil)
        let ended = try await bench.catalogue.rescue(now: bench.clock.now)
        #expect(Set(ended.map(\.id)) == [running, queued])
        #expect(ended.allSatisfy { $0.state == .expired && $0.finished == bench.clock.now })
    }

    @Test(arguments: Catalogues.available)
    func aKeyReplaysItsFirstJob(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let key = IdempotencyKey(key: "k", fingerprint: digest("payload"))
        let first = bench.job()
        #expect(try await bench.catalogue.enqueue(first, key: key) == .created(first))
        #expect(try await bench.catalogue.enqueue(bench.job(), key: key) == .replayed(first))
        let other = IdempotencyKey(key: "k", fingerprint: digest("other"))
        #expect(try await bench.catalogue.enqueue(bench.job(), key: other) == .keyReusedWithOtherPayload)
        bench.clock.advance(by: 24 * 3600)
        _ = try await bench.claim()
        guard case .replayed(let now) = try await bench.catalogue.enqueue(bench.job(), key: key) else {
            Issue.record("not replayed after a day")
            return
        }
        #expect(now.id == first.id && now.state == .running, "as it is now")
        #expect(try await bench.catalogue.jobs(after: nil, limit: 10, state: nil).items.count == 1)
        bench.clock.advance(by: 25 * 3600)
        let late = bench.job()
        #expect(try await bench.catalogue.enqueue(late, key: key) == .created(late))
    }

    @Test(arguments: Catalogues.available)
    func aRefusedJobDoesNotBindItsKey(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let key = IdempotencyKey(key: "k", fingerprint: digest("payload"))
        await #expect(throws: StorageError.self) {
            try await bench.catalogue.enqueue(bench.job("nothing"), key: key)
        }
        let job = bench.job()
        #expect(try await bench.catalogue.enqueue(job, key: key) == .created(job))
    }

    @Test(arguments: Catalogues.available)
    func theSameRequestManyTimesAtOnceIsOneJob(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let key = IdempotencyKey(key: "k", fingerprint: digest("payload"))
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    switch try await bench.catalogue.enqueue(bench.job(), key: key) {
                    case .created(let job), .replayed(let job): job.id
                    case .keyReusedWithOtherPayload: ""
                    }
                }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(ids.count == 1 && !ids.contains(""))
    }

    @Test(arguments: Catalogues.available)
    func onlyAnEndedJobIsDeleted(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let id = try await bench.enqueue().id
        await #expect(throws: StorageError.inUse(jobs: [id])) { try await bench.catalogue.deleteJob(id) }
        let claim = try await bench.claim()
        await #expect(throws: StorageError.inUse(jobs: [id])) { try await bench.catalogue.deleteJob(id) }
        _ = try await bench.catalogue.finish(claim, .expired)
        #expect(try await bench.catalogue.deleteJob(id) == Deletion(found: true, orphans: []))
        #expect(try await bench.catalogue.deleteJob(id) == Deletion(found: false, orphans: []))
    }
}
