import Domain
import Foundation
import HTTP
import Storage

extension API {
    private var upload: Upload {
        Upload(shelf: shelf, limit: configuration.modelLimit, reserve: configuration.diskReserve)
    }

    // MARK: Coming in

    /// `POST /v1/models`: the file itself, or a form with the file and its external data.
    func postModel(_ request: Request) async throws -> Response {
        try request.allowOnly(["name"])
        let name = try request.nameParameter()
        let expected = try DigestFields.expected(request.fields)
        let isForm = request.mediaType == "multipart/form-data"
        if isForm { try DigestFields.refuseForForm(expected) }
        try await upload.checkHead(request)
        if isForm { return try await postModelForm(request, name) }
        return try await takeModel(request, name, expected: expected)
    }

    private func postModelForm(_ request: Request, _ name: String?) async throws -> Response {
        let form = try await upload.form(request, Form.Rules(files: ["model": 1, "data": 32], texts: []))
        guard let model = form.files.first(where: { $0.field == "model" }) else {
            await shelf.abandon(form.blobs)
            throw Problem(
                .badRequest, "missing-part", "The form has no part 'model': curl -F model=@m.onnx -F data=@m.onnx.data."
            )
        }
        let external = form.files.filter { $0.field == "data" }
        return try await keepModel(name: name, file: model.name, main: model.blob, external: external)
    }

    /// `PUT /v1/models/sha256:…`: like POST, but what is there already is not read again.
    func putModel(_ request: Request) async throws -> Response {
        try request.allowOnly(["name"])
        let name = try request.nameParameter()
        guard request.segment("id").hasPrefix("sha256:"), let id = Digest(request.segment("id")) else {
            throw Problem(
                .badRequest, "invalid-digest", "PUT needs the digest of the bytes: /v1/models/sha256:<64 hex digits>.")
        }
        if let expected = try DigestFields.expected(request.fields) { try DigestFields.check(id, against: expected) }
        if let row = try await catalogue.model(id.description), let labelled = try await label(row, name) {
            return try modelResponse(.ok, labelled)
        }
        try await upload.checkHead(request)
        return try await takeModel(request, name, expected: id)
    }

    private func takeModel(_ request: Request, _ name: String?, expected: Digest?) async throws -> Response {
        try await inspector.receiving { intake in
            let copy = BlobCopy(path: intake.path, sieve: WeightSieve())
            let blob = try await upload.whole(request, expected: expected, copy: copy)
            return try await keepModel(name: name, file: name, main: blob, external: [], intake: intake)
        }
    }

    /// Has the pinned files inspected and writes their row. Whatever happens, the pins are given back.
    private func keepModel(
        name: String?, file: String?, main: StoredBlob, external: [Form.File], intake: Inspector.Intake? = nil
    ) async throws -> Response {
        let blobs = [main] + external.map(\.blob)
        do {
            let id = try Self.identity(main, external)
            let known = try await catalogue.model(id.description)
            let row: ModelRow
            if let known {
                row = known
            } else {
                row = try await inspected(
                    id, name: name, file: file, main: main, external: external, intake: intake)
            }
            let (stored, created) = try await addModel(row, name)
            await shelf.settle(blobs)
            return try modelResponse(created ? .created : .ok, stored)
        } catch {
            await shelf.abandon(blobs)
            throw error
        }
    }

    /// The digest of the bytes; with external data, of a list of all digests, since the main file alone may be shared by
    /// models with different weights.
    private static func identity(_ main: StoredBlob, _ external: [Form.File]) throws -> Digest {
        if external.isEmpty { return main.digest }
        let lines = external.map { "\($0.name) \($0.blob.digest)" }.sorted()
        return try Digest(sha256: Array((["octavo model 1", "\(main.digest)"] + lines).joined(separator: "\n").utf8))
    }

