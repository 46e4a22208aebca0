import Foundation
import HTTP
import TestSupport
import Testing

@testable import Service

@Suite struct ReproductionTests {
    private func reproduces(_ answer: Answer) -> [String: Any] { answer.json["reproduces"] as? [String: Any] ?? [:] }

    @Test func aJobIsRepeatedByItsRecordAndFoundIdentical() async throws {
        let site = try await Site()
        let first = try await site.ended(site.job("ok"))
        let answer = try await site.send(.post, "/v1/jobs/\(first.text("id") ?? "")/reproduce")
        #expect(answer.status == 202 && answer.fields["Location"] == "/v1/jobs/\(answer.text("id") ?? "")")
        #expect(answer.text("id") != first.text("id"))
        // The record's recipe, not the first job's.
        #expect(answer.text("scheme") == "int8-static")
        #expect((answer.json["options"] as? [String: Any])?["exclude"] as? [String] == ["head"])
        let ended = try await site.ended(answer.text("id") ?? "")
        #expect(ended.state == "succeeded", "\(ended)")
        let result = reproduces(ended)
        #expect(result["job"] as? String == first.text("id") && result["identical"] as? Bool == true, "\(ended)")
        #expect(result["digest"] as? String == result["expected"] as? String && result["reasons"] == nil)
        await site.stop()
    }

    @Test func otherBytesAreSaidWithWhatDiffers() async throws {
        let site = try await Site()
        let first = try await site.ended(site.job("drift"))
        let answer = try await site.send(.post, "/v1/jobs/\(first.text("id") ?? "")/reproduce")
        let result = reproduces(try await site.ended(answer.text("id") ?? ""))
        #expect(result["identical"] as? Bool == false)
        #expect(result["digest"] as? String != result["expected"] as? String)
        #expect(result["reasons"] as? [String] == ["The engine's version was 1.32.0 and is 1.33.0 now."])
        await site.stop()
    }

    @Test func theResultOutlivesTheOriginal() async throws {
        let site = try await Site()
        let first = try await site.ended(site.job("ok")).text("id") ?? ""
        let second = try await site.send(.post, "/v1/jobs/\(first)/reproduce").text("id") ?? ""
        _ = try await site.ended(second)
        #expect(try await site.send(.delete, "/v1/jobs/\(first)").status == 200)
        let result = reproduces(try await site.ended(second))
        #expect(result["identical"] as? Bool == true && result["job"] as? String == first)
        await site.stop()
    }

    @Test func onlyWhatSucceededIsRepeated() async throws {
        let site = try await Site { $0.maxAttempts = 1 }
        let failed = try await site.job("crash")
        _ = try await site.ended(failed)
        let running = try await site.job("hang")
        try await site.wait(for: running) { $0.state == "running" }
        func code(_ job: String, _ body: String = "") async throws -> String? {
            try await site.send(.post, "/v1/jobs/\(job)/reproduce", Array(body.utf8)).code
        }
        #expect(try await code("job_nothing") == "job-not-found")
        #expect(try await code(failed) == "job-failed")
        #expect(try await code(running) == "job-not-finished")
        #expect(try await code(failed, #"{"scheme":"auto"}"#) == "invalid-request")
        #expect(try await code(failed, "{") == "malformed-json")
        #expect(try await site.send(.post, "/v1/jobs/\(failed)/reproduce?wait=1").code == "unknown-parameter")
        await site.stop()
    }

    @Test func withoutItsModelNothingIsRepeated() async throws {
        let site = try await Site()
        let first = try await site.ended(site.job("ok"))
        #expect(try await site.send(.delete, "/v1/models/\(first.text("model") ?? "")").status == 204)
        let refused = try await site.send(.post, "/v1/jobs/\(first.text("id") ?? "")/reproduce")
        #expect(refused.status == 422 && refused.code == "unknown-reference", "\(refused)")
        // The same bytes again are the same model.
        #expect(try await site.send(.post, "/v1/models", FakeWorker.model()).status == 201)
        #expect(try await site.send(.post, "/v1/jobs/\(first.text("id") ?? "")/reproduce").status == 202)
        await site.stop()
    }

    @Test func aRepeatedRequestIsReplayed() async throws {
        let site = try await Site()
        let first = try await site.ended(site.job("ok")).text("id") ?? ""
        let other = try await site.ended(site.job("ok", extra: #","options":{"max_samples":3}"#)).text("id") ?? ""
        let key: Fields = ["Idempotency-Key": "once"]
        let second = try await site.send(.post, "/v1/jobs/\(first)/reproduce", fields: key)
        let third = try await site.send(.post, "/v1/jobs/\(first)/reproduce", fields: key)
        #expect(third.text("id") == second.text("id") && third.fields["Idempotency-Replayed"] == "true")
        let reused = try await site.send(.post, "/v1/jobs/\(other)/reproduce", fields: key)
        #expect(reused.code == "idempotency-key-reused")
        // What was repeated may be gone; the answer to a repeated request is not.
        #expect(try await site.send(.delete, "/v1/jobs/\(first)").status == 200)
        let fourth = try await site.send(.post, "/v1/jobs/\(first)/reproduce", fields: key)
        #expect(fourth.text("id") == second.text("id"), "\(fourth)")
        #expect(try await site.send(.post, "/v1/jobs/\(first)/reproduce").status == 404)
        await site.stop()
    }
}
