/// One answer. Content-Length, Transfer-Encoding, Connection and Date are written by the server; of those four a handler
/// may set only `Connection: close`, and Content-Length on an `.empty` answer to HEAD.
package struct Response: Sendable {
    package enum Content: Sendable {
        case empty
        case bytes([UInt8])
        /// Sent with sendfile. A file that is gone or shorter than promised aborts the connection.
        case file(path: String, offset: Int64, length: Int64)
        /// Pulled as the client takes it; nil ends it. Without a length it is sent chunked (closed by the end for 1.0).
        /// A throw, or bytes other than `length`, aborts the connection: the client never sees a clean end.
        case stream(length: Int64?, next: @Sendable () async throws -> [UInt8]?)
    }

    package var status: Status
    package var fields: Fields
    package var content: Content
    /// The pattern that the router matched, for the observer.
    package var route: String?

    package init(_ status: Status, fields: Fields = [:], content: Content = .empty) {
        self.status = status
        self.fields = fields
        self.content = content
    }

    /// A text answer, `text/plain; charset=utf-8`.
    package static func text(_ status: Status, _ text: String) -> Response {
        Response(status, fields: ["Content-Type": "text/plain; charset=utf-8"], content: .bytes(Array(text.utf8)))
    }
}
