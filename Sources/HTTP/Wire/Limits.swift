/// What one client may ask of the server.
package struct Limits: Sendable {
    /// Request line and fields together; more is 431.
    package var headBytes = 32 * 1024
    /// The request target; more is 414.
    package var targetBytes = 8 * 1024
    package var fieldCount = 100
    /// A sized body above it is refused with 413 before a handler runs; a chunked one when it gets there.
    package var bodyBytes: Int64 = 1 << 40
    /// An unread rest of a body up to this size is read and dropped so that the connection can go on.
    package var drainBytes: Int64 = 64 * 1024
    /// From a connection's first byte of a head to the head's last.
    package var headerTimeout: Duration = .seconds(10)
    /// How long a connection may be silent between requests.
    package var idleTimeout: Duration = .seconds(75)
    /// The longest silence inside a body.
    package var bodyTimeout: Duration = .seconds(30)
    /// Bytes per second of waiting that a body must come with, once `bodyTimeout` of waiting has been spent.
    package var bodyMinimumRate: Int64 = 512
    /// The longest time in which the client takes not one byte of a response.
    package var writeTimeout: Duration = .seconds(30)
    /// How long the rest of a refused request is read and dropped, so that the client can read the answer.
    package var lingerTimeout: Duration = .seconds(5)
    /// More connections than this are answered with 503.
    package var connections = 8192

    package init() {}
}
