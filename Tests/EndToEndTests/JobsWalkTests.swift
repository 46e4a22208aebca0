import Foundation
import TestSupport
import Testing

/// The way a user goes, on the example in the repository.
@Suite(.ownThreads, .enabled(if: JobsClient.missing == nil, "\(JobsClient.missing ?? "")"))
struct JobsWalkTests {
    private func store(_ client: JobsClient) throws {
        let pixels = "scale=1/255"
        let model = try client.post("/v1/models?name=digits", JobsClient.example("model.onnx"), 201)
        #expect(model.fields["location"] == "/v1/models/\(model.id)")
        try client.post("/v1/models?name=digits", JobsClient.example("model.onnx"), 200)
        try client.post(
            "/v1/calibration-sets?name=digits&\(pixels)", JobsClient.example("calibration.npz"), 201)
        try client.post(
            "/v1/calibration-sets?name=unseen&role=evaluation&\(pixels)", JobsClient.example("evaluation.npz"), 201)
    }

    @Test func fromTheModelToTheReport() throws {
        let client = try JobsClient()
        try store(client)
        // No clock decides in this scheme, so that the same order gives the same bytes.
        let order =
            #"{"model":"digits","calibration_set":"digits","evaluation_set":"unseen","scheme":"int8-static"}"#
        let before = try client.traces()
        let dry = try client.post("/v1/jobs?dry_run=true", order, 200)
        #expect(dry.json["queue_length"] as? Int == 0)
        #expect(try client.traces() == before)
        let posted = try client.post("/v1/jobs", order, 202)
        #expect(posted.fields["retry-after"] != nil && posted.json["state"] as? String == "queued")
        let path = try #require(posted.fields["location"])
        let early = try client.server.curl(path + "/artifact")
        #expect(early.status == 409 && early.json["code"] as? String == "job-not-finished", "\(early.text)")
        let end = try client.get(path, with: ["-H", "Prefer: wait=60"])
        #expect(end.fields["preference-applied"] == "wait=60")
        #expect(end.json["state"] as? String == "succeeded", "\(end.text)")
        #expect(end.json["attempt"] as? Int == 1 && end.json["progress"] as? Double == 1)
        let verdict = try #require(end.json["verdict"] as? String)

        let report = try client.get(path + "/report")
        #expect(report.fields["content-type"] == "application/json")
        #expect((report.json["verdict"] as? [String: Any])?["line"] as? String == verdict)
        let text = try client.get(path + "/report", with: ["-H", "Accept: text/plain"])
        #expect(text.text.contains(verdict.prefix(12)), "\(text.text)")
        #expect(try client.get(path + "/report.txt").text == text.text)
        #expect(try client.get(path + "/report.json").body == report.body)
        try client.get(path + "/report", 406, code: "not-acceptable", with: ["-H", "Accept: image/png"])
        let html = try client.get(path + "/report", with: ["-H", "Accept: text/html,*/*;q=0.8"])
        #expect(html.text.hasPrefix("<!DOCTYPE html>") && html.text.contains(verdict.prefix(12)))
        #expect(html.fields["content-security-policy"]?.contains("default-src 'none'") == true)
        #expect(try client.get(path + "/report.html").body == html.body)
        let plan = try client.get(path + "/plan")
        #expect(plan.fields["content-type"] == "application/json" && !plan.json.isEmpty)
        #expect(try client.get(path + "/log").text.contains("calibrated"))
        let kinds = (end.json["artifacts"] as? [[String: Any]] ?? []).compactMap { $0["kind"] as? String }
        #expect(kinds.sorted() == ["artifact", "log", "plan", "provenance", "report", "report-html", "report-text"])
        let artifact = try client.get(path + "/artifact")
        #expect(artifact.fields["content-disposition"] == "attachment; filename=\"digits.int8.onnx\"")
        #expect(artifact.body.count * 3 < (try JobsClient.example("model.onnx")).count)
        #expect(try client.get(path + "/artifacts/onnxruntime-x64").body == artifact.body)
        try client.get(path + "/artifacts/other", 404, code: "artifact-not-found")

        // The same order again gives the same bytes.
        let again = try client.ended(client.postJob(order))
        #expect(try client.get("/v1/jobs/\(again.id)/artifact").body == artifact.body)
        // So does its record, and the report of that says so.
        let repeated = try client.ended(
            #require(try client.post(path + "/reproduce", "{}", 202).fields["location"]))
        let reproduces = try #require(repeated.json["reproduces"] as? [String: Any])
        #expect(reproduces["identical"] as? Bool == true && reproduces["job"] as? String == end.id, "\(repeated.text)")
        let reported = try client.get("/v1/jobs/\(repeated.id)/report").json["reproduces"] as? [String: Any]
        #expect(reported?["identical"] as? Bool == true && reported?["digest"] as? String == artifact.digest)
        try compare(end.id, repeated.id, client)
        // What came out is a model too, and quantized.
        let back = try client.post("/v1/models?name=quantized", artifact.body, 201)
        #expect(back.json["quantized"] as? Bool == true)
        let imported = try client.ended(
            client.postJob(#"{"model":"quantized","calibration_set":"digits","scheme":"int8-static"}"#))
        let told = try client.get("/v1/jobs/\(imported.id)/report").json["findings"] as? [[String: Any]] ?? []
        #expect(told.contains { $0["code"] as? String == "quantization-kept" }, "\(imported.text)")
        #expect(client.server.terminate() == 0)
    }

    private func compare(_ first: String, _ second: String, _ client: JobsClient) throws {
        let comparison = try client.get("/v1/compare?jobs=\(first),\(second)")
        #expect((comparison.json["jobs"] as? [Any])?.count == 2)
        #expect((comparison.json["plan"] as? [String: Any])?["nodes_differing"] as? Int == 0)
        let text = try client.get("/v1/compare.txt?jobs=\(first),\(second)").text
        #expect(text.contains("The plans are the same.") && text.contains("top-1 INT8"), "\(text)")
    }

    @Test func wrongOrdersSayWhatIsWrong() throws {
        let client = try JobsClient()
        let several = try client.post(
            "/v1/jobs",
            #"{"modle":"net","calibration_set":7,"options":{"calibrater":"auto"},"deadline":"soon","gate":{}}"#, 422,
            code: "invalid-request")
        let errors = several.json["errors"] as? [[String: String]] ?? []
        #expect(errors.contains { $0["pointer"] == "/modle" && $0["detail"]?.contains("'model'") == true }, "\(errors)")
        #expect(
            errors.contains { $0["pointer"] == "/options/calibrater" && $0["detail"]?.contains("'calibrator'") == true }
        )
        for pointer in ["/calibration_set", "/deadline", "/gate/metric", "/gate/max_drop"] {
            #expect(errors.contains { $0["pointer"] == pointer }, "\(pointer): \(errors)")
        }
        let absent = try client.post(
            "/v1/jobs", #"{"model":"net","calibration_set":"set"}"#, 422, code: "unknown-reference")
        #expect((absent.json["errors"] as? [Any])?.count == 2)
        try client.post("/v1/jobs", "{", 400, code: "malformed-json")
        try client.post("/v1/jobs", #"{"model":"a","model":"b"}"#, 400, code: "malformed-json")
        try client.post("/v1/jobs", "[]", 422, code: "invalid-request")
        try client.post("/v1/jobs", "[" + String(repeating: "[", count: 5000), 400, code: "malformed-json")
        try client.post("/v1/jobs?dryrun=true", "{}", 400, code: "unknown-parameter")
        try client.get("/v1/jobs/job_none", 404, code: "job-not-found")
        try client.get("/v1/jobs?state=done", 400, code: "invalid-parameter")
        try client.get("/v1/models?after=nonsense", 400, code: "invalid-cursor")
        try client.get("/v1/models?limit=0", 400, code: "invalid-parameter")
        #expect(try client.traces() == [])
    }

    @Test func aRepeatedOrderIsReplayed() throws {
        let client = try JobsClient()
        try client.post("/v1/models?name=net", JobsFiles.model(), 201)
        try client.post("/v1/calibration-sets?name=set", JobsFiles.samples(), 201)
        let key = ["-H", "Idempotency-Key: first"]
        let first = try client.post("/v1/jobs", #"{"model":"net","calibration_set":"set"}"#, 202, with: key)
        #expect(first.fields["idempotency-replayed"] == nil)
        // The same meaning, written differently.
        let second = try client.post("/v1/jobs", #"{ "calibration_set": "set", "model": "net" }"#, 202, with: key)
        #expect(second.id == first.id && second.fields["idempotency-replayed"] == "true")
        try client.post(
            "/v1/jobs", #"{"model":"net","calibration_set":"set","deadline":60}"#, 422, code: "idempotency-key-reused",
            with: key)
        _ = try client.ended("/v1/jobs/" + first.id)
        let third = try client.post("/v1/jobs", #"{"model":"net","calibration_set":"set"}"#, 202, with: key)
        #expect(third.id == first.id && third.json["state"] as? String == "succeeded")
        let other = try client.post(
            "/v1/jobs", #"{"model":"net","calibration_set":"set"}"#, 202, with: ["-H", "Idempotency-Key: second"])
        #expect(other.id != first.id)
        _ = try client.ended("/v1/jobs/" + other.id)
    }

    @Test func namesVersionsAndPages() throws {
        let client = try JobsClient()
        let old = try client.post("/v1/models?name=net", JobsFiles.model(), 201).id
        let new = try client.post("/v1/models?name=net", JobsFiles.model { $0.weights[0] = 0.25 }, 201).id
        #expect(try client.get("/v1/models/net").id == new)
        #expect(try client.get("/v1/models/\(old)").id == old)
        var sets: [String] = []
        for version in 1...5 {
            let set = try client.post(
                "/v1/calibration-sets?name=set", JobsFiles.samples { $0[0] = Float(version) }, 201)
            #expect(set.json["reference"] as? String == "set@\(version)")
            sets.append(set.id)
        }
        #expect(try client.get("/v1/calibration-sets/set").id == sets[4])
        #expect(try client.get("/v1/calibration-sets/set@2").id == sets[1])
        try client.get("/v1/calibration-sets/set@6", 404, code: "calibration-set-not-found")
        // The same bytes again are the version that is there.
        let again = try client.post("/v1/calibration-sets?name=set", JobsFiles.samples { $0[0] = 2 }, 200)
        #expect(again.json["version"] as? Int == 2)

        var pages: [[String]] = []
        var next: String? = "/v1/calibration-sets?limit=2&name=set"
        while let path = next, pages.count < 9 {
            let page = try client.get(path)
            pages.append(page.items.compactMap { $0["id"] as? String })
            let link = page.fields["link"]
            #expect(link == nil || link?.hasSuffix(">; rel=\"next\"") == true)
            next = link.map { String($0.dropFirst().prefix { $0 != ">" }) }
            #expect((page.json["next"] != nil) == (next != nil))
        }
        #expect(pages.map(\.count) == [2, 2, 1])
        #expect(pages.flatMap { $0 } == sets.reversed())
        #expect(try client.get("/v1/calibration-sets?role=evaluation").items.isEmpty)
    }

    @Test func aModelWithExternalDataIsQuantized() throws {
        let client = try JobsClient()
        let weights = JobsFiles.Faults().weights
        let model = try client.server.directory.write("m.onnx", JobsFiles.model { $0.location = "weights.bin" })
        let data = try client.server.directory.write("weights.bin", Message.floats(weights))
        let stored = try client.send(
            "POST", "/v1/models?name=net", ["-F", "model=@\(model)", "-F", "data=@\(data)"], 201)
        #expect((stored.json["external"] as? [[String: Any]])?.first?["name"] as? String == "weights.bin")
        #expect(try client.get("/v1/models/net/content/weights.bin").body == Message.floats(weights))
        try client.post("/v1/calibration-sets?name=set", JobsFiles.samples(), 201)
        let outside = try client.ended(
            client.postJob(#"{"model":"net","calibration_set":"set","scheme":"int8-static"}"#))
        #expect(outside.json["state"] as? String == "succeeded", "\(outside.text)")
        let inside = try client.post("/v1/models?name=inside", JobsFiles.model(), 201)
        #expect(inside.id != stored.id)
        let same = try client.ended(
            client.postJob(#"{"model":"inside","calibration_set":"set","scheme":"int8-static"}"#))
        // The artifacts name different models as their origin; what was decided is the same.
        #expect(try client.get("/v1/jobs/\(outside.id)/plan").body == client.get("/v1/jobs/\(same.id)/plan").body)
    }

    @Test func picturesAsCamerasGiveThemAreQuantized() throws {
        let client = try JobsClient()
        try client.post("/v1/models?name=net", JobsFiles.pictureModel(), 201)
        let set = try client.post(
            "/v1/calibration-sets?name=set&scale=1/255&mean=0.5,0.4,0.3&std=0.2,0.2,0.25&layout=nhwc-to-nchw",
            JobsFiles.pictures(), 201)
        let preprocessing = set.json["preprocessing"] as? [String: Any]
        #expect(
            preprocessing?["layout"] as? String == "nhwc-to-nchw"
                && preprocessing?["mean"] as? [Double] == [0.5, 0.4, 0.3])
        let order = #"{"model":"net","calibration_set":"set"}"#
        let dry = try client.post("/v1/jobs?dry_run=true", order, 200).json["calibration_set"] as? [String: Any]
        let binding = (dry?["bindings"] as? [[String: Any]])?.first
        #expect(binding?["sample_shape"] as? [Int] == [1, 3, 8, 8], "\(dry ?? [:])")
        let end = try client.ended(client.postJob(order))
        #expect(end.json["state"] as? String == "succeeded", "\(end.text)")
        // Without the change of layout the pictures do not fit.
        try client.post("/v1/calibration-sets?name=raw&scale=1/255", JobsFiles.pictures(), 201)
        let misfit = try client.post(
            "/v1/jobs", #"{"model":"net","calibration_set":"raw"}"#, 422, code: "invalid-calibration-set")
        #expect(misfit.detail.contains("Input 'image' expects float32[N, 3, 8, 8]"), "\(misfit.detail)")
    }

    @Test func whatIsDeletedFreesItsBytesUnlessOthersNeedThem() throws {
        let client = try JobsClient()
        try client.post("/v1/models?name=digits", JobsClient.example("model.onnx"), 201)
        try client.post("/v1/calibration-sets?name=set&scale=1/255", JobsClient.example("calibration.npz"), 201)
        let before = try client.traces()
        let order = #"{"model":"digits","calibration_set":"set","scheme":"int8-static"}"#
        let first = try client.ended(client.postJob(order))
        let second = try client.ended(client.postJob(order))
        let artifact = try client.get("/v1/jobs/\(first.id)/artifact").body
        let freed = try client.delete("/v1/jobs/" + first.id, 200).json["freed_bytes"] as? Int ?? -1
        #expect(freed > 0 && freed < artifact.count / 2, "\(freed)")
        try client.get("/v1/jobs/" + first.id, 404, code: "job-not-found")
        #expect(try client.get("/v1/jobs/\(second.id)/artifact").body == artifact)
        let rest = try client.delete("/v1/jobs/" + second.id, 200).json["freed_bytes"] as? Int ?? -1
        #expect(rest > artifact.count / 2, "\(rest)")
        // What calibration saw outlives the jobs.
        try client.forgetStatistics(of: "digits")
        try client.expectTraces(before)
        try client.delete("/v1/models/digits", 204)
        try client.delete("/v1/calibration-sets/set", 204)
        try client.expectTraces([])
    }
}
