import HTTP
import Testing

@Suite(.timeLimit(.minutes(2))) struct ShutdownTests {
    @Test func stopLetsARunningRequestFinishAndClosesIdleConnections() async throws {
        let started = Gate(), release = Gate()
        var router = Router.sample()
        router.on(.get, "/wait") { _ in
            started.open()
            await release.wait()
            return .text(.ok, "done")
        }
        try await TestServer.run(router) { server in
            let idle = Held(try RawClient(port: server.port))
            #expect(idle.value.send("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"))
            #expect(try await blocking { try idle.value.reply().status } == 200)
            async let reply = server.talk { (client) throws in
                client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
                let reply = try client.reply()
                return (reply.text, reply.field("Connection"), try client.isAtEnd())
            }
            await started.wait()
            async let stopped: Void = server.server.stop(grace: .seconds(20))
            #expect(try await blocking { try idle.value.isAtEnd() }, "an idle connection closes at once")
            await #expect(throws: RawClient.Failure.self) { try await server.talk { _ in } }
            release.open()
            let (text, connection, isAtEnd) = try await reply
            #expect(text == "done" && connection == "close" && isAtEnd)
            await stopped
            #expect(server.server.connectionCount == 0)
        }
    }

    @Test func stopCutsWhatOutlastsTheGrace() async throws {
        for request in [
            "GET /forever HTTP/1.1\r\nHost: h\r\n\r\n",
            "PUT /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab",
        ] {
            let started = Gate()
            var router = Router.sample()
            router.on(.get, "/forever") { _ in
                started.open()
                try await Task.sleep(for: .seconds(1000))
                return .text(.ok, "never")
            }
            router.on(.put, "/upload") { request in
                .text(.ok, "\(try await request.body.forEachChunk { _ in started.open() })")
            }
            try await TestServer.run(router) { server in
                async let end = server.talk { (client) throws in
                    client.send(request)
                    return try client.isAtEnd()
                }
                await started.wait()
                await server.server.stop(grace: .milliseconds(10))
                let reachedEnd = try await end
                #expect(reachedEnd)
                #expect(server.server.connectionCount == 0)
            }
        }
    }

    @Test func drainingSaysCloseButStillAccepts() async throws {
        try await TestServer.run(.sample()) { server in
            server.server.drain()
            for _ in 0..<2 {
                try await server.talk { (client) throws in
                    client.send("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(try client.reply().field("Connection") == "close")
                    #expect(try client.isAtEnd())
                }
            }
        }
    }
}
