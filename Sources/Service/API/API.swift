import Domain
import Foundation
import HTTP
import Logging
import Storage

/// Everything that the handlers share. The handlers are its extensions, one file for each group of routes.
struct API: Sendable {
    let configuration: ServiceConfiguration
    let catalogue: any Catalogue
    let shelf: Shelf
    /// Reads of downloads: their own, so that they never wait behind an fsync.
    let readers: Desk
    /// Each download holds two blocks of 1 MiB for as long as its client takes.
    let downloads = Seats(count: 128)
    /// Each comparison holds a decoded report and a plan in memory.
    let comparisons = Turnstile(width: 2)
    let queue: JobQueue
    let inspector: Inspector
    /// Signs how artifacts were made; its public half is for everybody.
    let key: SigningKey
    let metrics: Metrics
    let readiness: Readiness
    let log: Logger

    /// A page of a listing: `limit` and `after` of the query.
    func page(_ request: Request) throws -> (limit: Int, after: String?) {
        let limit = try request.parameter("limit", "a number from 1 to 200") { text in
            Int(text).flatMap { (1...200).contains($0) ? $0 : nil }
        }
        return (limit ?? 50, request.query["after"])
    }

    /// A listing with the address of its next page.
    func list<Row, Item: Encodable>(_ request: Request, _ page: Page<Row>, _ item: (Row) throws -> Item) throws
        -> Response
    {
        var fields: Fields = [:]
        if let next = page.next {
            let kept = request.query.pairs.filter { $0.name != "after" }.map { ($0.name, $0.value) }
            let query = (kept + [("after", next)]).map { "\($0.0)=\(Self.escaped($0.1))" }.joined(separator: "&")
            fields["Link"] = "<\(request.path)?\(query)>; rel=\"next\""
        }
        return try .json(.ok, ListPayload(items: page.items.map(item), next: page.next), fields: fields)
    }

    private static func escaped(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }

    /// Renders what a handler throws; what is our fault goes to the log too.
    func failure(_ error: any Error, _ request: Request) -> Response {
        let problem = Problem(error)
        if problem.isOurs {
            log.error(
                "request failed",
                metadata: [
                    "method": "\(request.method)", "path": "\(request.path)", "error": "\(error)",
                    "trace": "\(request.trace)",
                ])
        }
        return problem.response(instance: request.path, trace: request.trace)
    }
}
