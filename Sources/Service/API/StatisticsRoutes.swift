import Domain
import Foundation
import HTTP
import Storage

/// What calibration passes saw of a model: kept so that a later job need not look again.
extension API {
    func listStatistics(_ request: Request) async throws -> Response {
        try request.allowOnly(["limit", "after"])
        let row = try await model(request)
        let (limit, after) = try page(request)
        let rows = try await catalogue.statistics(of: row.id, key: nil, after: after, limit: limit)
        return try list(request, rows, StatisticsPayload.init)
    }

    /// Tensor by tensor, as the worker wrote it down.
    func getStatistics(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let row = try await statistics(request)
        let download = Download(
            shelf: shelf, desk: readers, seats: downloads, digest: row.summary,
            name: "statistics-\(row.key.hex.prefix(12)).json", mediaType: "application/json", asAttachment: false)
        return try await download.response(to: request)
    }

    func deleteStatistics(_ request: Request) async throws -> Response {
        try request.allowOnly([])
        let row = try await statistics(request)
        try request.requireMatch(Download.tags(row.summary))
        let deletion = try await catalogue.deleteStatistics(of: row.model, key: row.key)
        guard deletion.found else { throw Problem.notFound("statistics", request.segment("key")) }
        await shelf.discard(deletion.orphans)
        return Response(.noContent)
    }

    private func statistics(_ request: Request) async throws -> StatisticsRow {
        let row = try await model(request)
        guard let key = Digest(request.segment("key")),
            let statistics = try await catalogue.statistics(of: row.id, key: key, after: nil, limit: 1).items.first
        else { throw Problem.notFound("statistics", request.segment("key")) }
        return statistics
    }
}

struct StatisticsPayload: Encodable {
    var key: Digest
    var model: Digest
    var calibrationSet: Digest
    var samples: Int
    var tensors: Int
    var size: Int64
    var created: Date
    var href: String

    init(_ row: StatisticsRow) {
        key = row.key
        model = row.model
        calibrationSet = row.calibration
        (samples, tensors, size) = (row.samples, row.tensors, row.size)
        created = row.created
        href = "/v1/models/\(row.model)/statistics/\(row.key)"
    }
}
