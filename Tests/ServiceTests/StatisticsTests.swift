import Domain
import Foundation
import HTTP
import Storage
import TestSupport
import Testing

@testable import Service

/// What one job's calibration pass saw, and the jobs after it.
@Suite struct StatisticsTests {
    private func blobs(_ site: Site) -> Int {
        site.directory.files().filter { $0.hasPrefix("data/blobs/") && !$0.hasSuffix(".index") }.count
    }

    private func log(_ site: Site, _ job: String) async throws -> String {
        try await site.send(.get, "/v1/jobs/\(job)/log").content
    }

    private func statistics(_ site: Site, of job: String) async throws -> [[String: Any]] {
        let model = try #require(try await site.ended(job).text("model"))
        return try await site.send(.get, "/v1/models/\(model)/statistics").items
    }

    @Test func theNextJobIsGivenWhatTheFirstLeft() async throws {
        let site = try await Site()
        let first = try await site.job("statistics")
        #expect(try await site.ended(first).state == "succeeded")
        #expect(try await !log(site, first).contains("reused"))
        let second = try await site.job("statistics", extra: #","options":{"calibrator":"entropy"}"#)
        #expect(try await site.ended(second).state == "succeeded")
        #expect(try await log(site, second).contains("reused: what was seen"))
        let rows = try await statistics(site, of: second)
        #expect(rows.count == 1 && rows.first?["samples"] as? Int == 8 && rows.first?["size"] as? Int == 13)
        await site.stop()
        #expect(try site.leftovers() == [])
    }

    /// Neither needs any, and a repetition would repeat less than the whole.
    @Test func someJobsAreGivenNone() async throws {
        let site = try await Site()
        let first = try await site.job("statistics")
        #expect(try await site.ended(first).state == "succeeded")
        let weights = try await site.job("statistics", extra: #","scheme":"int8-weights""#)
        #expect(try await site.ended(weights).state == "succeeded")
        let again = try #require(try await site.send(.post, "/v1/jobs/\(first)/reproduce").text("id"))
        #expect(try await site.ended(again).state == "succeeded")
        for job in [weights, again] { #expect(try await !log(site, job).contains("reused")) }
        await site.stop()
    }

    @Test(arguments: ["statistics-gate", "statistics-crash"])
    func aJobThatFailsLeavesThemToo(_ behaviour: String) async throws {
        let site = try await Site { $0.maxAttempts = 1 }
        let first = try await site.job(behaviour)
        #expect(try await site.ended(first).state == "failed")
        #expect(try await statistics(site, of: first).count == 1)
        let second = try await site.job(behaviour)
        #expect(try await site.ended(second).state == "failed")
        #expect(try await log(site, second).contains("reused"))
        await site.stop()
    }

    @Test func filesThatAreNotThereHarmNoJob() async throws {
        let site = try await Site()
        let job = try await site.job("statistics-missing")
        #expect(try await site.ended(job).state == "succeeded")
        #expect(try await statistics(site, of: job).isEmpty)
        await site.stop()
        #expect(try site.leftovers() == [])
    }

    @Test func theyGoWithTheModelAndLeaveNothing() async throws {
        let site = try await Site()
        let job = try await site.job("statistics")
        let model = try #require(try await site.ended(job).text("model"))
        #expect(try await site.send(.delete, "/v1/jobs/\(job)").status == 200)
        #expect(blobs(site) == 4)
        #expect(try await site.send(.delete, "/v1/models/\(model)").status == 204)
        #expect(blobs(site) == 1)
        #expect(try await site.send(.delete, "/v1/calibration-sets/set").status == 204)
        #expect(blobs(site) == 0)
        await site.stop()
    }

    @Test func damagedOnesAreMeasuredAnewAndReplaced() async throws {
        let site = try await Site()
        let first = try await site.job("statistics")
        #expect(try await site.ended(first).state == "succeeded")
        let digest = try Digest(sha256: Array("what was seen".utf8))
        let path = site.directory.path + "/data/blobs/" + digest.hex
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[bytes.count / 2] ^= 0xff
        try bytes.write(to: URL(fileURLWithPath: path))
        let second = try await site.job("statistics")
        #expect(try await site.ended(second).state == "succeeded")
        #expect(try await !log(site, second).contains("reused"))
        let third = try await site.job("statistics")
        #expect(try await site.ended(third).state == "succeeded")
        #expect(try await log(site, third).contains("reused: what was seen"))
        await site.stop()
    }

    @Test func aRestartKeepsThem() async throws {
        let directory = try TemporaryDirectory()
        let first = try await jobLog(inServerOf: directory)
        let second = try await jobLog(inServerOf: directory)
        #expect(!first.contains("reused") && second.contains("reused: what was seen"))
    }

    /// The log of a job in a server that is gone afterwards.
    private func jobLog(inServerOf directory: TemporaryDirectory) async throws -> String {
        let site = Site(directory, try Site.application(directory))
        try await site.application.start()
        let job = try await site.job("statistics")
        #expect(try await site.ended(job).state == "succeeded")
        let text = try await log(site, job)
        await site.stop()
        return text
    }
}
