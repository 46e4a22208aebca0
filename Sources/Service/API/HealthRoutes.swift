import Foundation
import HTTP
import Logging
import Storage
import Synchronization

/// Whether new work is welcome.
final class Readiness: Sendable {
    private let stopping = Mutex(false)
    var isStopping: Bool { stopping.withLock { $0 } }
    func stop() { stopping.withLock { $0 = true } }
}

extension API {
    /// Says only that the process answers; touches neither disk nor database.
    func getLivez(_ request: Request) -> Response { Self.alive }

    private static let alive = Response(
        .ok, fields: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"],
        content: .bytes(Array("ok\n".utf8)))

    /// Whether a request sent now is likely to be served.
    func getReadyz(_ request: Request) async throws -> Response {
        if readiness.isStopping {
            throw Problem(.serviceUnavailable, "stopping", "The server is going to stop.", retryAfter: 5)
        }
        if shelf.isBroken { throw StorageError.storeFailed(detail: "an earlier fsync failed") }
        do {
            try await catalogue.ping()
        } catch {
            log.error("not ready", metadata: ["error": "\(error)"])
            throw Problem(.serviceUnavailable, "catalogue-unavailable", "The catalogue does not answer.", retryAfter: 5)
        }
        return Self.alive
    }

    func getMetrics(_ request: Request) async throws -> Response {
        let queued = try await queue.length()
        let free = try await readers.run { [store = shelf.store] in try store.freeBytes() }
        var response = Response.text(.ok, metrics.text(queued: queued, freeBytes: free))
        response.fields["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8"
        response.fields["Cache-Control"] = "no-store"
        return response
    }

    func getOpenAPI(_ request: Request) -> Response {
        Response(
            .ok, fields: ["Content-Type": "application/yaml", "Cache-Control": "no-cache"],
            content: .bytes(Array(OpenAPIDocument.text.utf8)))
    }
}
