import Foundation
import TestGraphs
import TestSupport
import Testing

/// Zips of pictures through a real server with real curl, to the report.
@Suite(.ownThreads, .enabled(if: JobsClient.missing == nil, "\(JobsClient.missing ?? "")"))
struct PictureJobTests {
    private func report(_ client: JobsClient, _ order: String) throws -> [String: Any] {
        let end = try client.ended(client.postJob(order))
        try #require(end.json["state"] as? String == "succeeded", "\(end.text)")
        let path = "/v1/jobs/\(end.id)/report"
        #expect(try client.get(path + ".html").text.contains("<h2"))
        return try client.get(path).json
    }

    @Test func aZipOfFoldersGivesTopOne() throws {
        let client = try JobsClient()
        try client.post("/v1/models?name=colours", PictureSets.colourModel(), 201)
        let pictures = PictureSets.zip(PictureSets.colours(24, seed: 1))
        let set = try client.post("/v1/calibration-sets?name=some", pictures, 201)
        #expect(set.json["format"] as? String == "zip" && set.json["labelled"] as? Bool == true)
        let shown = try #require(set.json["pictures"] as? [String: Any])
        #expect(shown["labels"] as? String == "folders" && shown["png"] as? Int == 24)
        #expect((set.json["health"] as? [String: Any])?["duplicates"] as? Int == 0)
        try client.post("/v1/calibration-sets?name=some", pictures, 200)
        let evaluation = PictureSets.zip(PictureSets.colours(30, seed: 2))
        try client.post("/v1/calibration-sets?name=other&role=evaluation&preset=unit", evaluation, 201)
        let order =
            #"{"model":"colours","calibration_set":"some","evaluation_set":"other","gate":{"metric":"top1","max_drop":0.01}}"#
        let dry = try client.post("/v1/jobs?dry_run=true", order, 200)
        #expect(dry.text.contains("preprocessing-guess"), "\(dry.text)")
        let report = try report(client, order)
        let accuracy = try #require(report["accuracy"] as? [String: Any])
        #expect(accuracy["samples"] as? Int == 30 && accuracy["classes"] as? Int == 3)
        #expect((accuracy["fp32_top1"] as? [String: Any])?["correct"] as? Int == 30, "\(accuracy)")
        #expect((accuracy["int8_top1"] as? [String: Any])?["correct"] as? Int == 30, "\(accuracy)")
        let health = try #require(report["calibration"] as? [String: Any])
        #expect(health["distance"] != nil && "\(health["findings"] ?? "")".contains("preprocessing-guess"))
        #expect(client.server.terminate() == 0)
    }

