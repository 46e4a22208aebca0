/// What can go wrong here.
package enum HTTPError: Error, Equatable {
    case bodyTooLarge(limit: Int64)
    /// The client went away before the body was whole.
    case bodyTruncated(received: Int64)
    /// The client sent nothing for too long, or less than the minimum rate.
    case bodyTimedOut(received: Int64)
    case malformedBody(String)
    /// A body can be read once, and only before its request is answered.
    case bodyAlreadyRead
    case malformedMultipart(String)
    /// Host or port cannot be listened on.
    case cannotListen(host: String, port: Int, reason: String)
    case system(call: String, code: Int32)

    /// The client-visible meaning; nil when the fault is not the client's.
    package var refusal: Refusal? {
        switch self {
        case .bodyTooLarge(let limit):
            Refusal(
                .contentTooLarge, "body-too-large",
                "The body is larger than this server's limit of \(limit) bytes. Send less, or have the limit raised.")
        case .bodyTruncated(let received):
            Refusal(.badRequest, "body-truncated", "The body ended after \(received) bytes, before it was whole.")
        case .bodyTimedOut(let received):
            Refusal(.requestTimeout, "body-timeout", "The body came too slowly; \(received) bytes had arrived.")
        case .malformedBody(let detail): Refusal(.badRequest, "malformed-body", detail)
        case .malformedMultipart(let detail): Refusal(.badRequest, "malformed-multipart", detail)
        case .bodyAlreadyRead, .cannotListen, .system: nil
        }
    }
}

/// A request that the server turns down itself, before or instead of a handler.
package struct Refusal: Error, Equatable, Sendable {
    package let status: Status
    /// Stable, for programs: "duplicate-content-length".
    package let code: String
    /// One sentence for a person.
    package let detail: String

    package init(_ status: Status, _ code: String, _ detail: String) {
        self.status = status
        self.code = code
        self.detail = detail
    }
}
