import ArgumentParser
import CLinux
import Dispatch
import Foundation
import HTTP
import Logging
import Service

/// `octavo serve`: reads the settings, puts the serving half together and runs it until it is told to stop.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the HTTP API.",
        discussion: """
            The first line on standard output is "listening on http://HOST:PORT". Settings come from --config, then from \
            the environment (OCTAVO_LISTEN, …), then from the command line.
            """)

    @Option(help: "HOST:PORT to listen on; port 0 picks a free one.")
    var listen: String?
    @Option(help: "Directory of everything that is stored.")
    var data: String?
    @Option(help: "Settings file, as Config/octavo.yaml.")
    var config: String?
    @Option(help: ArgumentHelp("Any other setting; may be repeated.", valueName: "key=value"))
    var set: [String] = []

    func run() async throws {
        octavo_return_large_blocks()
        var settings = try settings()
        var log = Logger(label: "octavo") { StreamLogHandler.standardError(label: $0) }
        log.logLevel = settings.logLevel
        let room = Descriptors.makeRoom(for: settings.server.limits.connections)
        if room < settings.server.limits.connections {
            log.warning(
                "fewer connections than set: the limit of open files is low", metadata: ["connections": "\(room)"])
            settings.server.limits.connections = room
        }
        let application = try Application(settings.service, log: log)
        let server = Server(
            configuration: settings.server, inline: application.router.handleInline,
            handler: application.router.handle, refusal: Application.refusal, observer: application.metrics.observe)
        let stop = StopSignal()
        try await application.start()
        let address = try listen(server)
        announce("listening on http://\(Settings.Address(host: address.host, port: address.port).text)\n")
        await stop.wait()
        log.info("stopping")
        await shutDown(application, server, settings)
        log.info("stopped")
    }

    private func listen(_ server: Server) throws -> BoundAddress {
        do {
            return try server.start()
        } catch HTTPError.cannotListen(let host, let port, let reason) {
            throw Settings.Mistake(
                "cannot listen on \(Settings.Address(host: host, port: port).text): \(reason). Choose another address with "
                    + "--listen; port 0 picks a free one.")
        }
    }

    private func settings() throws -> Settings {
        var overrides: [(key: String, value: String)] = try set.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw ValidationError("--set needs key=value, not '\(text)'") }
            return (String(parts[0]), String(parts[1]))
        }
        if let listen { overrides.append(("listen", listen)) }
        if let data { overrides.append(("data", data)) }
        do {
            return try Settings.load(
                file: config, environment: ProcessInfo.processInfo.environment, overrides: overrides)
        } catch let mistake as Settings.Mistake {
            throw ValidationError(mistake.description)
        }
    }

    /// By write(2): whoever reads the line through a pipe gets it at once.
    private func announce(_ line: String) {
        _ = line.withCString { write(STDOUT_FILENO, $0, strlen($0)) }
    }

    /// First `/readyz` says no, so that balancers look elsewhere; then running requests finish and the running job is
    /// handed back.
    private func shutDown(_ application: Application, _ server: Server, _ settings: Settings) async {
        application.drain()
        server.drain()
        if settings.settle > 0 { try? await Task.sleep(for: .seconds(settings.settle)) }
        async let worker: Void = application.stop()
        await server.stop(grace: .seconds(settings.grace))
        await worker
    }
}

/// Waits for SIGTERM or SIGINT. After the first one their usual meaning is back, so that a second one ends the process.
// The sources are made and cancelled by the one story that runs `wait`.
private final class StopSignal: @unchecked Sendable {
    private let stream: AsyncStream<Int32>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        let queue = DispatchQueue(label: "octavo.signals")
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
    }

    func wait() async {
        for await _ in stream { break }
        for source in sources { source.cancel() }
        for number in [SIGTERM, SIGINT] { signal(number, SIG_DFL) }
    }
}