    /// One zip as `ultralytics` takes it: calibrated with its train part, judged on its val part.
    @Test func aDataSetOfUltralyticsGivesMeanAveragePrecision() throws {
        let client = try JobsClient()
        try client.post("/v1/models?name=places", PictureSets.placesModel(), 201)
        let data = PictureSets.zip(PictureSets.places(train: 12, val: 10))
        let train = try client.post("/v1/calibration-sets?name=tiny&preset=yolo", data, 201)
        let val = try client.post("/v1/calibration-sets?name=tiny-val&role=evaluation&preset=yolo", data, 201)
        func part(_ answer: Curl.Answer) -> [String: Any] { answer.json["pictures"] as? [String: Any] ?? [:] }
        #expect(part(train)["split"] as? String == "train" && train.json["samples"] as? Int == 12)
        #expect(part(val)["split"] as? String == "val" && val.json["samples"] as? Int == 10)
        #expect(part(val)["classes"] as? [String] == ["red", "green", "blue"] && part(val)["boxes"] as? Int ?? 0 > 10)
        let report = try report(
            client,
            #"{"model":"places","calibration_set":"tiny","evaluation_set":"tiny-val","gate":{"metric":"map","max_drop":0.05}}"#
        )
        let detection = try #require(report["detection"] as? [String: Any], "\(report)")
        #expect(detection["head"] as? String == "yolo" && detection["classes"] as? Int == 3)
        let labelled = try #require(detection["labelled"] as? [String: Any])
        #expect(labelled["objects"] as? Int == part(val)["boxes"] as? Int)
        let precision = try #require(labelled["fp32"] as? [String: Double])
        #expect(precision["map"] ?? 0 > 0.99, "\(labelled)")
        #expect((labelled["int8"] as? [String: Double])?["map"] ?? 0 > 0.95)
        #expect((report["gate"] as? [String: Any])?["met"] as? Bool == true)
        // A head that these outputs have not is said to be unreadable, and nothing else is lost.
        let other = try self.report(
            client,
            #"{"model":"places","calibration_set":"tiny","evaluation_set":"tiny-val","options":{"head":"ssd"}}"#)
        #expect(other["detection"] == nil && "\(other["findings"] ?? "")".contains("head-unreadable"))
    }

    /// What the model gets, without a server.
    @Test func samplesAreWrittenAsTheModelGetsThem() throws {
        let directory = try TemporaryDirectory()
        let model = try directory.write("colours.onnx", PictureSets.colourModel())
        let zip = try directory.write(
            "two.zip",
            PictureSets.zip([
                ("a.png", PNG.plain(width: 4, height: 4, [255, 51, 0])),
                ("b.png", PNG.plain(width: 9, height: 3, [0, 0, 102])),
            ]))
        let output = directory.path + "/x.npy"
        let run = try Command.run(ServerProcess.binary, ["develop", zip, model, "-o", output])
        #expect(run.exit == 0 && run.errors.contains("'unit' was taken") && run.errors.contains("2 samples"), "\(run)")
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: output)))
        let values = [255, 51, 0, 0, 0, 102].map { Float($0) * Float(1.0 / 255) }
        let expected = NPY.floats([2, 3, 8, 8], values.flatMap { [Float](repeating: $0, count: 64) })
        let same = bytes == expected
        #expect(same)
        let refused = try Command.run(ServerProcess.binary, ["develop", model, model, "-o", output])
        #expect(refused.exit == 2 && refused.errors.contains("neither .npy nor .npz"), "\(refused)")
    }

    @Test func problemsNameTheFileInsideTheZip() throws {
        let client = try JobsClient()
        let good = PictureSets.colours(6, seed: 4)
        let path = "/v1/calibration-sets?name=bad"
        for (file, bytes, words) in [
            ("set/0/broken.jpg", Array("no picture at all".utf8), "is neither JPEG nor PNG"),
            (
                "set/1/huge.png", PNG.bytes(width: 1, height: 1, announced: (50_000, 50_000), [0, 0, 0]),
                "50000 x 50000"
            ),
            ("set/../../x.png", good[0].1, "points outside the archive"), (good[0].0, good[0].1, "two members named"),
            ("set/0/inner.zip", PictureSets.zip(good), "archive inside the archive"),
        ] {
            let problem = try client.post(
                path, PictureSets.zip(good + [(file, bytes)]), 422, code: "invalid-calibration-set")
            #expect(problem.detail.contains("'\(file)'") && problem.detail.contains(words), "\(problem.detail)")
            #expect(problem.text.contains("\"pointer\":\"\(file)\""), "\(problem.text)")
        }
        let empty = PictureSets.zip([("readme.txt", Array("hello".utf8))])
        try client.post(path, empty, 422, code: "invalid-calibration-set")
        #expect(try client.traces() == [])

        let mixed = PictureSets.zip(good + [("set/2/broken.jpg", Array("no picture".utf8))])
        let kept = try client.post(path + "&on_error=skip", mixed, 201)
        let pictures = try #require(kept.json["pictures"] as? [String: Any])
        #expect(kept.json["samples"] as? Int == 6 && pictures["skipped_count"] as? Int == 1)
        #expect("\(pictures["skipped"] ?? "")".contains("set/2/broken.jpg"))
    }

    @Test func whatDoesNotFitTheModelIsSaidBeforeAnythingIsQueued() throws {
        let client = try JobsClient()
        try client.post("/v1/models?name=colours", PictureSets.colourModel(), 201)
        try client.post("/v1/models?name=net", JobsFiles.model(), 201)
        try client.post(
            "/v1/calibration-sets?name=large&size=16", PictureSets.zip(PictureSets.colours(6, seed: 4)), 201)
        let size = try client.post(
            "/v1/jobs", #"{"model":"colours","calibration_set":"large"}"#, 422, code: "invalid-calibration-set")
        #expect(size.detail.contains("give 8x8"), "\(size.detail)")
        let rank = try client.post(
            "/v1/jobs", #"{"model":"net","calibration_set":"large"}"#, 422, code: "invalid-calibration-set")
        #expect(rank.detail.contains("four axes"), "\(rank.detail)")
        for (query, words) in [
            ("preset=yolov8", "preset"), ("size=0", "HEIGHTxWIDTH"), ("fill=256", "0 to 255"),
            ("split=dev", "train, val"),
            ("on_error=ignore", "on_error"), ("resize=zoom", "resize"),
        ] {
            let problem = try client.post("/v1/calibration-sets?\(query)", [0], 400, code: "invalid-parameter")
            #expect(problem.text.contains(words), "\(problem.text)")
        }
        // A class that the model does not have is found before the model is calibrated.
        let folders = ["0", "1", "3"]
        try client.post(
            "/v1/calibration-sets?name=four&preset=unit",
            PictureSets.zip(PictureSets.colours(6, seed: 5, folders: folders)), 201)
        try client.post(
            "/v1/calibration-sets?name=plain&preset=unit", PictureSets.zip(PictureSets.colours(6, seed: 6)), 201)
        let end = try client.ended(
            client.postJob(#"{"model":"colours","calibration_set":"plain","evaluation_set":"four"}"#))
        #expect(end.failure["type"] as? String == "invalid-calibration-set", "\(end.text)")
        #expect(
            end.failure["stage"] as? String == "load" && end.failure["pointer"] as? String == "set/3/p2.png",
            "\(end.text)")
    }
}
