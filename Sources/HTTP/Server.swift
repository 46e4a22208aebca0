/// The HTTP/1.1 server.
package final class Server: Sendable {
    private let configuration: ServerConfiguration

    /// `handler` runs off the lanes, `inline` (usually `router.handleInline`) and `refusal` on them.
    package init(
        configuration: ServerConfiguration,
        inline: (@Sendable (Request) -> Response?)? = nil,
        handler: @escaping @Sendable (Request) async -> Response,
        refusal: @escaping @Sendable (Refusal) -> Response,
        observer: (@Sendable (Exchange) -> Void)? = nil
    ) {
        self.configuration = configuration
    }

    /// Binds and serves. Ignores SIGPIPE for the process.
    package func start() throws -> BoundAddress { throw HTTPError.bodyAlreadyRead }

    /// From now on responses say `Connection: close`; new connections are still taken.
    package func drain() {}

    /// Stops accepting, closes idle connections, lets running requests finish for up to `grace`, then cuts the rest.
    package func stop(grace: Duration) async {}
}
