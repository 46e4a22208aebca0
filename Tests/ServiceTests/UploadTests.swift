import Domain
import Foundation
import HTTP
import Storage
import TestSupport
import Testing

@testable import Service

@Suite struct UploadTests {
    @Test func aModelIsStoredUnderTheDigestOfItsBytes() async throws {
        let site = try await Site()
        let bytes = FakeWorker.model()
        let answer = try await site.send(.post, "/v1/models?name=net", bytes)
        #expect(answer.status == 201)
        let id = try Digest(sha256: bytes).description
        #expect(answer.text("id") == id)
        #expect(answer.fields["Location"] == "/v1/models/\(id)")
        #expect(try await site.send(.get, "/v1/models/net").text("id") == id)
        #expect(try await site.send(.get, "/v1/models/net/content").body == bytes)
        #expect(try await site.send(.post, "/v1/models", bytes).status == 200)
        #expect(try site.leftovers() == [])
        await site.stop()
    }

    @Test func aNewNameBecomesALabelOfTheSameModel() async throws {
        let site = try await Site()
        let bytes = FakeWorker.model()
        let first = try await site.send(.post, "/v1/models?name=one", bytes)
        #expect(try await site.send(.post, "/v1/models?name=two", bytes).status == 200)
        #expect(try await site.send(.get, "/v1/models/two").text("id") == first.text("id"))
        await site.stop()
    }

    @Test(arguments: [
        ("bad", "corrupt-model", 422), ("crash", "engine-crash", 422), ("killed", "out-of-memory", 422),
        ("garbage", "internal", 500), ("silent", "internal", 500), ("memory", "out-of-memory", 422),
        ("badalloc", "out-of-memory", 422), ("disk", "out-of-disk", 507),
    ])
    func aModelThatCannotBeInspectedLeavesNothing(_ inspection: String, _ code: String, _ status: Int) async throws {
        let site = try await Site()
        let answer = try await site.send(.post, "/v1/models", FakeWorker.model(inspection: inspection))
        #expect(answer.status == status)
        #expect(answer.code == code)
        #expect(try await site.send(.get, "/v1/models").items.isEmpty)
        #expect(try site.blobFiles() == [])
        #expect(try site.leftovers() == [])
        await site.stop()
    }

    @Test func anInspectionThatHangsIsStopped() async throws {
        let site = try await Site { $0.inspectionSeconds = 0.3 }
        let answer = try await site.send(.post, "/v1/models", FakeWorker.model(inspection: "stubborn"))
        #expect(answer.status == 422)
        #expect(answer.code == "timeout")
        await site.stop()
    }

    @Test func anEmptyBodyIsRefused() async throws {
        let site = try await Site()
        #expect(try await site.send(.post, "/v1/models").code == "empty-body")
        #expect(try await site.send(.post, "/v1/calibration-sets").code == "empty-body")
        #expect(try site.blobFiles() == [])
        await site.stop()
    }

    @Test func aBodyAboveTheLimitIsRefused() async throws {
        let site = try await Site { $0.modelLimit = 100 }
        let answer = try await site.send(.post, "/v1/models", [UInt8](repeating: 1, count: 101))
        #expect(answer.status == 413)
        #expect(answer.code == "body-too-large")
        await site.stop()
    }

    @Test func anUploadThatWouldFillTheDiskIsRefused() async throws {
        let site = try await Site { $0.diskReserve = .max / 2 }
        let answer = try await site.send(.post, "/v1/models", FakeWorker.model())
        #expect(answer.status == 507)
        #expect(answer.fields["Retry-After"] != nil)
        await site.stop()
    }

