import Foundation
import HTTP
import Synchronization
import Testing

/// Bodies in both directions, over real sockets.
@Suite(.timeLimit(.minutes(2))) struct TransferTests {
    private static let pattern = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ ($0 >> 8)) }

    private static func sum(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 &+ UInt64($1) } }

    @Test func sizedAndChunkedUploadsStreamAndTheConnectionGoesOn() async throws {
        let pattern = TransferTests.pattern
        let expected = "\(pattern.count) \(TransferTests.sum(pattern))"
        try await TestServer.run(.sample()) { server in
            try await server.talk { (client) throws in
                for _ in 0..<3 {
                    client.send("PUT /count HTTP/1.1\r\nHost: h\r\nContent-Length: \(pattern.count)\r\n\r\n")
                    client.send(pattern)
                    #expect(try client.reply().text == expected)
                    client.send("PUT /count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
                    var start = 0
                    while start < pattern.count {
                        let end = min(pattern.count, start + 70_001)
                        client.send(
                            Array(String(end - start, radix: 16).utf8) + [13, 10] + pattern[start..<end] + [13, 10])
                        start = end
                    }
                    client.send("0\r\nX-Trailer: y\r\n\r\nGET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(try client.reply().text == expected)
                    #expect(try client.reply().text == "ok\n")
                }
            }
        }
    }

    /// Collects a body in memory of changing size.
    ///
    /// `@unchecked Sendable`: calls do not overlap.
    private final class Rooms: BodySink, @unchecked Sendable {
        private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 16)
        private var given = 0
        private(set) var bytes: [UInt8] = []
        /// Pieces that came by way of the memory.
        private(set) var pieces = 0

        deinit { memory.deallocate() }

        func room() -> UnsafeMutableRawBufferPointer? {
            given += 1
            return UnsafeMutableRawBufferPointer(rebasing: memory[..<(1 + given * 7919 % memory.count)])
        }

        func filled(_ count: Int) {
            bytes += memory[..<count]
            pieces += 1
        }

        func take(_ bytes: UnsafeRawBufferPointer) { self.bytes += bytes }
    }

    @Test func aBodyIsReceivedIntoTheMemoryOfItsSinkAndNothingBehindIt() async throws {
        let pattern = TransferTests.pattern
        var router = Router.sample()
        router.on(.put, "/rooms") { request in
            let rooms = Rooms()
            let count = try await request.body.receive(into: rooms)
            let isSame = rooms.bytes == pattern && count == pattern.count
            let isDirect = rooms.pieces > 1
            return .text(.ok, "\(isSame) \(isDirect)")
        }
        try await TestServer.run(router) { server in
            try await server.talk { (client) throws in
                let tail = Array("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
                client.send("PUT /rooms HTTP/1.1\r\nHost: h\r\nContent-Length: \(pattern.count)\r\n\r\n")
                client.send(pattern + tail)
                #expect(try client.reply().text == "true true")
                #expect(try client.reply().text == "ok\n")
                client.send("PUT /rooms HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
                client.send(Array(String(pattern.count, radix: 16).utf8) + [13, 10] + pattern)
                client.send(Array("\r\n0\r\n\r\n".utf8) + tail)
                #expect(try client.reply().text == "true false")
                #expect(try client.reply().text == "ok\n")
            }
        }
    }

    @Test func slowUploadsDoNotKeepOthersFromTheirTurn() async throws {
        try await TestServer.run(uploads: 1, .sample()) { server in
            try await blocking { [port = server.port] in
                let put = "PUT /count HTTP/1.1\r\nHost: h\r\nContent-Length: "
                let slow = try (0..<4).map { _ in try RawClient(port: port) }
                for client in slow { client.send(put + "6\r\n\r\n\u{1}") }
                let quick = try RawClient(port: port)
                for _ in 0..<3 {
                    quick.send(put + "3\r\n\r\n\u{1}\u{2}\u{3}")
                    #expect(try quick.reply().text == "3 6")
                    for client in slow { client.send([1]) }
                }
                for client in slow {
                    client.send([1, 1])
                    client.send("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(try client.reply().text == "6 6")
                    #expect(try client.reply().text == "ok\n")
                }
            }
        }
    }

    @Test func aPausedUploadEndsWithItsClientOrItsTime() async throws {
        var limits = Limits()
        limits.bodyTimeout = .milliseconds(300)
        try await TestServer.run(limits: limits, uploads: 1, .sample()) { server in
            try await blocking { [port = server.port] in
                let head = "PUT /count HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n\u{1}"
                let silent = try (0..<3).map { _ in try RawClient(port: port) }
                for client in silent { client.send(head) }
                do {
                    let gone = try RawClient(port: port)
                    gone.send(head)
                }
                for client in silent { #expect(try client.reply().status == 408) }
                let quick = try RawClient(port: port)
                quick.send(head + "\u{1}\u{1}\u{1}\u{1}\u{1}")
                #expect(try quick.reply().text == "6 6")
            }
        }
    }

    @Test func continueIsSentWhenTheBodyIsFirstRead() async throws {
        try await TestServer.run(.sample()) { server in
            try await server.talk { (client) throws in
                for path in ["POST /collect", "PUT /count"] {
                    client.send("\(path) HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
                    #expect(try client.reply().status == 100)
                    client.send([1, 2, 3])
                    #expect(try client.reply().status == 200)
                }
            }
        }
    }

    @Test func aRefusedExpectationGetsOneFinalStatusAndNoContinue() async throws {
        try await TestServer.run(.sample()) { server in
            for (path, status) in [("POST /collect", 413), ("POST /ignore", 200), ("POST /none", 404)] {
                try await server.talk { (client) throws in
                    client.send("\(path) HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n")
                    let reply = try client.reply()
                    #expect(reply.status == status && reply.field("Connection") == "close")
                    #expect(try client.isAtEnd())
                }
            }
        }
    }

    @Test func aClientThatSendsAnywayCanReadTheRefusal() async throws {
        var limits = Limits()
        limits.bodyBytes = 1000
        try await TestServer.run(limits: limits, .sample()) { server in
            for size in [2000, 3_000_000] {
                try await server.talk { (client) throws in
                    client.send("POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: \(size)\r\n\r\n")
                    client.send([UInt8](repeating: 0, count: size))
                    #expect(try client.reply().status == 413)
                }
            }
            try await server.talk { (client) throws in
                client.send("PUT /count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n")
                client.send([UInt8](repeating: 0, count: 2000))
                #expect(try client.reply().status == 413)
            }
        }
    }

    @Test func anUnreadSmallBodyIsSkipped() async throws {
        try await TestServer.run(.sample()) { server in
            try await server.talk { (client) throws in
                client.send(
                    "POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"
                )
                #expect(try client.reply().text == "ignored")
                #expect(try client.reply().text == "ok\n")
            }
        }
    }

    @Test func aClientThatVanishesHalfwayFailsTheRead() async throws {
        let errors = Log<HTTPError>()
        var router = Router()
        for (method, isCollected) in [(Method.post, true), (.put, false)] {
            router.on(method, "/body") { request in
                do {
                    if isCollected { _ = try await request.body.collect(limit: 1 << 20) }
                    _ = try await request.body.forEachChunk { _ in }
                } catch let error as HTTPError {
                    errors.append(error)
                }
                return .text(.ok, "")
            }
        }
        try await TestServer.run(router) { server in
            for method in ["POST", "PUT"] {
                for resets in [false, true] {
                    let before = errors.values.count
                    try await server.talk { (client) throws in
                        client.send("\(method) /body HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\n\r\nabc")
                        if resets { client.reset() } else { client.close() }
                    }
                    while errors.values.count == before { await Task.yield() }
                }
            }
            #expect(errors.values.allSatisfy { if case .bodyTruncated = $0 { true } else { false } })
        }
    }

    @Test func whatTheConsumerThrowsReachesTheHandler() async throws {
        struct Full: Error {}
        var router = Router()
        router.on(.put, "/full") { request in
            do {
                _ = try await request.body.forEachChunk { _ in throw Full() }
            } catch is Full {
                return .text(.insufficientStorage, "full")
            }
            return .text(.ok, "")
        }
        try await TestServer.run(router) { server in
            try await server.talk { (client) throws in
                client.send("PUT /full HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n")
                client.send([UInt8](repeating: 0, count: 2_000_000))
                #expect(try client.reply().status == 507)
            }
        }
    }

    @Test func aBodyIsReadOnce() async throws {
        var router = Router()
        router.on(.post, "/twice") { request in
            _ = try await request.body.collect(limit: 100)
            let again = try await request.body.collect(limit: 100)
            return .text(.ok, "\(again.count)")
        }
        try await TestServer.run(router) { server in
            try await server.talk { (client) throws in
                client.send("POST /twice HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
                #expect(try client.reply().text == "0")
            }
        }
    }

    @Test func moreUploadsThanWorkersTakeTurns() async throws {
        try await TestServer.run(uploads: 2, .sample()) { server in
            try await blocking { [port = server.port] in
                let clients = try (0..<8).map { _ in try RawClient(port: port) }
                for client in clients { client.send("PUT /count HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n") }
                for client in clients { client.send([1, 1, 1, 1]) }
                for client in clients { #expect(try client.reply().text == "4 4") }
            }
        }
    }

    @Test func filesAreSentWholeAndInPart() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appendingPathComponent("f").path
        let pattern = TransferTests.pattern
        try Data(pattern).write(to: URL(fileURLWithPath: path))
        var router = Router()
        router.on(.get, "/file/{offset}/{length}") { request in
            let offset = request.parameters["offset"].flatMap { Int64($0) } ?? 0
            let length = request.parameters["length"].flatMap { Int64($0) } ?? 0
            return Response(.ok, content: .file(path: path, offset: offset, length: length))
        }
        router.on(.get, "/gone") { _ in Response(.ok, content: .file(path: path + "x", offset: 0, length: 1)) }
        try await TestServer.run(router) { server in
            try await server.talk { (client) throws in
                for (offset, length) in [
                    (0, pattern.count), (5, 100), (100_001, 2_000_000), (0, 0), (pattern.count, 0),
                ] {
                    client.send("GET /file/\(offset)/\(length) HTTP/1.1\r\nHost: h\r\n\r\n")
                    let reply = try client.reply()
                    #expect(reply.status == 200 && reply.body == Array(pattern[offset..<offset + length]))
                }
                client.send("HEAD /file/0/3000000 HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.reply(hasBody: false).field("Content-Length") == "3000000")
                for path in ["/gone", "/file/0/3000001", "/file/-1/5"] {
                    client.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(try client.reply().status == 500)
                }
            }
        }
    }

    @Test func streamsHaveBackPressureAndEveryFraming() async throws {
        let made = Mutex(0)
        @Sendable func source(_ count: Int) -> @Sendable () async throws -> [UInt8]? {
            let left = Left(count)
            return {
                guard left.take() else { return nil }
                made.withLock { $0 += 1 }
                return [UInt8](repeating: 7, count: 100_000)
            }
        }
        var router = Router()
        router.on(.get, "/chunked") { _ in Response(.ok, content: .stream(length: nil, next: source(50))) }
        router.on(.get, "/sized") { _ in Response(.ok, content: .stream(length: 5_000_000, next: source(50))) }
        try await TestServer.run(router) { server in
            for path in ["/chunked", "/sized"] {
                for version in ["1.1", "1.0"] {
                    try await server.talk { (client) throws in
                        client.send("GET \(path) HTTP/\(version)\r\nHost: h\r\n\r\n")
                        let reply = try client.reply()
                        #expect(reply.body.count == 5_000_000 && reply.body.allSatisfy { $0 == 7 })
                    }
                }
            }
            let before = made.withLock { $0 }
            try await server.talk { (client) throws in
                client.send("HEAD /chunked HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.reply(hasBody: false).field("Transfer-Encoding") == "chunked")
            }
            #expect(made.withLock { $0 } == before, "HEAD must not produce content")
        }
    }

    @Test func aStreamThatFailsOrLiesNeverEndsCleanly() async throws {
        struct Broken: Error {}
        var router = Router()
        router.on(.get, "/throws") { _ in
            let left = Left(1)
            return Response(.ok, content: .stream(length: nil) { if left.take() { [1, 2] } else { throw Broken() } })
        }
        for length in [1 as Int64, 3] {
            router.on(.get, "/lies/\(length)") { _ in
                let left = Left(1)
                return Response(.ok, content: .stream(length: length) { left.take() ? [1, 2] : nil })
            }
        }
        try await TestServer.run(router) { server in
            for path in ["/throws", "/lies/3", "/lies/1"] {
                try await server.talk { (client) throws in
                    client.send("GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(throws: RawClient.Failure.self, "\(path)") { try client.reply() }
                }
            }
        }
    }
}

/// Counts down.
final class Left: Sendable {
    private let count: Mutex<Int>
    init(_ count: Int) { self.count = Mutex(count) }
    func take() -> Bool {
        count.withLock { count in
            guard count > 0 else { return false }
            count -= 1
            return true
        }
    }
}
