import Foundation
import ModelGraph
import TestGraphs
import TestSupport
import Testing

/// `octavo lint` and the same through a server with the real worker.
@Suite(.ownThreads, .enabled(if: JobsClient.missing == nil, "\(JobsClient.missing ?? "")"))
struct LintCommandTests {
    private let directory: TemporaryDirectory
    private let example: LintCase

    init() throws {
        directory = try TemporaryDirectory()
        example = try #require(LintCase.all.first { $0.code == "weight-axis" })
    }

    private func lint(_ name: String, _ bytes: [UInt8], _ arguments: [String] = []) throws -> Command.Outcome {
        try Command.run(ServerProcess.binary, ["lint", directory.write(name, bytes)] + arguments)
    }

    @Test func theExitStatusSaysWhetherARuleIsBroken() throws {
        let broken = try lint("broken.onnx", example.broken.bytes())
        #expect(broken.exit == 1 && broken.errors == "", "\(broken)")
        #expect(broken.output.contains("error weight-axis (1): "), "\(broken.output)")
        #expect(broken.output.contains("cost: ") && broken.output.contains("to do: "))
        let clean = try lint("clean.onnx", example.clean.bytes())
        #expect(clean.exit == 0 && clean.output.contains("no rule is broken"), "\(clean)")
        let arm = try lint("arm.onnx", example.clean.bytes(), ["--target", "onnxruntime-arm"])
        #expect(arm.exit == 1 && arm.output.contains("unsigned-activations"), "\(arm)")
        let float = try lint("float.onnx", JobsFiles.model())
        #expect(float.exit == 0 && float.output.contains("not quantized"), "\(float)")
    }

    @Test func whatIsNoModelCannotBeChecked() throws {
        let cut = try lint("cut.onnx", Array(example.broken.bytes().dropLast(30)))
        #expect(cut.exit == 2 && cut.output == "" && cut.errors.hasPrefix("octavo: "), "\(cut)")
        let nowhere = try Command.run(ServerProcess.binary, ["lint", directory.path + "/nowhere.onnx"])
        #expect(nowhere.exit == 2 && nowhere.errors.contains("cannot read"), "\(nowhere)")
        let unknown = try lint("m.onnx", example.broken.bytes(), ["--target", "tensorrt"])
        #expect(unknown.exit != 0 && unknown.errors.contains("onnxruntime-x64-avx2"), "\(unknown)")
    }

    @Test func theServerSaysTheSame() throws {
        let client = try JobsClient()
        let model = try client.post("/v1/models?name=net", example.broken.bytes(), 201)
        #expect(model.json["quantized"] as? Bool == true)
        let answer = try client.post("/v1/models/net/lint", [], 200)
        let command = try lint("broken.onnx", example.broken.bytes(), ["--json"])
        let printed = try JSONSerialization.jsonObject(with: Data(command.output.utf8)) as? NSDictionary
        #expect(printed == answer.json as NSDictionary)
        let violation = (answer.json["violations"] as? [[String: Any]])?.first
        #expect(violation?["code"] as? String == "weight-axis" && violation?["name"] as? String == "Conv")
        let text = try client.post("/v1/models/net/lint", [], 200, with: ["-H", "Accept: text/plain"])
        #expect(text.text == (try lint("again.onnx", example.broken.bytes())).output)
        let safe = try client.post("/v1/models/net/lint?target=onnxruntime-x64-avx2", [], 200)
        #expect(safe.json["target"] as? String == "onnxruntime-x64-avx2")
        try client.post("/v1/models/none/lint", [], 404, code: "model-not-found")
        #expect(client.server.terminate() == 0)
    }

    /// The whole way for another target: request, artifact, report, and its own rules kept.
    @Test func aJobForAnotherTargetKeepsItsRules() throws {
        let client = try JobsClient()
        try client.post("/v1/models?name=digits", JobsClient.example("model.onnx"), 201)
        try client.post("/v1/calibration-sets?name=set&scale=1/255", JobsClient.example("calibration.npz"), 201)
        for target in ["onnxruntime-x64-avx2", "onnxruntime-arm"] {
            let order = #"{"model":"digits","calibration_set":"set","target":"\#(target)","scheme":"int8-static"}"#
            let end = try client.ended(client.postJob(order))
            #expect(end.json["state"] as? String == "succeeded", "\(end.text)")
            let report = try client.get("/v1/jobs/\(end.id)/report").json["portability"] as? [String: Any]
            #expect(report?["target"] as? String == target && report?["saturating_layers"] as? Int == 0)
            let artifact = try client.get("/v1/jobs/\(end.id)/artifacts/\(target)").body
            try client.get("/v1/jobs/\(end.id)/artifacts/onnxruntime-x64", 404, code: "artifact-not-found")
            let found = try lint("\(target).onnx", artifact, ["--target", target])
            #expect(found.exit == 0, "\(found.output)")
        }
        #expect(client.server.terminate() == 0)
    }
}
