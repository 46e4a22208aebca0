import Domain
import HTTP
import TestSupport
import Testing

@testable import Service

/// `POST /v1/models/{id}/lint`, with a worker made of script.
@Suite struct LintTests {
    @Test func theFindingsComeAsJSONOrAsText() async throws {
        let site = try await Site()
        _ = try await site.send(.post, "/v1/models?name=net", FakeWorker.model())
        let answer = try await site.send(.post, "/v1/models/net/lint?target=onnxruntime-arm")
        #expect(answer.status == 200 && answer.text("target") == "onnxruntime-arm", "\(answer)")
        #expect(answer.fields["Content-Type"] == "application/json" && answer.fields["Vary"] == "Accept")
        #expect((answer.json["violations"] as? [[String: Any]])?.first?["node"] as? String == "conv")
        let text = try await site.send(.post, "/v1/models/net/lint", fields: ["Accept": "text/plain"])
        #expect(text.status == 200 && text.fields["Content-Type"] == "text/plain; charset=utf-8", "\(text)")
        #expect(text.content.hasPrefix("onnxruntime-x64: ") && text.content.contains("weight-axis"), "\(text)")
        #expect(try site.leftovers() == [])
        await site.stop()
    }

    @Test func whatCannotBeAskedIsRefused() async throws {
        let site = try await Site()
        _ = try await site.send(.post, "/v1/models?name=net", FakeWorker.model())
        for (target, fields, status, code) in [
            ("/v1/models/none/lint", [:], 404, "model-not-found"),
            ("/v1/models/net/lint?target=tensorrt", [:], 400, "invalid-parameter"),
            ("/v1/models/net/lint?targets=x", [:], 400, "unknown-parameter"),
            ("/v1/models/net/lint", ["Accept": "image/png"], 406, "not-acceptable"),
        ] as [(String, Fields, Int, String)] {
            let answer = try await site.send(.post, target, fields: fields)
            #expect(answer.status == status && answer.code == code, "\(target): \(answer)")
        }
        await site.stop()
    }

    /// What the worker dies of is an answer, and leaves nothing behind.
    @Test func aWorkerThatFailsIsReported() async throws {
        let site = try await Site()
        for (behaviour, status, code) in [
            ("unlintable", 422, "corrupt-model"), ("lint-crash", 422, "engine-crash"), ("lint-silent", 500, "internal"),
        ] {
            let model = try await site.send(.post, "/v1/models", FakeWorker.model(inspection: behaviour))
            let id = try #require(model.text("id"), "\(model)")
            let answer = try await site.send(.post, "/v1/models/\(id)/lint")
            #expect(answer.status == status && answer.code == code, "\(behaviour): \(answer)")
        }
        #expect(try site.leftovers() == [])
        await site.stop()
    }

    /// A worker gets a copy, and a full disk has no room for one.
    @Test func aFullDiskIsSaid() async throws {
        let directory = try await Self.directoryWithAModel()
        let full = try Site.application(directory) { $0.diskReserve = .max / 2 }
        try await full.start()
        let answer = try await Site(directory, full).send(.post, "/v1/models/net/lint")
        #expect(answer.status == 507 && answer.code == "out-of-disk", "\(answer)")
        await full.stop()
    }

    /// Of a service that is no more.
    private static func directoryWithAModel() async throws -> TemporaryDirectory {
        let site = try await Site()
        _ = try await site.send(.post, "/v1/models?name=net", FakeWorker.model())
        await site.stop()
        return site.directory
    }
}
