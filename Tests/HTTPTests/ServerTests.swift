import HTTP
import Testing

@Suite(.timeLimit(.minutes(2))) struct ServerTests {
    private func get(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: h\r\n\(fields)\r\n"
    }

    @Test func requestsOfOneConnectionAreAnsweredInOrder() async throws {
        try await TestServer.run(.sample()) { server in
            try await server.talk { (client) throws in
                for name in ["a", "b", "c"] {
                    client.send("GET /slow/\(name) HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(try client.reply().text == name)
                }
            }
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        try await TestServer.run(.sample()) { server in
            try await server.talk { (client) throws in
                let one = "GET /slow/a HTTP/1.1\r\nHost: h\r\n\r\n", two = "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"
                let three = "POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
                let four =
                    "PUT /count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\u{1}\u{2}\r\n0\r\n\r\n"
                for _ in 0..<50 { client.send(one + two + three + four) }
                for _ in 0..<50 {
                    #expect(try client.reply().text == "a")
                    #expect(try client.reply().text == "ok\n")
                    #expect(try client.reply().text == "hello")
                    #expect(try client.reply().text == "2 3")
                }
            }
        }
    }

    @Test func manyPipelinedRequestsComeBackWhole() async throws {
        try await TestServer.run(.sample()) { server in
            try await server.talk { (client) throws in
                // Far more than either side's buffers hold responses for, so that the server meets a full send buffer.
                let batch = String(repeating: "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n", count: 1000)
                for _ in 0..<20 { client.send(batch) }
                for _ in 0..<20_000 { #expect(try client.reply().status == 200) }
            }
        }
    }

    @Test func aRequestMayArriveByteByByte() async throws {
        try await TestServer.run(.sample()) { server in
            try await server.talk { (client) throws in
                for byte
                    in "POST /collect HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                    .utf8
                {
                    client.send([byte])
                }
                #expect(try client.reply().text == "abc")
            }
        }
    }

    @Test func headSendsTheHeadOnly() async throws {
        try await TestServer.run(.sample()) { server in
            try await server.talk { (client) throws in
                client.send("HEAD /livez HTTP/1.1\r\nHost: h\r\n\r\nGET /slow/x HTTP/1.1\r\nHost: h\r\n\r\n")
                let head = try client.reply(hasBody: false)
                #expect(head.status == 200 && head.field("Content-Length") == "3" && head.field("Date") != nil)
                #expect(try client.reply().text == "x")
            }
        }
    }

    @Test func connectionCloseAndOldVersionsEndTheConnection() async throws {
        try await TestServer.run(.sample()) { server in
            for request in [
                "GET /livez HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /slow/a HTTP/1.0\r\n\r\n",
            ] {
                try await server.talk { (client) throws in
                    client.send(request)
                    #expect(try client.reply().field("Connection") == "close")
                    #expect(try client.isAtEnd())
                }
            }
            try await server.talk { (client) throws in
                client.send("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /livez HTTP/1.0\r\n\r\n")
                #expect(try client.reply().field("Connection") == "keep-alive")
                #expect(try client.reply().field("Connection") == "close")
                #expect(try client.isAtEnd())
            }
        }
    }

    @Test func badRequestsAreAnsweredAndTheConnectionEnds() async throws {
        try await TestServer.run(.sample()) { server in
            for (request, status) in [
                ("GET / HTTP/1.1\nHost: h\r\n\r\n", 400), ("GET / HTTP/3.0\r\n\r\n", 505),
                ("POST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
                ("POST /collect HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello", 400),
                ("PUT /count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello", 400),
                ("POST /collect HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            ] {
                try await server.talk { (client) throws in
                    client.send(request + "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
                    let reply = try client.reply()
                    #expect(reply.status == status && reply.field("Connection") == "close")
                    #expect(try client.isAtEnd(), "what follows \(request.debugDescription) is not a request")
                }
            }
        }
    }

    @Test func aSlowHeadIs408() async throws {
        var limits = Limits()
        limits.headerTimeout = .milliseconds(60)
        try await TestServer.run(limits: limits, .sample()) { server in
            try await server.talk { (client) throws in
                client.send("GET /livez HT")
                #expect(try client.reply().status == 408)
                #expect(try client.isAtEnd())
            }
            try await server.talk { (client) throws in
                #expect(try client.isAtEnd(), "a silent connection is closed without a word")
            }
        }
    }

    @Test func aSlowBodyIs408() async throws {
        var limits = Limits()
        limits.bodyTimeout = .milliseconds(60)
        try await TestServer.run(limits: limits, .sample()) { server in
            for path in ["POST /collect", "PUT /count"] {
                try await server.talk { (client) throws in
                    client.send("\(path) HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
                    #expect(try client.reply().status == 408)
                    #expect(try client.isAtEnd())
                }
            }
        }
    }

    @Test func anIdleConnectionIsClosed() async throws {
        var limits = Limits()
        limits.idleTimeout = .milliseconds(60)
        try await TestServer.run(limits: limits, .sample()) { server in
            try await server.talk { (client) throws in
                client.send("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.reply().status == 200)
                #expect(try client.isAtEnd())
            }
        }
    }

    @Test func aClientThatTakesNothingIsCut() async throws {
        var limits = Limits()
        limits.writeTimeout = .milliseconds(60)
        let failed = Gate()
        var router = Router()
        router.on(.get, "/endless") { _ in
            Response(
                .ok,
                content: .stream(length: nil) {
                    if Task.isCancelled { failed.open() }
                    return [UInt8](repeating: 1, count: 1 << 20)
                })
        }
        try await TestServer.run(limits: limits, router) { server in
            let client = try await blocking { [port = server.port] in Held(try RawClient(port: port)) }
            client.value.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
            while server.exchanges.values.isEmpty { await Task.yield() }
            #expect(server.exchanges.values.first?.isComplete == false)
        }
    }

    @Test func manyConnectionsAreServedAtOnce() async throws {
        try await TestServer.run(.sample()) { server in
            try await blocking { [port = server.port] in
                let clients = try (0..<300).map { _ in try RawClient(port: port) }
                for round in 0..<3 {
                    for (index, client) in clients.enumerated() {
                        client.send("GET /slow/\(index)-\(round) HTTP/1.1\r\nHost: h\r\n\r\n")
                    }
                    for (index, client) in clients.enumerated() {
                        #expect(try client.reply().text == "\(index)-\(round)")
                    }
                }
            }
        }
    }

    @Test func oneConnectionTooManyIsAnswered503() async throws {
        var limits = Limits()
        limits.connections = 2
        try await TestServer.run(limits: limits, .sample()) { server in
            try await blocking { [port = server.port] in
                let clients = try (0..<3).map { _ in try RawClient(port: port) }
                var statuses: [Int] = []
                for client in clients {
                    client.send("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
                    statuses.append(try client.reply().status)
                }
                #expect(statuses == [200, 200, 503])
            }
        }
    }

    @Test func everyExchangeIsReported() async throws {
        let exchanges = try await TestServer.run(.sample()) { server in
            try await server.talk { (client) throws in
                client.send(
                    "GET /slow/a HTTP/1.1\r\nHost: h\r\n\r\nPOST /collect HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
                )
                _ = try client.reply()
                _ = try client.reply()
                client.send("GET /none HTTP/1.1\r\nHost: h\r\n\r\nbad\r\n")
                _ = try client.reply()
                _ = try client.reply()
            }
            return server.exchanges
        }
        let values = exchanges.values
        #expect(values.map(\.status.rawValue) == [200, 200, 404, 400])
        #expect(values.map(\.route) == ["/slow/{name}", "/collect", nil, nil])
        #expect(values.map(\.bytesReceived) == [0, 2, 0, 0])
        #expect(values[1].bytesSent == 2 && values[3].method == nil && values.allSatisfy(\.isComplete))
    }

    @Test func anAddressThatIsTakenOrUnknownIsAnError() async throws {
        try await TestServer.run(.sample()) { server in
            for (host, port) in [("127.0.0.1", server.port), ("no-such-host.invalid", 0), ("127.0.0.1", 70_000)] {
                var configuration = ServerConfiguration()
                (configuration.host, configuration.port) = (host, port)
                let other = Server(
                    configuration: configuration, handler: { _ in .text(.ok, "") }, refusal: { .text($0.status, "") })
                #expect(throws: HTTPError.self) { try other.start() }
            }
        }
    }

    @Test func everyAddressOfANameIsListenedOn() async throws {
        var configuration = ServerConfiguration()
        configuration.host = "*"
        let server = Server(
            configuration: configuration, handler: { .text(.ok, $0.peer) }, refusal: { .text($0.status, "") })
        let address = try server.start()
        let text = try await blocking {
            let client = try RawClient(port: address.port)
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            return try client.reply().text
        }
        #expect(text == "127.0.0.1")
        await server.stop(grace: .seconds(1))
    }
}

/// Carries a client that is used by one task at a time.
final class Held<Value>: @unchecked Sendable {
    // Handed over, never shared.
    let value: Value
    init(_ value: Value) { self.value = value }
}
