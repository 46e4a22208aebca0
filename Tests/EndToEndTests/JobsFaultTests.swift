import Foundation
import TestSupport
import Testing

/// Jobs that are stopped, killed, late or refused, on the real worker.
@Suite(.ownThreads, .enabled(if: JobsClient.missing == nil, "\(JobsClient.missing ?? "")"))
struct JobsFaultTests {
    private static let order = #"{"model":"net","calibration_set":"set"}"#

    private func client(_ settings: [String], in directory: TemporaryDirectory? = nil) throws -> JobsClient {
        let client = try JobsClient(settings, in: directory)
        try client.post("/v1/models?name=net", JobsFiles.slowModel(), 201)
        try client.post("/v1/calibration-sets?name=set", JobsFiles.slowSamples(), 201)
        return client
    }

    /// The job once it measures, which takes as long as the settings say.
    private func measuring(_ client: JobsClient, _ path: String) throws {
        try client.job(path) { $0["state"] as? String == "running" && $0["phase"] as? String == "measure" }
    }

    @Test func aBusyServerCancelsExpiresAndProtects() throws {
        let client = try client(["measure_time=60s", "lease=1s"])
        let before = try client.traces()
        let busy = try client.postJob(Self.order)
        try client.job(busy) { $0["phase"] != nil }
        let waiting = try client.post("/v1/jobs", Self.order, 202)
        let late = try client.post("/v1/jobs", #"{"model":"net","calibration_set":"set","deadline":1}"#, 202)
        #expect(waiting.json["queue_position"] as? Int == 1 && late.json["queue_position"] as? Int == 2)
        let inUse = try client.delete("/v1/models/net", 409, code: "in-use").detail
        #expect(inUse.contains(waiting.id), "\(inUse)")
        try client.delete("/v1/calibration-sets/set", 409, code: "in-use")
        try client.delete(busy, 409, code: "in-use")
        let expired = try client.ended("/v1/jobs/" + late.id)
        #expect(expired.json["state"] as? String == "expired", "\(expired.text)")
        try client.get("/v1/jobs/\(late.id)/artifact", 409, code: "job-expired")

        let queued = try client.send("POST", "/v1/jobs/\(waiting.id)/cancel", [], 200)
        #expect(queued.json["state"] as? String == "cancelled")
        let running = try client.send("POST", busy + "/cancel", [], 202)
        #expect(running.json["cancel_requested"] as? Bool == true)
        let cancelled = try client.ended(busy)
        #expect(cancelled.json["state"] as? String == "cancelled", "\(cancelled.text)")
        try client.send("POST", busy + "/cancel", [], 200)
        try client.get(busy + "/artifact", 409, code: "job-cancelled")
        for job in [busy, "/v1/jobs/" + waiting.id, "/v1/jobs/" + late.id] { try client.delete(job, 200) }
        try client.forgetStatistics(of: "net")
        try client.expectTraces(before)
        #expect(try client.workers() == [])
        try client.delete("/v1/models/net", 204)
        #expect(client.server.terminate() == 0)
    }

    @Test func aJobPastItsDeadlineFails() throws {
        let client = try client(["measure_time=60s"])
        let path = try client.postJob(#"{"model":"net","calibration_set":"set","deadline":"2s"}"#)
        let end = try client.ended(path)
        #expect(end.json["state"] as? String == "failed" && end.failure["type"] as? String == "timeout", "\(end.text)")
        #expect((end.failure["detail"] as? String)?.contains("Allow more time") == true)
        #expect(try client.workers() == [])
    }

    /// Classes that differ by less than 8 bits can tell.
    @Test func aGateThatIsNotMetFailsTheJob() throws {
        let client = try JobsClient()
        let model = JobsFiles.model { faults in
            let base: [Float] = [1, -0.9, 0.8, 0.7]
            faults.weights = (0..<32).map { base[$0 % 4] + Float(($0 * 37) % 64 - 32) * 1e-5 }
        }
        try client.post("/v1/models?name=net", model, 201)
        try client.post("/v1/calibration-sets?name=set", JobsFiles.samples(rows: 64), 201)
        let gate = #""gate":{"metric":"top1-agreement","max_drop":0}"#
        try client.post(
            "/v1/jobs", #"{"model":"net","calibration_set":"set",\#(gate)}"#, 422, code: "invalid-request")
        try client.post("/v1/calibration-sets?name=other", JobsFiles.samples(rows: 64, seed: 6), 201)
        let path = try client.postJob(#"{"model":"net","calibration_set":"set","evaluation_set":"other",\#(gate)}"#)
        let end = try client.ended(path)
        #expect(end.failure["type"] as? String == "gate-not-met", "\(end.text)")
        #expect((end.failure["detail"] as? String)?.contains("top1-agreement dropped by") == true, "\(end.text)")
        #expect(end.json["attempt"] as? Int == 1)
        try client.get(path + "/artifact", 409, code: "job-failed")
    }

    @Test func aKilledWorkersJobIsTriedAgain() throws {
        let client = try client(["measure_time=2s"])
        let path = try client.postJob(Self.order)
        try measuring(client, path)
        for worker in try client.workers() { kill(worker, SIGKILL) }
        let retried = try client.job(path) { $0["failure"] != nil }
        #expect(retried.failure["stage"] as? String == "measure", "\(retried.text)")
        let end = try client.ended(path)
        #expect(end.json["state"] as? String == "succeeded" && end.json["attempt"] as? Int == 2, "\(end.text)")
        try client.get(path + "/artifact")
        #expect(client.server.terminate() == 0)
        #expect(try client.server.leftovers() == [])
    }

    @Test func aStoppedServersJobIsFinishedByTheNext() throws {
        let client = try client(["measure_time=2s"])
        let path = try client.postJob(Self.order)
        try measuring(client, path)
        #expect(client.server.terminate() == 0)
        #expect(try client.server.leftovers() == [])
        try client.server.start()
        let end = try client.ended(path)
        #expect(end.json["state"] as? String == "succeeded" && end.json["attempt"] as? Int == 1, "\(end.text)")
    }

    /// The engine's library alone takes more than the first limit, the model's first step more than the second.
    @Test(arguments: [("128MiB", "mapping the library"), ("768MiB", "running the model")])
    func aWorkerWithoutMemoryFailsItsJob(_ memory: String, _ moment: String) throws {
        let directory = try TemporaryDirectory()
        let before = try JobsClient(in: directory)
        try before.post("/v1/models?name=net", JobsFiles.greedyModel(), 201)
        try before.post("/v1/calibration-sets?name=set", JobsFiles.samples(), 201)
        #expect(before.server.terminate() == 0)
        let client = try JobsClient(["worker_memory=\(memory)"], in: directory)
        let end = try client.ended(client.postJob(Self.order))
        #expect(end.json["state"] as? String == "failed", "\(end.text)")
        #expect(end.failure["type"] as? String == "out-of-memory", "\(end.text)")
        #expect(end.failure["retryable"] as? Bool == false)
        try client.get("/livez")
        #expect(client.server.terminate() == 0)
        #expect(try client.server.leftovers() == [])
    }
}