    @Test func aWrongDigestIsRefusedAndNothingKept() async throws {
        let site = try await Site()
        let wrong = "sha-256=:" + Data(repeating: 7, count: 32).base64EncodedString() + ":"
        for field in ["Content-Digest", "Repr-Digest"] {
            let answer = try await site.send(.post, "/v1/models", FakeWorker.model(), fields: [field: wrong])
            #expect(answer.status == 400)
            #expect(answer.code == "digest-mismatch")
        }
        #expect(
            try await site.send(.post, "/v1/models", FakeWorker.model(), fields: ["Content-Digest": "sha-256=:xx:"])
                .code
                == "invalid-digest")
        #expect(try site.blobFiles() == [])
        let right = DigestFields.field(try Digest(sha256: FakeWorker.model()))
        let fields: Fields = ["Content-Digest": "md5=:AAAA:, \(right)"]
        #expect(try await site.send(.post, "/v1/models", FakeWorker.model(), fields: fields).status == 201)
        await site.stop()
    }

    @Test func putStoresOnceAndThenAnswersWithoutReading() async throws {
        let site = try await Site()
        let bytes = FakeWorker.model()
        let id = try Digest(sha256: bytes).description
        #expect(try await site.send(.put, "/v1/models/\(id)", bytes).status == 201)
        // Other bytes under the same digest would be refused if they were read.
        #expect(try await site.send(.put, "/v1/models/\(id)", [1, 2, 3]).status == 200)
        let other = try Digest(sha256: [9]).description
        #expect(try await site.send(.put, "/v1/models/\(other)", bytes).code == "digest-mismatch")
        #expect(try await site.send(.put, "/v1/models/net", bytes).code == "invalid-digest")
        await site.stop()
    }

    @Test func externalDataComesAsPartsOfAForm() async throws {
        let site = try await Site()
        let model = FakeWorker.model(inspection: "external")
        let alone = try await site.send(.post, "/v1/models", model)
        #expect(alone.status == 422)
        #expect(alone.code == "missing-external-data")
        let answer = try await site.form(
            "/v1/models", [("model", "m.onnx", model), ("data", "weights.bin", [1, 2, 3])])
        #expect(answer.status == 201, "\(answer)")
        let id = try #require(answer.text("id"))
        #expect(id != (try Digest(sha256: model).description))
        #expect(try await site.send(.get, "/v1/models/\(id)/content").body == model)
        #expect(try await site.send(.get, "/v1/models/\(id)/content/weights.bin").body == [1, 2, 3])
        #expect(try await site.send(.get, "/v1/models/\(id)/content/nothing").status == 404)
        await site.stop()
    }

    @Test(arguments: ["../../etc/passwd", "/etc/passwd", "a/b", ".hidden", "", "ü"])
    func aFileNameThatIsAPathIsRefused(_ name: String) async throws {
        let site = try await Site()
        let model = FakeWorker.model(inspection: "external")
        let answer = try await site.form("/v1/models", [("model", "m.onnx", model), ("data", name, [1])])
        #expect(answer.status == 400)
        #expect(answer.code == "invalid-part")
        #expect(try site.blobFiles() == [])
        await site.stop()
    }

    @Test func partsThatNobodyAskedForAreRefused() async throws {
        let site = try await Site()
        let unknown = try await site.form("/v1/models", [("modle", "m.onnx", FakeWorker.model())])
        #expect(unknown.code == "invalid-part")
        #expect(unknown.text("detail")?.contains("'model'") == true)
        let unused = try await site.form(
            "/v1/models", [("model", "m.onnx", FakeWorker.model()), ("data", "weights.bin", [1])])
        #expect(unused.code == "unused-external-data")
        let missing = try await site.form("/v1/models", [("data", "weights.bin", [1])])
        #expect(missing.code == "missing-part")
        #expect(try site.blobFiles() == [])
        await site.stop()
    }

    /// Nobody computes it, and taking it for right would say that somebody did.
    @Test(arguments: ["/v1/models", "/v1/calibration-sets"], ["Content-Digest", "Repr-Digest"])
    func aFormWithADigestIsRefused(_ path: String, _ field: String) async throws {
        let site = try await Site()
        let empty = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
        let answer = try await site.send(
            .post, path, FakeWorker.model(), fields: ["Content-Type": "multipart/form-data; boundary=x", field: empty])
        #expect(answer.status == 400 && answer.code == "invalid-digest", "\(answer)")
        #expect(try site.blobFiles() == [])
        await site.stop()
    }

    @Test func codedAndUnknownThingsAreRefused() async throws {
        let site = try await Site()
        let coded = try await site.send(
            .post, "/v1/models", FakeWorker.model(), fields: ["Content-Encoding": "gzip"])
        #expect(coded.status == 415)
        let parameter = try await site.send(.post, "/v1/models?nmae=x", FakeWorker.model())
        #expect(parameter.code == "unknown-parameter")
        #expect(parameter.text("detail")?.contains("'name'") == true)
        #expect(try await site.send(.post, "/v1/models?name=a/b", FakeWorker.model()).code == "invalid-parameter")
        #expect(try await site.send(.post, "/v1/models?name=a&name=b", FakeWorker.model()).code == "repeated-parameter")
        await site.stop()
    }

    /// Arrays that came compressed are unpacked by the worker, which must be allowed to.
    @Test func aCompressedSetMayBeUnpacked() async throws {
        let site = try await Site { $0.diskReserve = 1 << 20 }
        let set = try await site.send(.post, "/v1/calibration-sets", FakeWorker.samples(inspection: "limits"))
        #expect(try fileBytes(set.text("detail")) > 64 << 20, "\(set)")
        // 1.6 GB of float32 in a file of a few bytes.
        try await site.send(.post, "/v1/calibration-sets?name=large", FakeWorker.samples(100_000_000))
        try await site.send(.post, "/v1/models?name=m", FakeWorker.model("limits"))
        let job = try await site.json("/v1/jobs", #"{"model":"m","calibration_set":"large"}"#)
        let ended = try await site.ended(try #require(job.text("id")))
        #expect(try fileBytes(ended.failure["detail"] as? String) >= 1_600_000_000, "\(ended)")
        await site.stop()
    }

    private func fileBytes(_ arguments: String?) throws -> Int64 {
        let words = try #require(arguments).split(whereSeparator: { $0 == " " || $0 == "." })
        let place = try #require(words.firstIndex(of: "--file-bytes"))
        return try #require(Int64(words[place + 1]))
    }

    @Test func aSetKeepsItsPreprocessingAndVersions() async throws {
        let site = try await Site()
        let query = "name=set&scale=1/255&mean=0.5,0.25,0&std=1,2,4&layout=nhwc-to-nchw&reverse_channels=true"
        let answer = try await site.send(.post, "/v1/calibration-sets?\(query)", FakeWorker.samples())
        #expect(answer.status == 201, "\(answer)")
        let recipe = try #require(answer.json["preprocessing"] as? [String: Any])
        #expect(answer.content.contains(#""scale":0.00392156862745098,"#))
        #expect(recipe["mean"] as? [Double] == [0.5, 0.25, 0])
        #expect(recipe["layout"] as? String == "nhwc-to-nchw")
        #expect(recipe["reverse_channels"] as? Bool == true)
        #expect(answer.text("reference") == "set@1")
        let second = try await site.send(.post, "/v1/calibration-sets?name=set", FakeWorker.samples())
        #expect(second.text("reference") == "set@2")
        #expect(second.text("id") == (try Digest(sha256: FakeWorker.samples()).description))
        #expect(try await site.send(.get, "/v1/calibration-sets/set@1").text("id") == answer.text("id"))
        #expect(try await site.send(.post, "/v1/calibration-sets?name=set", FakeWorker.samples()).status == 200)
        await site.stop()
    }

    @Test(arguments: [
        "scale=0", "scale=x", "scale=1/0", "mean=1,,2", "std=0", "std=1,2&mean=1,2,3", "layout=nchw", "role=test",
        "reverse_channels=maybe", "offset=1",
    ])
    func aBadRecipeIsRefusedBeforeAnythingIsRead(_ query: String) async throws {
        let site = try await Site()
        let answer = try await site.send(.post, "/v1/calibration-sets?\(query)", FakeWorker.samples())
        #expect(answer.status == 400, "\(answer)")
        await site.stop()
    }

    @Test func aRecipeMayComeAsAPart() async throws {
        let site = try await Site()
        let recipe = Array(#"{"scale": "1/2", "mean": 3, "std": [1, 2], "layout": "as-is"}"#.utf8)
        let answer = try await site.form(
            "/v1/calibration-sets", [("file", "s.npz", FakeWorker.samples()), ("preprocessing", nil, recipe)])
        #expect(answer.status == 201, "\(answer)")
        #expect((answer.json["preprocessing"] as? [String: Any])?["scale"] as? Double == 0.5)
        let wrong = Array(#"{"scal": 1, "std": [0]}"#.utf8)
        let refused = try await site.form(
            "/v1/calibration-sets", [("file", "t.npz", FakeWorker.samples(9)), ("preprocessing", nil, wrong)])
        #expect(refused.status == 422)
        #expect((refused.json["errors"] as? [Any])?.count == 2)
        await site.stop()
    }

    @Test func aDeletedModelLeavesNoBytesBehind() async throws {
        let site = try await Site()
        try await site.send(.post, "/v1/models?name=net", FakeWorker.model())
        #expect(try site.blobFiles() != [])
        #expect(try await site.send(.delete, "/v1/models/net").status == 204)
        #expect(try await site.send(.get, "/v1/models/net").status == 404)
        #expect(try site.blobFiles() == [])
        await site.stop()
    }

    @Test func uploadsAndDeletionsOfTheSameBytesNeverLoseThem() async throws {
        let site = try await Site { $0.inspections = 4 }
        let bytes = FakeWorker.model(salt: "contended")
        let id = try Digest(sha256: bytes).description
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<6 {
                group.addTask { try await site.send(.post, "/v1/models", bytes) }
                group.addTask { try await site.send(.delete, "/v1/models/\(id)") }
            }
            try await group.waitForAll()
        }
        if try await site.send(.get, "/v1/models/\(id)").status == 200 {
            #expect(try await site.send(.get, "/v1/models/\(id)/content").body == bytes)
        } else {
            #expect(try site.blobFiles() == [])
        }
        await site.stop()
    }
}

extension Site {
    func blobFiles() throws -> [String] { directory.files().filter { $0.hasPrefix("data/blobs") } }

    func form(_ target: String, _ parts: [(name: String, file: String?, bytes: [UInt8])]) async throws -> Answer {
        var body: [UInt8] = []
        for part in parts {
            let file = part.file.map { "; filename=\"\($0)\"" } ?? ""
            body += Array("--frame\r\nContent-Disposition: form-data; name=\"\(part.name)\"\(file)\r\n\r\n".utf8)
            body += part.bytes + Array("\r\n".utf8)
        }
        body += Array("--frame--\r\n".utf8)
        return try await send(.post, target, body, fields: ["Content-Type": "multipart/form-data; boundary=frame"])
    }
}
