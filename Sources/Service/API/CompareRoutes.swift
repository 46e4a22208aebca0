import Domain
import HTTP
import Storage

extension API {
    /// `GET /v1/compare?jobs=a,b,c`, by `Accept`: JSON, which a client without wishes gets too, a page, or a text table.
    func getComparison(_ request: Request) async throws -> Response {
        switch Preferences(request.fields).mediaType(among: ["application/json", "text/html", "text/plain"]) {
        case "application/json": return varying(try await getComparisonJSON(request))
        case "text/html": return varying(try await getComparisonHTML(request))
        case "text/plain": return varying(try await getComparisonText(request))
        default:
            throw Problem(
                .notAcceptable, "not-acceptable",
                "The comparison is there as application/json, text/html and text/plain.")
        }
    }

    func getComparisonJSON(_ request: Request) async throws -> Response {
        try .json(.ok, try await comparison(request), fields: ["Cache-Control": "no-cache"])
    }

    func getComparisonText(_ request: Request) async throws -> Response {
        let text = ComparisonPages(comparison: try await comparison(request)).text()
        return Response(
            .ok, fields: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-cache"],
            content: .bytes(Array(text.utf8)))
    }

    func getComparisonHTML(_ request: Request) async throws -> Response {
        let page = ComparisonPages(comparison: try await comparison(request)).html()
        return Response(
            .ok,
            fields: [
                "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache",
                "Content-Security-Policy": Download.pagePolicy, "X-Content-Type-Options": "nosniff",
            ], content: .bytes(Array(page.utf8)))
    }

    private func varying(_ response: Response) -> Response {
        var response = response
        response.fields["Vary"] = "Accept"
        return response
    }

    private func comparison(_ request: Request) async throws -> Comparison {
        try request.allowOnly(["jobs"])
        let rows = try await finished(try Self.identifiers(request))
        try Self.checkModel(rows)
        let model = try await catalogue.model(rows[0].model.description)
        return try await comparisons.pass {
            var entries: [Comparison.Entry] = []
            // One after the other: what is read of a job is kept, the documents are not.
            for row in rows { entries.append(try await entry(row)) }
            return try Comparison(model, entries)
        }
    }

    private static func identifiers(_ request: Request) throws -> [String] {
        let expected = "2 to \(Comparison.mostJobs) different jobs' ids, separated by commas"
        guard let text = request.query["jobs"] else {
            throw Request.badParameter("missing-parameter", "jobs", "The parameter 'jobs' is missing: \(expected).")
        }
        let names = text.split(separator: ",").map { $0.filter { $0 != " " } }
        guard (2...Comparison.mostJobs).contains(names.count), Set(names).count == names.count else {
            throw Request.badParameter(
                "invalid-parameter", "jobs",
                "The parameter 'jobs' must be \(expected); \(names.count) are given\(Self.repetition(names)).")
        }
        return names
    }

    private static func repetition(_ names: [String]) -> String {
        Set(names).count < names.count ? ", one of them twice" : ""
    }

    private func finished(_ names: [String]) async throws -> [JobRow] {
        var rows: [JobRow] = []
        for name in names {
            let row = try await job(name)
            guard row.state == .succeeded else {
                var problem = Self.absent(.report, row)
                problem.detail = "\(row.id) cannot be compared. " + problem.detail
                throw problem
            }
            rows.append(row)
        }
        return rows
    }

    private static func checkModel(_ rows: [JobRow]) throws {
        let others = rows.filter { $0.model != rows[0].model }
        guard !others.isEmpty else { return }
        let errors = others.map {
            FieldError(
                pointer: "jobs", detail: "\($0.id) is a job of \($0.model), \(rows[0].id) one of \(rows[0].model).")
        }
        throw Problem(
            .unprocessableContent, "different-models",
            "Only jobs of one model can be compared, and these are of \(Set(rows.map(\.model)).count).", errors: errors)
    }

    private func entry(_ row: JobRow) async throws -> Comparison.Entry {
        var plan: StoredPlan?
        if let stored = row.artifacts.first(where: { $0.kind == .plan }) {
            plan = try await shelf.document(StoredPlan.self, stored.digest, limit: StoredPlan.limit, on: readers)
        }
        return Comparison.Entry(row: row, report: try await report(of: row), plan: plan)
    }
}
