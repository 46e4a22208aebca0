/// One request as handlers see it.
package struct Request: Sendable {
    package var method: Method
    /// The path as it came, without the query: "/v1/models/a%20b".
    package var path: String
    /// The path cut at "/" and then percent-decoded: ["v1", "models", "a b"]. No segment holds "/", NUL or is "." or "..".
    package var segments: [String]
    package var query: Query
    package var fields: Fields
    /// Segments named by the route's pattern; filled by `Router`.
    package var parameters: [String: String] = [:]
    package var body: RequestBody
    /// The client's numeric address, without the port.
    package var peer: String
    /// Differs for each request of this process.
    package var number: UInt64 = 0

    /// `number` as 16 hexadecimal digits.
    package var id: String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    /// A request without a connection, for tests of handlers. The target is parsed as on the wire ("/a/b?c=d").
    package init(
        _ method: Method, _ target: String, fields: Fields = [:], body: [UInt8] = [], peer: String = "127.0.0.1"
    ) throws {
        let parsed = try Array(target.utf8).withUnsafeBytes { try RequestTarget($0, method: method) }
        self.init(
            method: method, target: parsed, fields: fields, body: body.isEmpty ? .empty : RequestBody(bytes: body),
            peer: peer)
    }

    init(method: Method, target: RequestTarget, fields: Fields, body: RequestBody, peer: String) {
        self.method = method
        self.path = target.path
        self.segments = target.segments
        self.query = target.query
        self.fields = fields
        self.body = body
        self.peer = peer
    }
}
