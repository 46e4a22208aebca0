import Foundation
import HTTP
import TestSupport
import Testing

@testable import Service

/// Holds openapi.yaml, the routes and what the server really answers to each other.
@Suite struct OpenAPITests {
    private static let file = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("openapi.yaml")
    private static let embedded = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Sources/Service/API/OpenAPIDocument.swift")

    /// After a change of openapi.yaml: `OCTAVO_EMBED=1 swift test --filter theEmbeddedDocumentIsTheFile`, then build again.
    @Test func theEmbeddedDocumentIsTheFile() throws {
        let text = try String(contentsOf: Self.file, encoding: .utf8)
        if ProcessInfo.processInfo.environment["OCTAVO_EMBED"] != nil {
            let lines = text.components(separatedBy: "\n").map { $0.isEmpty ? "" : "        " + $0 }
            let source = """
                /// `openapi.yaml`, embedded. Made from it by the test `theEmbeddedDocumentIsTheFile`; not edited by hand.
                enum OpenAPIDocument {
                    static let text = #\"""
                \(lines.joined(separator: "\n"))
                        \"""#
                }

                """
            try source.write(to: Self.embedded, atomically: true, encoding: .utf8)
            return
        }
        #expect(OpenAPIDocument.text == text)
    }

    @Test func everyRouteIsDocumentedAndEveryOperationIsARoute() async throws {
        let site = try await Site()
        let routes = Set(site.application.router.routes.map { "\($0.0) \($0.1)" })
        let document = try Contract(yaml: OpenAPIDocument.text)
        #expect(routes.subtracting(document.operations) == [])
        #expect(document.operations.subtracting(routes) == [])
        await site.stop()
    }

    @Test func everyReferenceResolvesAndEveryOperationIsNamedOnce() throws {
        let document = try Contract(yaml: OpenAPIDocument.text)
        #expect(document.danglingReferences() == [])
        #expect(Set(document.operationNames).count == document.operationNames.count)
    }

