import Domain
import Foundation
import HTTP
import TestSupport
import Testing

@testable import Service

@Suite struct JobTests {
    @Test func aJobRunsToItsResults() async throws {
        let site = try await Site()
        let model = FakeWorker.model()
        let job = try await site.job("ok")
        let ended = try await site.ended(job)
        #expect(ended.state == "succeeded", "\(ended)")
        #expect(ended.json["progress"] as? Double == 1)
        #expect(ended.text("verdict") == "2x faster")
        #expect((ended.json["artifacts"] as? [[String: Any]])?.count == 7)
        let artifact = try await site.send(.get, "/v1/jobs/\(job)/artifact")
        #expect(artifact.body == Array("quantized ".utf8) + model)
        #expect(artifact.fields["Content-Disposition"] == "attachment; filename=\"m.int8.onnx\"")
        #expect(try await site.send(.get, "/v1/jobs/\(job)/artifacts/onnxruntime-x64").body == artifact.body)
        #expect(try await site.send(.get, "/v1/jobs/\(job)/artifacts/other").status == 404)
        #expect(
            (try await site.send(.get, "/v1/jobs/\(job)/report").json["verdict"] as? [String: Any])?["line"] as? String
                == "2x faster")
        #expect(try await site.send(.get, "/v1/jobs/\(job)/report.txt").content == "verdict  2x faster\n")
        #expect(try await site.send(.get, "/v1/jobs/\(job)/plan").json["operations"] != nil)
        #expect(try await site.send(.get, "/v1/jobs/\(job)/log").content.contains("converting, attempt 1"))
        await site.stop()
        #expect(try site.leftovers() == [])
    }

    @Test func theReportIsNegotiated() async throws {
        let site = try await Site()
        let job = try await site.job("ok")
        _ = try await site.ended(job)
        func type(_ accept: String) async throws -> String? {
            try await site.send(.get, "/v1/jobs/\(job)/report", fields: ["Accept": accept]).fields["Content-Type"]
        }
        #expect(try await type("*/*") == "application/json")
        #expect(try await type("text/plain") == "text/plain; charset=utf-8")
        #expect(try await type("image/png, application/json;q=0.5, text/plain;q=0.8") == "text/plain; charset=utf-8")
        #expect(try await type("text/html,application/xhtml+xml,*/*;q=0.8") == "text/html; charset=utf-8")
        let page = try await site.send(.get, "/v1/jobs/\(job)/report.html")
        #expect(page.fields["Content-Security-Policy"]?.contains("default-src 'none'") == true)
        let refused = try await site.send(.get, "/v1/jobs/\(job)/report", fields: ["Accept": "image/png"])
        #expect(refused.status == 406)
        await site.stop()
    }

    @Test(arguments: [
        ("crash", "engine-crash"), ("killed", "out-of-memory"), ("garbage", "internal"), ("huge", "internal"),
        ("silent", "internal"), ("status", "internal"), ("memory", "out-of-memory"), ("disk", "out-of-disk"),
        ("gate", "gate-not-met"), ("link", "internal"), ("path", "internal"), ("missing", "internal"),
        ("fifo", "internal"), ("late-crash", "engine-crash"), ("twice", "internal"),
    ])
    func aWorkerThatFailsMakesAFailedJob(_ behaviour: String, _ type: String) async throws {
        let site = try await Site { $0.maxAttempts = 1 }
        let job = try await site.job(behaviour)
        let ended = try await site.ended(job)
        #expect(ended.state == "failed", "\(ended)")
        #expect(ended.failure["type"] as? String == type, "\(ended)")
        #expect(try await site.send(.get, "/v1/jobs/\(job)/log").content.contains("converting, attempt 1"))
        #expect(try await site.send(.get, "/v1/jobs/\(job)/artifact").code == "job-failed")
        #expect(try await site.send(.get, "/livez").status == 200)
        await site.stop()
        #expect(try site.leftovers() == [])
    }

    @Test func aCrashNamesItsSignalAndStage() async throws {
        let site = try await Site { $0.maxAttempts = 1 }
        let failure = try await site.ended(site.job("crash")).failure
        #expect(failure["stage"] as? String == "calibrate")
        #expect((failure["detail"] as? String)?.contains("SIGSEGV during calibrate") == true)
        await site.stop()
    }

    @Test func aCrashIsTriedAgainAndAUsersFaultIsNot() async throws {
        let site = try await Site()
        let again = try await site.ended(site.job("crash-once"))
        #expect(again.state == "succeeded")
        #expect(again.json["attempt"] as? Int == 2)
        let exhausted = try await site.ended(site.job("crash"))
        #expect(exhausted.state == "failed")
        #expect(exhausted.json["attempt"] as? Int == 3)
        #expect(try await site.ended(site.job("gate")).json["attempt"] as? Int == 1)
        await site.stop()
    }

    @Test(arguments: ["hang", "stubborn"])
    func aRunningJobIsCancelled(_ behaviour: String) async throws {
        let site = try await Site()
        let job = try await site.job(behaviour)
        try await site.wait(for: job) { $0.text("phase") == "calibrate" }
        let answer = try await site.send(.post, "/v1/jobs/\(job)/cancel")
        #expect(answer.status == 202)
        #expect(try await site.ended(job).state == "cancelled")
        #expect(try await site.send(.post, "/v1/jobs/\(job)/cancel").status == 200)
        #expect(try await site.send(.post, "/v1/jobs/job_nothing/cancel").status == 404)
        await site.stop()
        #expect(try site.leftovers() == [])
    }

    @Test func aWaitingJobIsCancelledAtOnce() async throws {
        let site = try await Site()
        let first = try await site.job("hang")
        let second = try await site.job("ok")
        try await site.wait(for: first) { $0.state == "running" }
        #expect(try await site.send(.get, "/v1/jobs/\(second)").json["queue_position"] as? Int == 1)
        #expect(try await site.send(.post, "/v1/jobs/\(second)/cancel").state == "cancelled")
        await site.stop()
    }

    @Test func aDeadlineStopsTheWorker() async throws {
        let site = try await Site()
        let job = try await site.job("hang", extra: #","deadline":1"#)
        let ended = try await site.ended(job)
        #expect(ended.state == "failed")
        #expect(ended.failure["type"] as? String == "timeout")
        await site.stop()
    }

    @Test func aStoppedServerHandsItsJobBackWithoutCountingTheAttempt() async throws {
        let site = try await Site()
        let job = try await site.job("hang")
        try await site.wait(for: job) { $0.state == "running" }
        await site.stop()
        let back = try await site.send(.get, "/v1/jobs/\(job)")
        #expect(back.state == "queued")
        #expect(back.json["attempt"] as? Int == 0)
        #expect(try await site.send(.get, "/readyz").status == 503)
        #expect(try await site.send(.get, "/livez").status == 200)
        #expect(try site.leftovers() == [])
    }

    @Test func aDirectoryHasOneServer() async throws {
        let site = try await Site()
        #expect(throws: ServiceError.self) { _ = try Site.application(site.directory) }
        await site.stop()
    }

    @Test func longPollingWakesWhenTheJobEnds() async throws {
        let site = try await Site()
        let job = try await site.job("slow")
        let answer = try await site.send(.get, "/v1/jobs/\(job)", fields: ["Prefer": "respond-async, wait=20"])
        #expect(answer.state == "succeeded")
        #expect(answer.fields["Preference-Applied"] == "wait=20")
        let tag = try #require(answer.fields["ETag"])
        #expect(try await site.send(.get, "/v1/jobs/\(job)", fields: ["If-None-Match": tag]).status == 304)
        await site.stop()
    }

    @Test func whoSaysThatHeKnowsWaitsForNews() async throws {
        let site = try await Site()
        let job = try await site.job("slow")
        // A tag that stands for whatever there is, as a cache may send it: only the end is news.
        let fields: Fields = ["Prefer": "wait=20", "If-None-Match": "*"]
        #expect(try await site.send(.get, "/v1/jobs/\(job)", fields: fields).status == 304)
        #expect(try await site.send(.get, "/v1/jobs/\(job)").state == "succeeded")
        await site.stop()
    }

    @Test func ofManyMistakesSomeAreTold() async throws {
        let site = try await Site()
        let body = try await site.body("ok")
        let numbers = Array(repeating: "1", count: 100_000).joined(separator: ",")
        let unknown = (0..<20_000).map { "\"f\($0)\":1" }.joined(separator: ",")
        for extra in [#""options":{"exclude":[\#(numbers)]}"#, unknown] {
            let answer = try await site.json("/v1/jobs", body.dropLast() + "," + extra + "}")
            #expect(answer.status == 422)
            #expect((answer.json["errors"] as? [Any])?.count == 100)
        }
        await site.stop()
    }

    @Test func eventsTellEveryStateAndEnd() async throws {
        let site = try await Site()
        let job = try await site.job("slow")
        let answer = try await site.send(.get, "/v1/jobs/\(job)", fields: ["Accept": "text/event-stream"])
        #expect(answer.fields["Content-Type"] == "text/event-stream")
        let events = answer.content.components(separatedBy: "\n\n").filter { !$0.isEmpty }
        #expect(events.count >= 2)
        #expect(events.last?.contains("event: end") == true)
        #expect(events.last?.contains(#""state":"succeeded""#) == true)
        await site.stop()
    }

    @Test func aFullQueueSaysWhenToComeBack() async throws {
        let site = try await Site { $0.queueLimit = 1 }
        let running = try await site.job("hang")
        try await site.wait(for: running) { $0.state == "running" }
        let body = try await site.body("ok")
        let key: Fields = ["Idempotency-Key": "k"]
        let waiting = try await site.json("/v1/jobs", body, fields: key)
        #expect(waiting.status == 202)
        let answer = try await site.json("/v1/jobs", body)
        #expect(answer.status == 429)
        #expect(answer.fields["Retry-After"] != nil)
        // What was taken in before is known, full or not.
        #expect(try await site.json("/v1/jobs", body, fields: key).text("id") == waiting.text("id"))
        let other = String(body.dropLast()) + #","deadline":"1h"}"#
        #expect(try await site.json("/v1/jobs", other, fields: key).status == 422)
        #expect(try await site.json("/v1/jobs", body, fields: ["Idempotency-Key": "new"]).status == 429)
        await site.stop()
    }

    @Test func aKeyMakesARequestRepeatable() async throws {
        let site = try await Site()
        let body = try await site.body("ok")
        let first = try await site.json("/v1/jobs", body, fields: ["Idempotency-Key": "k1"])
        #expect(first.fields["Idempotency-Replayed"] == nil)
        let reordered = "{ " + String(body.dropFirst())
        let second = try await site.json("/v1/jobs", reordered, fields: ["Idempotency-Key": "k1"])
        #expect(second.status == 202)
        #expect(second.text("id") == first.text("id"))
        #expect(second.fields["Idempotency-Replayed"] == "true")
        let other = String(body.dropLast()) + #","deadline":"1h"}"#
        #expect(try await site.json("/v1/jobs", other, fields: ["Idempotency-Key": "k1"]).status == 422)
        #expect(try await site.json("/v1/jobs", body, fields: ["Idempotency-Key": "a b"]).status == 400)
        // The model may be gone when the request is repeated.
        _ = try await site.ended(try #require(first.text("id")))
        let model = try #require(first.text("model"))
        #expect(try await site.send(.delete, "/v1/models/\(model)").status == 204)
        let third = try await site.json("/v1/jobs", body, fields: ["Idempotency-Key": "k1"])
        #expect(third.text("id") == first.text("id"))
        #expect(try await site.json("/v1/jobs", body).code == "unknown-reference")
        await site.stop()
    }

    @Test func whatAJobNeedsCannotBeDeletedUntilItHasEnded() async throws {
        let site = try await Site()
        let job = try await site.job("hang")
        let model = try #require(try await site.send(.get, "/v1/jobs/\(job)").text("model"))
        #expect(try await site.send(.delete, "/v1/models/\(model)").status == 409)
        #expect(try await site.send(.delete, "/v1/calibration-sets/set").status == 409)
        #expect(try await site.send(.delete, "/v1/jobs/\(job)").code == "in-use")
        #expect(try await site.send(.get, "/v1/jobs/\(job)/report").code == "job-not-finished")
        _ = try await site.send(.post, "/v1/jobs/\(job)/cancel")
        _ = try await site.ended(job)
        #expect(try await site.send(.delete, "/v1/models/\(model)").status == 204)
        await site.stop()
    }

    @Test func deletingAJobSaysHowMuchItFreed() async throws {
        let site = try await Site()
        let job = try await site.job("ok")
        _ = try await site.ended(job)
        let before = try site.blobFiles().count
        let answer = try await site.send(.delete, "/v1/jobs/\(job)")
        #expect(answer.status == 200)
        #expect((answer.json["freed_bytes"] as? Int ?? 0) > 0)
        #expect(try site.blobFiles().count < before)
        #expect(try await site.send(.get, "/v1/jobs/\(job)").code == "job-not-found")
        await site.stop()
    }

    @Test func listsArePagedByCursor() async throws {
        let site = try await Site()
        for index in 0..<5 {
            try await site.send(.post, "/v1/models?name=m\(index)", FakeWorker.model(salt: "\(index)"))
        }
        var target: String? = "/v1/models?limit=2"
        var names: [String] = []
        while let page = target {
            let answer = try await site.send(.get, page)
            names += answer.items.compactMap { $0["name"] as? String }
            target = answer.fields["Link"].flatMap { link in
                link.hasSuffix("; rel=\"next\"") ? String(link.dropFirst().prefix { $0 != ">" }) : nil
            }
        }
        #expect(names == ["m4", "m3", "m2", "m1", "m0"])
        #expect(try await site.send(.get, "/v1/models?after=nonsense").code == "invalid-cursor")
        #expect(try await site.send(.get, "/v1/models?limit=0").code == "invalid-parameter")
        #expect(try await site.send(.get, "/v1/jobs?state=done").code == "invalid-parameter")
        await site.stop()
    }
}

@Suite struct AdmissionTests {
    @Test func aDryRunTellsHowArraysFeedInputsAndQueuesNothing() async throws {
        let site = try await Site()
        let answer = try await site.json("/v1/jobs?dry_run=true", try await site.body("ok"))
        #expect(answer.status == 200, "\(answer)")
        let set = try #require(answer.json["calibration_set"] as? [String: Any])
        #expect(set["samples"] as? Int == 8)
        #expect((set["bindings"] as? [[String: Any]])?.first?["input"] as? String == "x")
        #expect(try await site.send(.get, "/v1/jobs").items.isEmpty)
        await site.stop()
    }

    @Test func arraysThatDoNotFitAreNamed() async throws {
        let site = try await Site()
        let answer = try await site.json("/v1/jobs", try await site.body("ok", inspection: "wide"))
        #expect(answer.status == 422)
        #expect(answer.code == "invalid-calibration-set")
        let detail = try #require(answer.text("detail"))
        #expect(detail.contains("'x'") && detail.contains("[N, 5]") && detail.contains("4"))
        await site.stop()
    }

    @Test func aQuantizedModelIsRefused() async throws {
        let site = try await Site()
        let answer = try await site.json("/v1/jobs", try await site.body("ok", inspection: "quantized"))
        #expect(answer.status == 422)
        #expect(answer.code == "already-quantized")
        await site.stop()
    }

    @Test func everythingWrongIsNamedWithItsPointer() async throws {
        let site = try await Site()
        let body = """
            {"modle": "x", "calibration_set": 3, "scheme": "int4", "targets": ["a", "b"], "deadline": "soon",
             "options": {"exlude": [], "percentile": 200, "block_size": 33, "max_samples": 1.5, "exclude": [1]},
             "gate": {"metric": "top1"}}
            """
        let answer = try await site.json("/v1/jobs", body)
        #expect(answer.status == 422)
        let errors = try #require(answer.json["errors"] as? [[String: String]])
        let pointers = Set(errors.compactMap { $0["pointer"] })
        let expected: Set = [
            "/modle", "/model", "/calibration_set", "/scheme", "/targets", "/deadline", "/options/exlude",
            "/options/percentile", "/options/block_size", "/options/max_samples", "/options/exclude/0",
            "/gate/max_drop",
        ]
        #expect(pointers == expected)
        #expect(errors.first { $0["pointer"] == "/options/exlude" }?["detail"]?.contains("'exclude'") == true)
        await site.stop()
    }

    @Test func onlyASchemeThatChoosesHasAnObjective() async throws {
        let site = try await Site()
        for (scheme, refused) in [("auto", false), ("int8-static", true)] {
            let body = #"{"model": "m", "calibration_set": "c", "scheme": "\#(scheme)", "objective": "size"}"#
            let answer = try await site.json("/v1/jobs", body)
            let pointers = (answer.json["errors"] as? [[String: String]] ?? []).compactMap { $0["pointer"] }
            #expect(pointers.contains("/objective") == refused, "\(scheme): \(answer.json)")
        }
        await site.stop()
    }

    @Test func knownFieldsAreListedOnce() async throws {
        let site = try await Site()
        let gate = #"{"metric":"top1","max_drop":0,"zzz":1}"#
        let targets = #"["onnxruntime-x64"]"#
        let answer = try await site.json(
            "/v1/jobs", #"{"model":"m","calibration_set":"s","targets":\#(targets),"zzz":1,"gate":\#(gate)}"#)
        let details = (answer.json["errors"] as? [[String: Any]] ?? []).compactMap { $0["detail"] as? String }
        #expect(details.count == 2 && details.allSatisfy { $0.contains("known: ") }, "\(answer)")
        for detail in details {
            let known = detail.split(separator: ":").last?.dropLast().split(separator: ",") ?? []
            #expect(Set(known).count == known.count, "\(detail)")
        }
        await site.stop()
    }

    @Test func aGateNeedsSomethingToBeCheckedOn() async throws {
        let site = try await Site()
        let gate = #","gate":{"metric":"top1","max_drop":0.01}}"#
        let body = String(try await site.body("ok").dropLast())
        #expect(try await site.json("/v1/jobs", body + gate).text("detail")?.contains("evaluation_set") == true)
        let unlabelled = body + #","evaluation_set":"set""# + gate
        #expect(try await site.json("/v1/jobs", unlabelled).text("detail")?.contains("labels") == true)
        try await site.send(
            .post, "/v1/calibration-sets?name=eval&role=evaluation", FakeWorker.samples(inspection: "labels"))
        let labelled = body + #","evaluation_set":"eval""# + gate
        #expect(try await site.json("/v1/jobs?dry_run=1", labelled).status == 200)
        await site.stop()
    }

    @Test func whatIsNoJSONIsRefused() async throws {
        let site = try await Site()
        #expect(try await site.json("/v1/jobs", "{").code == "malformed-json")
        #expect(try await site.json("/v1/jobs", String(repeating: "[", count: 100_000)).code == "malformed-json")
        #expect(try await site.json("/v1/jobs", "[]").code == "invalid-request")
        #expect(try await site.send(.post, "/v1/jobs").code == "empty-body")
        let xml = try await site.json("/v1/jobs", "<a/>", fields: ["Content-Type": "text/xml"])
        #expect(xml.status == 415)
        #expect(try await site.send(.post, "/v1/jobs", [UInt8](repeating: 32, count: 2 << 20)).status == 413)
        await site.stop()
    }

    @Test func namesThatMeanNothingAreUnknownReferences() async throws {
        let site = try await Site()
        let answer = try await site.json("/v1/jobs", #"{"model":"a","calibration_set":"b","evaluation_set":"c"}"#)
        #expect(answer.status == 422)
        #expect(answer.code == "unknown-reference")
        #expect((answer.json["errors"] as? [Any])?.count == 3)
        await site.stop()
    }
}

extension Site {
    /// A job's body, its model and set being stored.
    func body(_ conversion: String, inspection: String = "ok") async throws -> String {
        let model = try await send(.post, "/v1/models", FakeWorker.model(conversion, inspection: inspection))
        try await send(.post, "/v1/calibration-sets?name=set", FakeWorker.samples())
        return #"{"model":"\#(try #require(model.text("id")))","calibration_set":"set"}"#
    }

    /// Long-polls until the job is as described.
    func wait(for job: String, _ condition: (Answer) -> Bool) async throws {
        var answer = try await send(.get, "/v1/jobs/\(job)")
        while !condition(answer) {
            try #require(!["succeeded", "failed", "cancelled", "expired"].contains(answer.state), "\(answer)")
            let tag = answer.fields["ETag"] ?? ""
            let next = try await send(.get, "/v1/jobs/\(job)?wait=10", fields: ["If-None-Match": tag])
            try #require(next.status == 200, "nothing changed in ten seconds: \(answer)")
            answer = next
        }
    }
}

@Suite struct LeftoverTests {
    @Test func resultsThatCannotAllBeTakenAreAllDropped() async throws {
        let site = try await Site { $0.maxAttempts = 1 }
        let job = try await site.job("missing")
        #expect(try await site.ended(job).state == "failed")
        _ = try await site.send(.delete, "/v1/jobs/\(job)")
        let models = try await site.send(.get, "/v1/models").items
        for model in models { _ = try await site.send(.delete, "/v1/models/\(model["id"] as? String ?? "")") }
        _ = try await site.send(.delete, "/v1/calibration-sets/set")
        #expect(try site.blobFiles() == [])
        await site.stop()
    }
}