    private func inspected(
        _ id: Digest, name: String?, file: String?, main: StoredBlob, external: [Form.File],
        intake: Inspector.Intake?
    ) async throws -> ModelRow {
        let files = external.map {
            ModelRow.ExternalFile(name: $0.name, digest: $0.blob.digest, size: $0.blob.size)
        }
        let blobs = [main] + external.map(\.blob)
        let size = blobs.reduce(0) { $0 + $1.size }
        let summary = try await inspector.model(main: main.digest, external: files, size: size, intake: intake)
        try Self.checkExternal(summary.externalData, files.map(\.name))
        let plain = FileName.safe(file ?? "model.onnx", or: "model.onnx")
        return ModelRow(
            id: id, name: name, size: size, storedSize: blobs.reduce(0) { $0 + $1.storedSize }, blob: main.digest,
            file: plain.contains(".") ? plain : plain + ".onnx", external: files, summary: summary, created: Date())
    }

    /// The model's external data and the files that came must be the same.
    private static func checkExternal(_ wanted: [String], _ given: [String]) throws {
        if let missing = Set(wanted).subtracting(given).min() {
            throw Problem(
                .unprocessableContent, "missing-external-data",
                "The model keeps tensors in '\(missing.prefix(200))', which did not come with it. Send both: "
                    + "curl -F model=@model.onnx -F data=@\(FileName.safe(missing, or: "model.onnx.data")).")
        }
        if let unused = Set(given).subtracting(wanted).min() {
            throw Problem(
                .unprocessableContent, "unused-external-data",
                "The model does not refer to '\(unused)'; the file name must be the one written in the model"
                    + (wanted.isEmpty ? "." : " (\(wanted.sorted().joined(separator: ", ")))."))
        }
    }

    /// Nil when the model has been deleted meanwhile.
    private func label(_ row: ModelRow, _ name: String?) async throws -> ModelRow? {
        guard name != nil else { return row }
        return try await shelf.holding([row.blob] + row.external.map(\.digest)) {
            guard try await catalogue.model(row.id.description) != nil else { return nil }
            return try await addModel(row, name).row
        }
    }

    private func addModel(_ row: ModelRow, _ name: String?) async throws -> (row: ModelRow, created: Bool) {
        var named = row
        named.name = name
        return try await catalogue.addModel(named)
    }

    // MARK: Going out

    private func modelResponse(_ status: Status, _ row: ModelRow) throws -> Response {
        try .json(status, ModelPayload(row), fields: ["Location": "/v1/models/\(row.id)"])
    }

    func model(_ request: Request) async throws -> ModelRow {
        let reference = request.segment("id")
        guard let row = try await catalogue.model(reference) else { throw Problem.notFound("model", reference) }
        return row
    }

    func listModels(_ request: Request) async throws -> Response {
        try request.allowOnly(["limit", "after", "name"])
        let (limit, after) = try page(request)
        let rows = try await catalogue.models(after: after, limit: limit, name: request.query["name"])
        return try list(request, rows, ModelPayload.init)
    }

    func getModel(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let row = try await model(request)
        try request.requireMatch([])
        return try .json(.ok, ModelPayload(row))
    }

    func getModelContent(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let row = try await model(request)
        return try await download(row.blob, row.file).response(to: request)
    }

    func getModelFile(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let row = try await model(request)
        let name = request.segment("file")
        if name == row.file { return try await download(row.blob, name).response(to: request) }
        guard let file = row.external.first(where: { $0.name == name }) else { throw Problem.notFound("file", name) }
        return try await download(file.digest, name).response(to: request)
    }

    private func download(_ blob: Digest, _ name: String) -> Download {
        Download(
            shelf: shelf, desk: readers, seats: downloads, digest: blob, name: name,
            mediaType: "application/octet-stream",
            asAttachment: true)
    }

    func deleteModel(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let row = try await model(request)
        try request.requireMatch([])
        await shelf.discard(try await catalogue.deleteModel(row.id).orphans)
        return Response(.noContent)
    }
}
