import Foundation
import HTTP
import Logging
import Service
import Yams

/// What can be set about `octavo serve`: defaults, then the file, then the environment, then the command line. A key that
/// nobody knows is an error that names the nearest known one. `Config/octavo.yaml` describes every key.
struct Settings {
    var listen = Address(host: "127.0.0.1", port: 8080)
    var logLevel = Logger.Level.info
    var worker = ""
    var settle: Double = 0
    var grace: Double = 25
    var service = ServiceConfiguration(dataDirectory: "octavo-data")
    var server = ServerConfiguration()

    struct Address: Equatable {
        var host: String
        var port: Int
    }

    /// Something that was set wrongly, and where.
    struct Mistake: Error, CustomStringConvertible, Equatable {
        var description: String
        init(_ description: String) { self.description = description }
    }

    /// The environment variables that begin like settings but belong to other parts of the program.
    static let otherVariables = ["OCTAVO_ONNXRUNTIME", "OCTAVO_KERNELS", "OCTAVO_FIXTURES", "OCTAVO_CONFIG"]

    /// `overrides` are the command line's, in order.
    static func load(
        file: String?, environment: [String: String], overrides: [(key: String, value: String)]
    ) throws -> Settings {
        var settings = Settings()
        if let file = file ?? environment["OCTAVO_CONFIG"] {
            for (key, value) in try parse(file: file) { try settings.set(key, value, "\(file): ") }
        }
        try settings.apply(environment)
        for (key, value) in overrides { try settings.set(key, value, "") }
        settings.complete()
        return settings
    }

    private static func parse(file: String) throws -> [(String, String)] {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw Mistake("the settings file \(file) cannot be read")
        }
        do {
            return try parse(text)
        } catch {
            throw Mistake("\(file): \(error)")
        }
    }

    /// Keys and values of a flat YAML mapping, as text.
    static func parse(_ text: String) throws -> [(String, String)] {
        guard let node = try Yams.compose(yaml: text) else { return [] }
        guard case .mapping(let mapping) = node else { throw Mistake("a mapping of keys to values is expected") }
        return try mapping.map { key, value in
            guard let name = key.string else { throw Mistake("a key must be a word") }
            guard case .scalar(let scalar) = value else { throw Mistake("\(name): a single value is expected") }
            return (name, scalar.string)
        }
    }

    private mutating func apply(_ environment: [String: String]) throws {
        let prefix = "OCTAVO_"
        for (name, value) in environment.sorted(by: { $0.key < $1.key })
        where name.hasPrefix(prefix) && !Self.otherVariables.contains(name) {
            let key = name.dropFirst(prefix.count).lowercased()
            guard Self.keys.contains(where: { $0.name == key }) else {
                let known = Self.keys.map { prefix + $0.name.uppercased() } + Self.otherVariables
                throw Mistake(Text.unknown(name, among: known, what: "environment variable"))
            }
            try set(key, value, "environment: ")
        }
    }

    mutating func set(_ name: String, _ value: String, _ place: String) throws {
        guard let key = Self.keys.first(where: { $0.name == name }) else {
            throw Mistake(place + Text.unknown(name, among: Self.keys.map(\.name), what: "setting"))
        }
        guard key.set(&self, value) else { throw Mistake("\(place)\(name) must be \(key.expected), not '\(value)'") }
    }

    /// What follows from other settings.
    private mutating func complete() {
        server.host = listen.host
        server.port = listen.port
        // A form is a little larger than its files.
        server.limits.bodyBytes = max(service.modelLimit, service.sampleSetLimit) + (1 << 20)
        if !worker.isEmpty {
            service.command.executable = worker
            service.command.arguments = ["work"]
        }
    }
}
