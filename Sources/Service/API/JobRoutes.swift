import Domain
import Foundation
import HTTP
import Storage

extension API {
    // MARK: Coming in

    /// `POST /v1/jobs`: everything that can be known to be wrong is said now; the rest is queued.
    func postJob(_ request: Request) async throws -> Response {
        try request.allowOnly(["dry_run"])
        let dryRun = try request.flag("dry_run")
        let key = try idempotencyKey(request)
        let document = try await request.json()
        let wish = try JobRequest(document)
        if dryRun { return try await admitted(try await admit(wish), wish) }
        return try await queued(by: Self.fingerprint(key, request, document.canonical)) {
            let admission = try await admit(wish)
            return JobRow(
                id: JobRow.makeID(at: Date()), model: admission.model.id, calibration: admission.calibration.id,
                evaluation: admission.evaluation?.id, recipe: wish.recipe, deadlineSeconds: wish.deadlineSeconds,
                maxAttempts: configuration.maxAttempts, created: Date())
        }
    }

    /// The key together with everything of the request that matters.
    static func fingerprint(_ key: String?, _ request: Request, _ body: String) throws -> IdempotencyKey? {
        try key.map { key in
            IdempotencyKey(
                key: key, fingerprint: try Digest(sha256: Array("POST \(request.path)\n\(body)".utf8)))
        }
    }

