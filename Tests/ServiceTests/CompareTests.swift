import Domain
import Foundation
import HTTP
import TestSupport
import Testing

@testable import Service

@Suite struct CompareTests {
    /// Two jobs of one model whose options differ, and one of another model.
    private func jobs(_ site: Site) async throws -> (first: String, second: String, other: String) {
        let first = try await site.job("ok")
        let second = try await site.job("ok", extra: #","options":{"max_samples":3,"exclude":["conv"]}"#)
        let other = try await site.job("ok other")
        for job in [first, second, other] { #expect(try await site.ended(job).state == "succeeded") }
        return (first, second, other)
    }

    @Test func numbersOptionsAndPlansStandSideBySide() async throws {
        let site = try await Site()
        let (first, second, _) = try await jobs(site)
        let answer = try await site.send(.get, "/v1/compare?jobs=\(first),\(second)")
        #expect(answer.status == 200 && answer.text("schema") == "octavo-compare/1", "\(answer)")
        let columns = answer.json["jobs"] as? [[String: Any]] ?? []
        #expect(columns.compactMap { $0["id"] as? String } == [first, second])
        for column in columns {
            #expect((column["latency"] as? [String: Any])?["speedup"] as? Double == 2)
            #expect((column["fidelity"] as? [String: Any])?["sqnr_db"] as? Double == 30.5)
            #expect((column["size"] as? [String: Any])?["artifact_bytes"] as? Int == 50)
        }
        let options = answer.json["options"] as? [[String: Any]] ?? []
        #expect(options.compactMap { $0["name"] as? String } == ["options.exclude", "options.max_samples"])
        #expect((options.last?["values"] as? [Any])?.last as? String == "3")
        let plan = try #require(answer.json["plan"] as? [String: Any])
        let nodes = plan["nodes"] as? [[String: Any]] ?? []
        #expect(nodes.count == 1 && nodes.first?["node"] as? String == "conv")
        #expect(nodes.first?["fates"] as? [String] == ["integer", "float"])
        let ranges = (plan["tensors"] as? [[String: Any]])?.first?["ranges"] as? [[String: Double]]
        #expect(ranges == [["low": 0, "high": 1], ["low": 0, "high": 3]])
        await site.stop()
    }

    @Test func theComparisonIsNegotiated() async throws {
        let site = try await Site()
        let (first, second, _) = try await jobs(site)
        let query = "?jobs=\(first),\(second)"
        func send(_ tail: String, _ accept: String) async throws -> Answer {
            try await site.send(.get, "/v1/compare\(tail)\(query)", fields: ["Accept": accept])
        }
        let text = try await send("", "text/plain")
        #expect(text.fields["Content-Type"] == "text/plain; charset=utf-8" && text.fields["Vary"] == "Accept")
        for words in [first, second, "speed-up", "2.00×", "30.5", "options.exclude", "Conv conv"] {
            #expect(text.content.contains(words), "\(words): \(text.content)")
        }
        #expect(text.content.split(separator: "\n").allSatisfy { $0.count <= 92 }, "\(text.content)")
        #expect(try await send(".txt", "*/*").body == text.body)
        let page = try await send("", "text/html,*/*;q=0.8")
        #expect(page.fields["Content-Security-Policy"]?.contains("default-src 'none'") == true)
        #expect(page.content.hasPrefix("<!DOCTYPE html>") && page.content.contains("<svg"))
        #expect(!page.content.contains("<script") && !page.content.contains("http"))
        #expect(try await send(".html", "*/*").body == page.body)
        #expect(try await send(".json", "text/html").fields["Content-Type"] == "application/json")
        #expect(try await send("", "image/png").status == 406)
        await site.stop()
    }

    @Test func whatCannotBeComparedIsNamed() async throws {
        let site = try await Site { $0.maxAttempts = 1 }
        let (first, second, other) = try await jobs(site)
        let failed = try await site.job("crash")
        _ = try await site.ended(failed)
        let running = try await site.job("hang")
        try await site.wait(for: running) { $0.state == "running" }
        func answer(_ query: String) async throws -> Answer { try await site.send(.get, "/v1/compare\(query)") }
        func code(_ jobs: String...) async throws -> String? {
            try await answer("?jobs=" + jobs.joined(separator: ",")).code
        }
        #expect(try await answer("").code == "missing-parameter")
        #expect(try await code() == "invalid-parameter")
        #expect(try await code(first) == "invalid-parameter")
        #expect(try await code(first, first) == "invalid-parameter")
        let many = (0..<9).map { "job_\($0)" }.joined(separator: ",")
        #expect(try await code(many) == "invalid-parameter")
        #expect(try await answer("?jobs=\(first),\(second)&x=1").code == "unknown-parameter")
        #expect(try await code(first, "job_nothing") == "job-not-found")
        #expect(try await code(first, failed) == "job-failed")
        #expect(try await code(first, running) == "job-not-finished")
        let models = try await answer("?jobs=\(first),\(second),\(other)")
        #expect(models.status == 422 && models.code == "different-models")
        #expect(((models.json["errors"] as? [[String: String]])?.first?["detail"])?.contains(other) == true)
        await site.stop()
    }

    /// A stored document that is no report, or a huge one, costs its numbers and nothing else.
    @Test func aReportThatCannotBeReadIsLeftOut() async throws {
        let site = try await Site()
        let strange = try await site.job("strange")
        #expect(try await site.ended(strange).state == "succeeded")
        let mine = try await site.ended(strange).text("model") ?? ""
        let body = #"{"model":"\#(mine)","calibration_set":"set"}"#
        let twin = try await site.json("/v1/jobs", body).text("id") ?? ""
        _ = try await site.ended(twin)
        let answer = try await site.send(.get, "/v1/compare?jobs=\(strange),\(twin)")
        #expect(answer.status == 200, "\(answer)")
        #expect((answer.json["notes"] as? [String])?.count == 2 && answer.json["plan"] == nil, "\(answer)")
        await site.stop()
    }
}
