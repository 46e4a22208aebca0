import Domain
import HTTP
import Storage

extension API {
    func getArtifact(_ request: Request) async throws -> Response {
        try await file(.artifact, request)
    }

    /// The same, by the name of the target: for jobs with several targets.
    func getArtifactForTarget(_ request: Request) async throws -> Response {
        let row = try await job(request.segment("id"))
        let target = request.segment("target")
        guard row.recipe.target.rawValue == target else { throw Problem.notFound("artifact", target) }
        return try await file(.artifact, request)
    }

    /// By `Accept`: JSON, which a client without wishes gets too, a page for a browser, or a text table.
    func getReport(_ request: Request) async throws -> Response {
        switch Preferences(request.fields).mediaType(among: ["application/json", "text/html", "text/plain"]) {
        case "application/json": return try await file(.report, request, varies: ["Accept"])
        case "text/html": return try await file(.reportHTML, request, varies: ["Accept"])
        case "text/plain": return try await file(.reportText, request, varies: ["Accept"])
        default:
            throw Problem(
                .notAcceptable, "not-acceptable", "The report is there as application/json, text/html and text/plain.")
        }
    }

    func getReportJSON(_ request: Request) async throws -> Response { try await file(.report, request) }
    func getReportText(_ request: Request) async throws -> Response { try await file(.reportText, request) }
    func getReportHTML(_ request: Request) async throws -> Response { try await file(.reportHTML, request) }
    func getPlan(_ request: Request) async throws -> Response { try await file(.plan, request) }

    /// The stored log of a job that has ended.
    func getLog(_ request: Request) async throws -> Response { try await file(.log, request) }

    /// The signed statement of how the artifact was made.
    func getProvenance(_ request: Request) async throws -> Response { try await file(.provenance, request) }

    /// The public half of the key that statements are signed with.
    func getProvenanceKey(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let tag = "\"\(key.identifier.hex)\""
        try request.requireMatch([tag])
        return Response(
            .ok, fields: ["Content-Type": "application/x-pem-file", "Cache-Control": "no-cache", "ETag": tag],
            content: .bytes(Array(key.publicPEM.utf8)))
    }

    private func file(_ kind: ArtifactRow.Kind, _ request: Request, varies: [String] = []) async throws -> Response {
        try request.allowOnly([])
        let row = try await job(request.segment("id"))
        guard let artifact = row.artifacts.first(where: { $0.kind == kind }) else { throw Self.absent(kind, row) }
        let download = Download(
            shelf: shelf, desk: readers, seats: downloads, digest: artifact.digest, name: artifact.name,
            mediaType: artifact.mediaType,
            asAttachment: kind == .artifact, varies: varies)
        return try await download.response(to: request)
    }

    static func absent(_ kind: ArtifactRow.Kind, _ row: JobRow) -> Problem {
        guard row.state.isTerminal else {
            return Problem(
                .conflict, "job-not-finished",
                "The job is \(row.state.rawValue). Wait for its end: GET /v1/jobs/\(row.id)?wait=60.", retryAfter: 2)
        }
        let reason = row.failure.map { ": \($0.detail)" } ?? "."
        return Problem(
            .conflict, "job-\(row.state.rawValue)",
            "The job is \(row.state.rawValue) and left no \(kind.rawValue)\(reason)")
    }
}
