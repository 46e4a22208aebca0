import Foundation

/// The real curl, as users have it.
package struct Curl {
    package struct Answer: Sendable {
        package var status: Int
        /// By lower-case name; the last one of a name.
        package var fields: [String: String]
        package var body: [UInt8]
        /// Body bytes that curl sent.
        package var uploaded: Int
        /// curl's own exit status.
        package var exit: Int32

        package var text: String { String(decoding: body, as: UTF8.self) }
        package var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
        }
    }

    package static var isThere: Bool { FileManager.default.isExecutableFile(atPath: path) }
    private static let path = "/usr/bin/curl"

    /// Runs it with the arguments, at most `seconds` long. Blocks.
    package static func run(_ arguments: [String], seconds: Int = 60) throws -> Answer {
        let directory = try TemporaryDirectory("curl")
        let (head, body) = (directory.path + "/head", directory.path + "/body")
        let pipe = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments =
            ["-sS", "-m", "\(seconds)", "-D", head, "-o", body, "-w", "%{http_code} %{size_upload}"] + arguments
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        let end = try process.start()
        let words = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).split(
            separator: " ")
        end.wait()
        return Answer(
            status: words.first.flatMap { Int($0) } ?? 0, fields: fields(head),
            body: [UInt8]((try? Data(contentsOf: URL(fileURLWithPath: body))) ?? Data()),
            uploaded: words.last.flatMap { Int($0) } ?? 0, exit: process.terminationStatus)
    }

    /// The last head only: a 100 may come before.
    private static func fields(_ path: String) -> [String: String] {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        var fields: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("HTTP/") { fields = [:] }
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        return fields
    }
}
