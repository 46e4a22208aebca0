import Foundation
import HTTP
import Logging
import Service

extension Settings {
    /// One setting: its name in the file; `OCTAVO_` and the name in capitals in the environment.
    struct Key: Sendable {
        var name: String
        var expected: String
        /// False when the text is not what is expected.
        var set: @Sendable (inout Settings, String) -> Bool
        /// The value as it would be written in the file.
        var show: @Sendable (Settings) -> String
    }

    static let keys: [Key] = [
        Key(
            name: "listen", expected: "HOST:PORT", set: { assign(&$0.listen, Address(text: $1)) },
            show: { $0.listen.text }),
        .text("data", \.service.dataDirectory),
        Key(
            name: "log_level", expected: "one of trace, debug, info, notice, warning, error, critical",
            set: { assign(&$0.logLevel, Logger.Level(rawValue: $1)) }, show: { $0.logLevel.rawValue }),

        .count("workers", \.service.workers, 1...64),
        .count("threads", \.service.threads, 1...256),
        .count("inspections", \.service.inspections, 1...64),
        .size("worker_memory", \.service.workerMemory, least: 0),
        .seconds("measure_time", \.service.measureSeconds),
        .seconds("job_time", \.service.jobSeconds),
        .seconds("inspection_time", \.service.inspectionSeconds),
        .seconds("stop_patience", \.service.patience),
        .text("worker", \.worker),

        .count("queue_limit", \.service.queueLimit, 1...1_000_000),
        .count("max_attempts", \.service.maxAttempts, 1...100),
        .duration("retry_delay", \.service.retryDelay),
        .duration("lease", \.service.lease),
        .seconds("longest_wait", \.service.longestWait),

        .size("model_limit", \.service.modelLimit, least: 1),
        .size("sample_set_limit", \.service.sampleSetLimit, least: 1),
        .size("disk_reserve", \.service.diskReserve, least: 0),

        Key(
            name: "lanes", expected: "auto or a whole number from 1 to 256",
            set: { settings, text in
                let given = Int(text).flatMap { (1...256).contains($0) ? $0 : nil }
                return assign(&settings.server.lanes, text == "auto" ? ServerConfiguration.processors : given)
            }, show: { $0.server.lanes == ServerConfiguration.processors ? "auto" : "\($0.server.lanes)" }),
        .count("uploads", \.server.uploads, 1...1024),
        .count("connections", \.server.limits.connections, 1...1_000_000),
        .count("head_limit", \.server.limits.headBytes, 1024...1_048_576),
        .duration("header_timeout", \.server.limits.headerTimeout),
        .duration("idle_timeout", \.server.limits.idleTimeout),
        .duration("body_timeout", \.server.limits.bodyTimeout),
        .duration("write_timeout", \.server.limits.writeTimeout),
        Key(
            name: "settle_time", expected: "a time such as 5s",
            set: { assign(&$0.settle, $1 == "0s" ? 0 : Text.duration($1)) }, show: { Key.time($0.settle) }),
        .seconds("shutdown_grace", \.grace),
    ]
}

extension Settings.Address {
    /// "127.0.0.1:8080", "localhost:0", "[::1]:8080", "*:80".
    init?(text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: port)
    }

    var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

private func assign<V>(_ place: inout V, _ value: V?) -> Bool {
    guard let value else { return false }
    place = value
    return true
}

extension Settings.Key {
    fileprivate typealias Path<V> = any WritableKeyPath<Settings, V> & Sendable

    fileprivate static func text(_ name: String, _ path: Path<String>) -> Self {
        Self(name: name, expected: "a text", set: { assign(&$0[keyPath: path], $1) }, show: { $0[keyPath: path] })
    }

    fileprivate static func count(_ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>) -> Self {
        Self(
            name: name, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            set: { settings, text in
                assign(&settings[keyPath: path], Int(text).flatMap { range.contains($0) ? $0 : nil })
            }, show: { "\($0[keyPath: path])" })
    }

    /// Bytes, or a number with KiB, MiB, GiB or TiB.
    fileprivate static func size(_ name: String, _ path: Path<Int64>, least: Int64) -> Self {
        Self(
            name: name, expected: "a size such as 512MiB or a number of bytes",
            set: { settings, text in
                assign(&settings[keyPath: path], bytes(text).flatMap { $0 >= least ? $0 : nil })
            }, show: { size($0[keyPath: path]) })
    }

    fileprivate static func seconds(_ name: String, _ path: Path<Double>) -> Self {
        Self(
            name: name, expected: "a time such as 90s, 15m or 4h",
            set: { assign(&$0[keyPath: path], Text.duration($1)) }, show: { time($0[keyPath: path]) })
    }

    fileprivate static func duration(_ name: String, _ path: Path<Duration>) -> Self {
        Self(
            name: name, expected: "a time such as 90s, 15m or 4h",
            set: { settings, text in assign(&settings[keyPath: path], Text.duration(text).map { .seconds($0) }) },
            show: { time($0[keyPath: path] / .seconds(1)) })
    }

    private static let units: [(String, Int64)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
    ]

    private static func bytes(_ text: String) -> Int64? {
        guard let (unit, factor) = units.first(where: { text.hasSuffix($0.0) }) else { return Int64(text) }
        let digits = text.dropLast(unit.count).trimmingCharacters(in: .whitespaces)
        guard let (bytes, overflow) = Int64(digits)?.multipliedReportingOverflow(by: factor) else { return nil }
        return overflow ? nil : bytes
    }

    private static func size(_ bytes: Int64) -> String {
        let unit = units.first { bytes >= $0.1 && bytes % $0.1 == 0 }
        return unit.map { "\(bytes / $0.1)\($0.0)" } ?? "\(bytes)"
    }

    fileprivate static func time(_ seconds: Double) -> String {
        let units: [(String, Double)] = [("h", 3600), ("m", 60)]
        let unit = units.first { seconds >= $0.1 && seconds.truncatingRemainder(dividingBy: $0.1) == 0 }
        let number = seconds / (unit?.1 ?? 1)
        return (Int(exactly: number).map(String.init) ?? "\(number)") + (unit?.0 ?? "s")
    }
}