    /// Up to 255 visible ASCII characters, with or without the quotes of a structured field.
    func idempotencyKey(_ request: Request) throws -> String? {
        guard let field = request.fields["Idempotency-Key"] else { return nil }
        let text = field.trimmingCharacters(in: CharacterSet(charactersIn: "\" \t"))
        guard (1...255).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Problem(
                .badRequest, "invalid-idempotency-key", "Idempotency-Key must have 1 to 255 visible ASCII characters.")
        }
        return text
    }

    private func admit(_ wish: JobRequest) async throws -> Admission {
        var errors: [FieldError] = []
        let model = try await catalogue.model(wish.model)
        if model == nil { errors.append(Self.missing("/model", "model", wish.model)) }
        let calibration = try await catalogue.sampleSet(wish.calibrationSet)
        if calibration == nil {
            errors.append(Self.missing("/calibration_set", "calibration set", wish.calibrationSet))
        }
        var evaluation: SampleSetRow?
        if let reference = wish.evaluationSet {
            evaluation = try await catalogue.sampleSet(reference)
            if evaluation == nil { errors.append(Self.missing("/evaluation_set", "evaluation set", reference)) }
        }
        guard let model, let calibration, errors.isEmpty else {
            var problem = Problem.invalid(errors)
            problem.code = "unknown-reference"
            throw problem
        }
        return try Admission(model: model, calibration: calibration, evaluation: evaluation, recipe: wish.recipe)
    }

    private static func missing(_ pointer: String, _ what: String, _ reference: String) -> FieldError {
        FieldError(pointer: pointer, detail: "There is no \(what) '\(reference.prefix(200))'. Post it first.")
    }

    /// Queues the job that `row` makes, or answers what the key has led to before.
    func queued(by key: IdempotencyKey?, _ row: () async throws -> JobRow) async throws -> Response {
        let job: JobRow
        do {
            job = try await row()
        } catch {
            // What the job once needed may be gone; the answer to a repeated request is not.
            guard let key, let earlier = try await queue.earlier(key) else { throw error }
            return try await answer(earlier)
        }
        return try await answer(try await queue.enqueue(job, key: key))
    }

    private func answer(_ result: Enqueued) async throws -> Response {
        switch result {
        case .created(let job): return try await accepted(job, replayed: false)
        case .replayed(let job): return try await accepted(job, replayed: true)
        case .keyReusedWithOtherPayload:
            throw Problem(
                .unprocessableContent, "idempotency-key-reused",
                "This Idempotency-Key was used with another body. Take a new key for a new job.")
        }
    }

    private func accepted(_ job: JobRow, replayed: Bool) async throws -> Response {
        var fields: Fields = ["Location": "/v1/jobs/\(job.id)", "Retry-After": "2"]
        if replayed { fields["Idempotency-Replayed"] = "true" }
        return try .json(.accepted, try await payload(job), fields: fields)
    }

    private func admitted(_ admission: Admission, _ wish: JobRequest) async throws -> Response {
        try .json(
            .ok,
            AdmissionPayload(
                admission, recipe: wish.recipe, deadlineSeconds: wish.deadlineSeconds,
                queueLength: try await queue.length(), configuration: configuration))
    }

    // MARK: Looking

    func payload(_ job: JobRow) async throws -> JobPayload {
        let position = job.state == .queued ? try await catalogue.queuePosition(of: job.id) : nil
        return JobPayload(job, live: queue.news.live(job.id), queuePosition: position)
    }

    func job(_ id: String) async throws -> JobRow {
        guard let row = try await catalogue.job(id) else { throw Problem.notFound("job", id) }
        return row
    }

    func listJobs(_ request: Request) async throws -> Response {
        try request.allowOnly(["limit", "after", "state"])
        let (limit, after) = try page(request)
        let state = try request.choice("state", JobState.self)
        let rows = try await catalogue.jobs(after: after, limit: limit, state: state)
        return try list(request, rows) { JobPayload($0, live: queue.news.live($0.id), queuePosition: nil) }
    }

    /// `GET /v1/jobs/{id}`: at once; when the job has ended, up to the time in `Prefer: wait=` or `wait=`; when anything
    /// has changed since the tag in If-None-Match; or, as text/event-stream, again and again until the job has ended.
    func getJob(_ request: Request) async throws -> Response {
        try request.allowOnly(["wait"])
        let id = request.segment("id")
        let preferences = Preferences(request.fields)
        if preferences.names("text/event-stream") { return try await events(id, request) }
        let inQuery = try request.parameter("wait", "a number of seconds") { text in
            Double(text).flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
        }
        let wait = min(inQuery ?? preferences.wait ?? 0, configuration.longestWait)
        let (body, tag) = try await settled(id, wait: wait, for: request)
        try request.requireMatch([tag])
        var fields: Fields = ["ETag": tag, "Vary": "Accept, Prefer", "Cache-Control": "no-cache"]
        if inQuery == nil, preferences.wait != nil {
            fields["Preference-Applied"] = "wait=\(Text.short(wait.rounded(.down)))"
        }
        if request.alreadyHas(tag) { return Response(.notModified, fields: fields) }
        if !body.state.isTerminal { fields["Retry-After"] = "2" }
        return try .json(.ok, body, fields: fields)
    }

    /// The job once it has ended, or differs from what the client knows, or the time is over.
    private func settled(
        _ id: String, wait: Double, for request: Request
    ) async throws -> (JobPayload, tag: String) {
        let knowsNothing = request.listed("If-None-Match").isEmpty
        return try await queue.news.watching(id) { bell in
            let end = Clock.monotonic + wait
            while true {
                let seen = bell.count
                let body = try await payload(try await job(id))
                let tag = try body.tag
                let left = end - Clock.monotonic
                let isNews = !knowsNothing && !request.alreadyHas(tag)
                if body.state.isTerminal || isNews || left <= 0 || bell.isClosed { return (body, tag) }
                await bell.wait(after: seen, seconds: left)
            }
        }
    }

    private func events(_ id: String, _ request: Request) async throws -> Response {
        let first = try await payload(try await job(id))
        let stream = JobEvents(api: self, first: first)
        return Response(
            .ok, fields: ["Content-Type": "text/event-stream", "Cache-Control": "no-store", "Vary": "Accept"],
            content: .stream(length: nil) { try await stream.next() })
    }

    // MARK: Ending

    /// `POST /v1/jobs/{id}/cancel`: answers at once, whatever the worker does.
    func cancelJob(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let id = request.segment("id")
        guard let row = try await queue.requestCancel(id) else { throw Problem.notFound("job", id) }
        return try .json(row.state.isTerminal ? .ok : .accepted, try await payload(row))
    }

    func deleteJob(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let row = try await job(request.segment("id"))
        try request.requireMatch([try await payload(row).tag])
        let deletion = try await catalogue.deleteJob(row.id)
        let freed = await shelf.discard(deletion.orphans)
        return try .json(.ok, DeletionPayload(id: row.id, freedBytes: freed))
    }
}
