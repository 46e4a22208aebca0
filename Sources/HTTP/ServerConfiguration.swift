import Glibc

package struct ServerConfiguration: Sendable {
    /// A numeric address or a name; "*" means every address.
    package var host = "127.0.0.1"
    /// 0 picks a free port.
    package var port = 0
    /// Serial queues that connections are spread over.
    package var lanes = ServerConfiguration.processors
    /// Bodies streamed at once by `forEachChunk`; more wait for their turn, and clients that are slow wait aside.
    package var uploads = 32
    /// Threads that read files for responses.
    package var fileReaders = 4
    package var backlog = 1024
    package var limits = Limits()

    package init() {}

    package static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

package struct BoundAddress: Sendable, Equatable {
    /// The numeric address.
    package let host: String
    package let port: Int
}

/// One finished exchange, for metrics. The call comes on a lane and must be quick.
package struct Exchange: Sendable {
    /// Nil when the request could not be parsed.
    package let method: Method?
    /// The route's pattern, when one matched.
    package let route: String?
    package let status: Status
    /// From the head's last byte to the response's last.
    package let duration: Duration
    package let bytesReceived: Int64
    package let bytesSent: Int64
    /// False when the connection broke before the response was whole.
    package let isComplete: Bool
}