    /// Walks through the API and checks each answer's status, media type and body.
    @Test func realAnswersAreAsDocumented() async throws {
        let site = try await Site { $0.maxAttempts = 1 }
        let document = try Contract(yaml: OpenAPIDocument.text)
        func check(
            _ method: HTTP.Method, _ target: String, _ route: String, _ status: Int, _ body: [UInt8] = [],
            fields: Fields = [:], sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> Answer {
            let answer = try await site.send(method, target, body, fields: fields)
            #expect(answer.status == status, "\(method) \(target): \(answer)", sourceLocation: sourceLocation)
            let faults = document.faults(of: answer, method, route)
            #expect(faults == [], "\(method) \(target)", sourceLocation: sourceLocation)
            return answer
        }
        func job(_ behaviour: String) async throws -> String {
            let model = try await site.send(.post, "/v1/models", FakeWorker.model(behaviour))
            let body = #"{"model":"\#(model.text("id") ?? "")","calibration_set":"set","options":{"max_samples":3}}"#
            let answer = try await check(.post, "/v1/jobs", "/v1/jobs", 202, Array(body.utf8))
            return answer.text("id") ?? ""
        }
        let models = "/v1/models"
        let one = "/v1/models/{id}"
        _ = try await check(.post, "/v1/models?name=net", models, 201, FakeWorker.model())
        _ = try await check(.post, "/v1/models?name=net", models, 200, FakeWorker.model())
        _ = try await check(.post, "/v1/models", models, 422, FakeWorker.model(inspection: "bad"))
        _ = try await check(.post, "/v1/models", models, 400)
        _ = try await check(.post, "/v1/models", models, 415, [1], fields: ["Content-Encoding": "br"])
        _ = try await check(.get, "/v1/models?limit=1", models, 200)
        _ = try await check(.get, "/v1/models?limit=x", models, 400)
        _ = try await check(.put, "/v1/models/x", one, 400, [1])
        _ = try await check(.get, "/v1/models/net", one, 200)
        _ = try await check(.get, "/v1/models/nothing", one, 404)
        _ = try await check(.get, "/v1/models/net/content", one + "/content", 200)
        _ = try await check(.get, "/v1/models/net/content", one + "/content", 206, fields: ["Range": "bytes=0-1"])
        _ = try await check(.get, "/v1/models/net/content", one + "/content", 416, fields: ["Range": "bytes=999-"])
        _ = try await check(.get, "/v1/models/net/content", one + "/content", 304, fields: ["If-None-Match": "*"])
        _ = try await check(.get, "/v1/models/net/content/x", one + "/content/{file}", 404)
        let lint = one + "/lint"
        _ = try await check(.post, "/v1/models/net/lint?target=onnxruntime-arm", lint, 200)
        _ = try await check(.post, "/v1/models/net/lint", lint, 200, fields: ["Accept": "text/plain"])
        _ = try await check(.post, "/v1/models/net/lint", lint, 406, fields: ["Accept": "image/png"])
        _ = try await check(.post, "/v1/models/net/lint?target=x", lint, 400)
        _ = try await check(.post, "/v1/models/nothing/lint", lint, 404)

        let sets = "/v1/calibration-sets"
        _ = try await check(.post, "\(sets)?name=set&scale=1/255", sets, 201, FakeWorker.samples())
        _ = try await check(.post, "\(sets)?name=set", sets, 422, FakeWorker.samples(inspection: "bad"))
        _ = try await check(.post, "\(sets)?std=0", sets, 400, FakeWorker.samples())
        _ = try await check(.get, sets, sets, 200)
        _ = try await check(.get, "\(sets)/set@1", sets + "/{id}", 200)
        _ = try await check(.get, "\(sets)/set@9", sets + "/{id}", 404)
        _ = try await check(.get, "\(sets)/set/content", sets + "/{id}/content", 200)

        let jobs = "/v1/jobs"
        let dry = Array(#"{"model":"net","calibration_set":"set","evaluation_set":"set","deadline":60}"#.utf8)
        _ = try await check(.post, "/v1/jobs?dry_run=true", jobs, 200, dry)
        _ = try await check(.post, "/v1/jobs", jobs, 422, Array("{}".utf8))
        _ = try await check(.post, "/v1/jobs", jobs, 400, Array("{".utf8))
        let good = try await job("ok")
        let seen = try await job("statistics")
        let bad = try await job("crash")
        let other = try await job("ok other")
        let slow = try await job("hang")
        let waiting = try await job("ok")
        let name = "/v1/jobs/{id}"
        let ended = try await check(.get, "/v1/jobs/\(good)?wait=30", name, 200)
        _ = try await check(.get, "/v1/jobs/\(bad)?wait=30", name, 200)
        _ = try await check(.get, "/v1/jobs/\(other)?wait=30", name, 200)
        let subject = try await check(.get, "/v1/jobs/\(seen)?wait=30", name, 200).text("model") ?? ""
        let statistics = one + "/statistics"
        let kept = try await check(.get, "/v1/models/\(subject)/statistics?limit=5", statistics, 200)
        let href = try #require(kept.items.first?["href"] as? String)
        _ = try await check(.get, href, statistics + "/{key}", 200)
        _ = try await check(.get, href, statistics + "/{key}", 304, fields: ["If-None-Match": "*"])
        _ = try await check(.get, "/v1/models/\(subject)/statistics?limit=x", statistics, 400)
        _ = try await check(.get, "/v1/models/nothing/statistics", statistics, 404)
        _ = try await check(.get, "/v1/models/\(subject)/statistics/x", statistics + "/{key}", 404)
        let stale: Fields = ["If-Match": "\"x\""]
        _ = try await check(.get, href, statistics + "/{key}", 412, fields: stale)
        _ = try await check(.delete, href, statistics + "/{key}", 412, fields: stale)
        let summary = try #require(try await site.send(.get, href, fields: ["Accept-Encoding": "gzip"]).fields["ETag"])
        _ = try await check(.delete, href, statistics + "/{key}", 204, fields: ["If-Match": summary])
        _ = try await check(.delete, href, statistics + "/{key}", 404)
        _ = try await check(.get, href, statistics + "/{key}", 404)
        try await site.wait(for: slow) { $0.state == "running" }
        _ = try await check(.get, "/v1/jobs/\(slow)", name, 200)
        _ = try await check(.get, "/v1/jobs/\(waiting)", name, 200)
        _ = try await check(.get, "/v1/jobs/\(slow)/artifact", name + "/artifact", 409)
        _ = try await check(.get, jobs, jobs, 200)
        let tag = ended.fields["ETag"] ?? ""
        _ = try await check(.get, "/v1/jobs/\(good)", name, 304, fields: ["If-None-Match": tag])
        _ = try await check(.get, "/v1/jobs/nothing", name, 404)
        _ = try await check(.delete, "/v1/jobs/\(slow)", name, 409)
        _ = try await check(.delete, "/v1/models/net", one, 409)
        _ = try await check(.post, "/v1/jobs/\(slow)/cancel", name + "/cancel", 202)
        _ = try await check(.get, "/v1/jobs/\(slow)?wait=30", name, 200)
        _ = try await check(.get, "/v1/jobs/\(waiting)?wait=30", name, 200)
        _ = try await check(.post, "/v1/jobs/\(slow)/cancel", name + "/cancel", 200)
        for tail in ["artifact", "report", "report.json", "report.txt", "report.html", "plan", "log", "provenance"] {
            _ = try await check(.get, "/v1/jobs/\(good)/\(tail)", "\(name)/\(tail)", 200)
        }
        _ = try await check(.get, "/v1/jobs/\(good)/report", name + "/report", 200, fields: ["Accept": "text/plain"])
        _ = try await check(.get, "/v1/jobs/\(good)/report", name + "/report", 406, fields: ["Accept": "image/png"])
        _ = try await check(.get, "/v1/jobs/\(good)/report", name + "/report", 200, fields: ["Accept": "text/html"])
        _ = try await check(.get, "/v1/jobs/\(good)/artifacts/onnxruntime-x64", name + "/artifacts/{target}", 200)
        _ = try await check(.get, "/v1/jobs/\(bad)/artifact", name + "/artifact", 409)
        let again = try await check(.post, "/v1/jobs/\(good)/reproduce", name + "/reproduce", 202).text("id") ?? ""
        _ = try await check(.get, "/v1/jobs/\(again)?wait=30", name, 200)
        _ = try await check(.post, "/v1/jobs/\(bad)/reproduce", name + "/reproduce", 409)
        _ = try await check(.post, "/v1/jobs/nothing/reproduce", name + "/reproduce", 404)
        let pair = "?jobs=\(good),\(again)"
        for tail in ["", ".json", ".txt", ".html"] {
            _ = try await check(.get, "/v1/compare\(tail)\(pair)", "/v1/compare\(tail)", 200)
        }
        _ = try await check(.get, "/v1/compare\(pair)", "/v1/compare", 406, fields: ["Accept": "image/png"])
        _ = try await check(.get, "/v1/compare?jobs=\(good)", "/v1/compare", 400)
        _ = try await check(.get, "/v1/compare?jobs=\(good),nothing", "/v1/compare", 404)
        _ = try await check(.get, "/v1/compare?jobs=\(good),\(bad)", "/v1/compare", 409)
        _ = try await check(.get, "/v1/compare?jobs=\(good),\(other)", "/v1/compare", 422)
        _ = try await check(.get, "/v1/keys/provenance.pem", "/v1/keys/provenance.pem", 200)
        for (target, route) in [
            ("/v1/jobs/\(good)", name), ("/v1/models/net", one), ("\(sets)/set", sets + "/{id}"),
        ] {
            _ = try await check(.delete, target, route, 412, fields: stale)
            _ = try await check(.get, target, route, 412, fields: stale)
        }
        _ = try await check(.get, "/v1/jobs/\(good)/artifact", name + "/artifact", 412, fields: stale)
        _ = try await check(.get, "/v1/keys/provenance.pem", "/v1/keys/provenance.pem", 412, fields: stale)
        _ = try await check(.delete, "/v1/jobs/\(good)", name, 200, fields: ["If-Match": tag])
        _ = try await check(.delete, "/v1/jobs/\(waiting)", name, 200)
        _ = try await check(.delete, "/v1/models/net", one, 204, fields: ["If-Match": "*"])
        _ = try await check(.delete, "/v1/models/net", one, 404, fields: ["If-Match": "*"])
        _ = try await check(.delete, "\(sets)/set", sets + "/{id}", 204)

        for path in ["/livez", "/readyz", "/metrics", "/openapi.yaml"] { _ = try await check(.get, path, path, 200) }
        await site.stop()
        _ = try await check(.get, "/readyz", "/readyz", 503)
    }
}

extension Contract {
    fileprivate func faults(of answer: Answer, _ method: HTTP.Method, _ path: String) -> [String] {
        faults(
            status: answer.status, contentType: answer.fields["Content-Type"], body: answer.body, of: method.rawValue,
            path)
    }
}
