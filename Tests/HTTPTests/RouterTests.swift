import HTTP
import Testing

@Suite struct RouterTests {
    private func router() -> Router {
        var router = Router()
        router.on(.get, "/v1/models") { _ in .text(.ok, "list") }
        router.on(.post, "/v1/models") { _ in .text(.created, "new") }
        router.on(.get, "/v1/models/{id}") { .text(.ok, "one " + ($0.parameters["id"] ?? "")) }
        router.on(.get, "/v1/models/{id}/content") { .text(.ok, "content " + ($0.parameters["id"] ?? "")) }
        router.on(.get, "/v1/models/special") { _ in .text(.ok, "special") }
        router.on(.get, "/fails") { _ in throw HTTPError.bodyTooLarge(limit: 3) }
        router.onInline(.get, "/livez") { _ in .text(.ok, "live") }
        return router
    }

    private func answer(_ method: Method, _ target: String) async throws -> (Int, String, Response) {
        let response = await router().handle(try Request(method, target))
        var text = ""
        if case .bytes(let bytes) = response.content { text = String(decoding: bytes, as: UTF8.self) }
        return (response.status.rawValue, text, response)
    }

    @Test func patternsNameSegments() async throws {
        #expect(try await answer(.get, "/v1/models").1 == "list")
        #expect(try await answer(.get, "/v1/models/sha256:ab").1 == "one sha256:ab")
        #expect(try await answer(.get, "/v1/models/a%20b/content").1 == "content a b")
        #expect(try await answer(.get, "/v1/models/x").2.route == "/v1/models/{id}")
    }

    @Test func literalsWinOverNames() async throws {
        #expect(try await answer(.get, "/v1/models/special").1 == "special")
    }

    @Test func missesAre404And405WithAllow() async throws {
        for path in ["/", "/v1", "/v1/models/", "/v1//content", "/v1/models/a/b", "/V1/models"] {
            #expect(try await answer(.get, path).0 == 404, "\(path)")
        }
        let (status, _, response) = try await answer(.delete, "/v1/models")
        #expect(status == 405 && response.fields["Allow"] == "GET, HEAD, OPTIONS, POST")
    }

    @Test func headAndOptionsAreAnswered() async throws {
        #expect(try await answer(.head, "/v1/models").0 == 200)
        let (status, _, response) = try await answer(.options, "/livez")
        #expect(status == 204 && response.fields["Allow"] == "GET, HEAD, OPTIONS")
        let server = try await answer(.options, "*")
        #expect(server.0 == 204 && server.2.fields["Allow"] == "GET, HEAD, OPTIONS, POST")
        #expect(try await answer(.options, "/*").0 == 404)
    }

    @Test func whatAHandlerThrowsIsRendered() async throws { #expect(try await answer(.get, "/fails").0 == 413) }

    @Test func inlineRoutesAnswerWithoutATask() throws {
        let router = router()
        #expect(router.handleInline(try Request(.get, "/livez"))?.status == .ok)
        #expect(router.handleInline(try Request(.head, "/livez"))?.status == .ok)
        #expect(router.handleInline(try Request(.get, "/v1/models")) == nil)
        #expect(router.handleInline(try Request(.post, "/livez")) == nil)
    }

    @Test func routesAreListedInTheirOrder() {
        #expect(
            router().routes.map { "\($0.0) \($0.1)" }.prefix(3) == [
                "GET /v1/models", "POST /v1/models", "GET /v1/models/{id}",
            ])
    }
}
