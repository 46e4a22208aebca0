import Foundation
import HTTP
import Testing

/// What the client that users have does with this server.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/curl"), "/usr/bin/curl is not there"))
struct CurlTests {
    private func curl(_ arguments: [String]) async throws -> String {
        try await blocking {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
            process.arguments = ["-sS", "--max-time", "600"] + arguments
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = pipe
            try process.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return String(decoding: data, as: UTF8.self)
        }
    }

    private func withFile<T>(_ size: Int, _ use: (String) async throws -> T) async throws -> T {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        #expect(FileManager.default.createFile(atPath: path, contents: Data(repeating: 3, count: size)))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await use(path)
    }

    @Test func uploadsAreContinuedAndCounted() async throws {
        try await withFile(2_000_000) { path in
            try await TestServer.run(.sample()) { server in
                let url = "http://127.0.0.1:\(server.port)/count"
                // curl sends Expect by itself for a body of this size; -v shows the 100 before the final status.
                let sized = try await curl(["-v", "-T", path, url])
                #expect(sized.contains("100 Continue") && sized.contains("2000000 6000000"))
                let chunked = try await curl(["-T", path, "-H", "Transfer-Encoding: chunked", url])
                #expect(chunked.hasSuffix("2000000 6000000"))
            }
        }
    }

    @Test func aRefusedUploadSendsNothing() async throws {
        try await withFile(2_000_000) { path in
            try await TestServer.run(.sample()) { server in
                let url = "http://127.0.0.1:\(server.port)/collect"
                let output = try await curl(
                    [
                        "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", "--expect100-timeout", "600", "-H",
                        "Expect: 100-continue",
                        "--data-binary", "@\(path)", url,
                    ])
                #expect(output == "413 0")
                // Without Expect the body is on its way already; the answer must still be read.
                let plain = try await curl([
                    "-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect:", "--data-binary", "@\(path)", url,
                ])
                #expect(plain == "413")
            }
        }
    }

    @Test func formsArriveInParts() async throws {
        var router = Router()
        router.on(.post, "/form") { request in
            let log = Log<String>()
            let reader = Box(try MultipartReader(contentType: request.fields["Content-Type"] ?? ""))
            _ = try await request.body.forEachChunk { piece in
                try reader.value.push(piece) { event in
                    switch event {
                    case .partBegan(let part): log.append("\(part.name)=\(part.fileName ?? "-")")
                    case .data(let data): log.append("\(data.count)")
                    case .partEnded: break
                    }
                }
            }
            try reader.value.finish()
            return .text(.ok, log.values.joined(separator: " "))
        }
        try await withFile(5) { path in
            try await TestServer.run(router) { server in
                let output = try await curl(
                    ["-F", "model=@\(path);filename=m.onnx", "-F", "name=abc", "http://127.0.0.1:\(server.port)/form"])
                #expect(output == "model=m.onnx 5 name=- 3")
            }
        }
    }
}

/// A reader that one worker uses.
final class Box<Value>: @unchecked Sendable {
    // Only the worker that streams the body touches it.
    var value: Value
    init(_ value: Value) { self.value = value }
}
