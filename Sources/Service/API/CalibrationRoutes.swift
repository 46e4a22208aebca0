import Domain
import Foundation
import HTTP
import Storage

extension API {
    private var upload: Upload {
        Upload(shelf: shelf, limit: configuration.sampleSetLimit, reserve: configuration.diskReserve)
    }

    // MARK: Coming in

    /// `POST /v1/calibration-sets`: an .npy, .npz or zip of pictures itself, or a form with the file and its preprocessing.
    func postSampleSet(_ request: Request) async throws -> Response {
        try request.allowOnly(["name", "role"] + Preprocessing.parameters)
        let name = try request.nameParameter()
        let role = try request.choice("role", SampleSetRow.Role.self) ?? .calibration
        let inQuery = try Preprocessing(request)
        let expected = try DigestFields.expected(request.fields)
        let isForm = request.mediaType == "multipart/form-data"
        if isForm { try DigestFields.refuseForForm(expected) }
        try await upload.checkHead(request)
        guard isForm else {
            return try await inspector.receiving { intake in
                let blob = try await upload.whole(request, expected: expected, copy: BlobCopy(path: intake.path))
                return try await keepSampleSet(blob, name, role, inQuery, intake: intake)
            }
        }
        let form = try await upload.form(request, Form.Rules(files: ["file": 1], texts: ["preprocessing"]))
        let (blob, recipe): (StoredBlob, Preprocessing)
        do {
            (blob, recipe) = try Self.contents(form, inQuery)
        } catch {
            await shelf.abandon(form.blobs)
            throw error
        }
        return try await keepSampleSet(blob, name, role, recipe)
    }

    private static func contents(_ form: Form, _ inQuery: Preprocessing) throws -> (StoredBlob, Preprocessing) {
        guard let file = form.files.first else {
            throw Problem(.badRequest, "missing-part", "The form has no part 'file': curl -F file=@samples.npz.")
        }
        guard let text = form.texts["preprocessing"] else { return (file.blob, inQuery) }
        guard inQuery == .identity else {
            throw Problem(.badRequest, "invalid-part", "Give the preprocessing in the query or as a part, not both.")
        }
        return (file.blob, try Preprocessing(JSONDocument(text)))
    }

    /// Has the pinned file inspected and writes its row. Whatever happens, the pin is given back.
    private func keepSampleSet(
        _ blob: StoredBlob, _ name: String?, _ role: SampleSetRow.Role, _ preprocessing: Preprocessing,
        intake: Inspector.Intake? = nil
    ) async throws -> Response {
        do {
            var id = try Self.identity(blob, preprocessing)
            let summary: SampleSetSummary
            if let known = try await catalogue.sampleSet(id.description) {
                summary = known.summary
            } else {
                summary = try await inspector.samples(
                    blob.digest, size: blob.size, preprocessing: preprocessing,
                    purpose: role == .evaluation ? .evaluation : .calibration, intake: intake)
                // Which part of a data set was read depends on the role, so it belongs to what the set is.
                id = try Self.identity(blob, summary.preprocessing)
            }
            let row = SampleSetRow(
                id: id, name: name ?? "set-\(id.hex.prefix(12))", role: role, blob: blob.digest, size: blob.size,
                summary: summary, created: Date())
            let (stored, created) = try await catalogue.addSampleSet(row)
            await shelf.settle([blob])
            return try .json(
                created ? .created : .ok, SampleSetPayload(stored),
                fields: ["Location": "/v1/calibration-sets/\(stored.name)@\(stored.version)"])
        } catch {
            await shelf.abandon([blob])
            throw error
        }
    }

    /// The digest of the bytes; with a preprocessing, of both.
    private static func identity(_ blob: StoredBlob, _ preprocessing: Preprocessing) throws -> Digest {
        if preprocessing == .identity { return blob.digest }
        return try Digest(sha256: Array("octavo samples 1\n\(blob.digest)\n".utf8) + JSON.encode(preprocessing))
    }

    // MARK: Going out

    private func sampleSet(_ request: Request) async throws -> SampleSetRow {
        let reference = request.segment("id")
        guard let row = try await catalogue.sampleSet(reference) else {
            throw Problem.notFound("calibration set", reference)
        }
        return row
    }

    func listSampleSets(_ request: Request) async throws -> Response {
        try request.allowOnly(["limit", "after", "name", "role"])
        let (limit, after) = try page(request)
        let role = try request.choice("role", SampleSetRow.Role.self)
        let rows = try await catalogue.sampleSets(after: after, limit: limit, name: request.query["name"], role: role)
        return try list(request, rows, SampleSetPayload.init)
    }

    func getSampleSet(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let row = try await sampleSet(request)
        try request.requireMatch([])
        return try .json(.ok, SampleSetPayload(row))
    }

    func getSampleSetContent(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let row = try await sampleSet(request)
        let download = Download(
            shelf: shelf, desk: readers, seats: downloads, digest: row.blob,
            name: "\(row.name).\(row.summary.format.rawValue)",
            mediaType: "application/octet-stream", asAttachment: true)
        return try await download.response(to: request)
    }

    func deleteSampleSet(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let row = try await sampleSet(request)
        try request.requireMatch([])
        await shelf.discard(try await catalogue.deleteSampleSet(row.id).orphans)
        return Response(.noContent)
    }
}
