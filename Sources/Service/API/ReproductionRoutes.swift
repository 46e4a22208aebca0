import Domain
import Foundation
import HTTP
import Storage

extension API {
    /// `POST /v1/jobs/{id}/reproduce`: the same inputs again, by the recipe that writes out what timing and the gate decided
    /// the first time, so that the same bytes are expected.
    func reproduceJob(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let key = try idempotencyKey(request)
        let body = try await request.body.collect(limit: 64 << 10)
        let document = body.isEmpty ? JSONDocument.object([]) : try JSONDocument(body)
        let deadline = try Self.deadlineOnly(document)
        let id = request.segment("id")
        return try await queued(by: Self.fingerprint(key, request, document.canonical)) {
            try await repetition(of: try await job(id), deadline)
        }
    }

    private func repetition(of original: JobRow, _ deadline: Double?) async throws -> JobRow {
        guard let artifact = original.artifacts.first(where: { $0.kind == .artifact }) else {
            throw Self.absent(.artifact, original)
        }
        let report = try await report(of: original)
        var row = JobRow(
            id: JobRow.makeID(at: Date()), model: original.model, calibration: original.calibration,
            evaluation: original.evaluation, recipe: try Self.record(of: original, report), deadlineSeconds: deadline,
            maxAttempts: configuration.maxAttempts, created: Date())
        row.reproduces = Reproduction(
            job: original.id, expected: artifact.digest, original: report?.conditions ?? .init())
        return row
    }

    /// The only field that the body may have.
    private static func deadlineOnly(_ document: JSONDocument) throws -> Double? {
        var reader = FieldReader(document)
        let seconds = JobRequest.deadline(&reader)
        reader.rejectUnknown()
        guard reader.errors.isEmpty else { throw Problem.invalid(reader.errors) }
        return seconds
    }

    func report(of job: JobRow) async throws -> StoredReport? {
        guard let row = job.artifacts.first(where: { $0.kind == .report }) else { return nil }
        return try await shelf.report(row.digest, on: readers)
    }

    private static func record(of job: JobRow, _ report: StoredReport?) throws -> Recipe {
        if let record = report?.plan?.record { return record }
        // Nothing was left to timing or to a gate: what was asked for says all.
        if job.recipe.scheme != .auto, job.recipe.gate == nil { return job.recipe }
        throw Problem(
            .conflict, "no-record",
            "The job's report does not say what timing and the gate decided, as an older version made it. Post the job again "
                + "and reproduce that one.")
    }
}
