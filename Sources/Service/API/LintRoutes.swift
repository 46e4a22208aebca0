import Domain
import HTTP
import Storage

extension API {
    /// `POST /v1/models/{id}/lint`: where a quantized model breaks the rules of a target. A worker reads it; nothing is kept.
    func lintModel(_ request: Request) async throws -> Response {
        try request.allowOnly(["target"])
        let target = try request.choice("target", Target.self) ?? .onnxruntimeX64
        let types = ["application/json", "text/plain"]
        guard let type = Preferences(request.fields).mediaType(among: types) else {
            throw Problem(
                .notAcceptable, "not-acceptable", "The findings are there as application/json and text/plain.")
        }
        let reference = request.segment("id")
        guard let row = try await catalogue.model(reference) else { throw Problem.notFound("model", reference) }
        try await checkRoom(row.size)
        let report = try await shelf.holding([row.blob] + row.external.map(\.digest)) {
            guard try await catalogue.model(row.id.description) != nil else {
                throw Problem.notFound("model", reference)
            }
            return try await inspector.lint(
                main: row.blob, external: row.external, size: row.size, target: target)
        }
        guard type == "text/plain" else { return try .json(.ok, report, fields: ["Vary": "Accept"]) }
        var response = Response(.ok, fields: ["Vary": "Accept"], content: .bytes(Array(report.text.utf8)))
        response.fields["Content-Type"] = "text/plain; charset=utf-8"
        response.fields["Cache-Control"] = "no-store"
        return response
    }

    /// A worker reads a copy of the model's files.
    private func checkRoom(_ size: Int64) async throws {
        let free = try await shelf.desk.run { [store = shelf.store] in try store.freeBytes() }
        guard free - configuration.diskReserve >= size else {
            throw Problem.outOfDisk(
                free: free - configuration.diskReserve, for: "a copy of the model (\(Text.size(size)))")
        }
    }
}
