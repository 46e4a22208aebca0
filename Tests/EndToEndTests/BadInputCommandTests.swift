import Foundation
import TestSupport
import Testing

/// The command line with files that are wrong, without an engine, with settings that nobody knows.
@Suite(.ownThreads, .enabled(if: JobsClient.missing == nil, "\(JobsClient.missing ?? "")"))
struct BadInputCommandTests {
    private let directory: TemporaryDirectory
    private let model: String
    private let samples: String
    private let output: String

    init() throws {
        directory = try TemporaryDirectory()
        model = try directory.write("net.onnx", JobsFiles.model())
        samples = try directory.write("set.npz", JobsFiles.samples())
        output = directory.path + "/out.onnx"
    }

    private func octavo(_ arguments: [String], environment: [String: String?] = [:]) throws -> Command.Outcome {
        var clean: [String: String?] = environment
        for name in ProcessInfo.processInfo.environment.keys
        where name.hasPrefix("OCTAVO_") && name != "OCTAVO_ONNXRUNTIME" && environment[name] == nil {
            clean[name] = .some(nil)
        }
        return try Command.run(ServerProcess.binary, arguments, environment: clean)
    }

    private func quantize(
        _ model: String, _ samples: String, environment: [String: String?] = [:]
    ) throws -> Command.Outcome {
        try octavo(
            ["quantize", model, "--calibration", samples, "-o", output, "--measure-time", "0.02"],
            environment: environment)
    }

    private func expectNoOutput() throws {
        #expect(!FileManager.default.fileExists(atPath: output))
        #expect(directory.files().filter { $0.contains("report") } == [])
    }

    @Test func aGoodModelIsQuantized() throws {
        let done = try quantize(model, samples)
        #expect(done.exit == 0 && done.errors == "", "\(done)")
        #expect(done.output.contains("faster") || done.output.contains("lower"), "\(done.output)")
        #expect(FileManager.default.fileExists(atPath: output))
        #expect(FileManager.default.fileExists(atPath: output + ".report.json"))
    }

    @Test(arguments: [
        ("cut", Array(JobsFiles.model().dropLast(20)), "corrupt-model"), ("text", Array("model".utf8), "corrupt-model"),
        ("nothing", [], "corrupt-model"), ("quantized", JobsFiles.model { $0.quantized = true }, "already-quantized"),
        ("relu", JobsFiles.model { $0.op = "Relu" }, "nothing-to-quantize"),
        ("up", JobsFiles.model { $0.location = "../../etc/passwd" }, "invalid-model"),
        ("alone", JobsFiles.model { $0.location = "weights.bin" }, "missing-external-data"),
    ])
    func aBadModelIsRefused(_ name: String, _ bytes: [UInt8], _ type: String) throws {
        let bad = try directory.write("\(name).onnx", bytes)
        let refused = try quantize(bad, samples)
        #expect(refused.exit == 2 && refused.output == "", "\(refused)")
        #expect(refused.errors.hasPrefix("octavo: \(type) in stage load: "), "\(refused.errors)")
        try expectNoOutput()
    }

    @Test func externalDataBehindALinkIsRefused() throws {
        let bad = try directory.write("linked.onnx", JobsFiles.model { $0.location = "weights.bin" })
        let secret = try directory.write("secret", [UInt8](repeating: 7, count: 128))
        try FileManager.default.createSymbolicLink(
            atPath: directory.path + "/weights.bin", withDestinationPath: secret)
        let refused = try quantize(bad, samples)
        #expect(refused.exit == 2 && refused.errors.contains("link"), "\(refused)")
        let inspected = try octavo(["inspect", bad])
        #expect(inspected.exit == 2 && inspected.errors.contains("link"), "\(inspected)")
        try expectNoOutput()
    }

    @Test func filesThatAreNotThereAreNamed() throws {
        let nowhere = directory.path + "/nowhere"
        for refused in [
            try quantize(nowhere + ".onnx", samples), try quantize(model, nowhere + ".npz"),
            try quantize(directory.path, samples), try octavo(["inspect", nowhere + ".onnx"]),
            try octavo(["inspect", nowhere + ".npz"]),
        ] {
            #expect(refused.exit == 2 && refused.output == "", "\(refused)")
            #expect(refused.errors.hasPrefix("octavo: ") && refused.errors.contains("annot read /"), "\(refused)")
        }
        try expectNoOutput()
    }

    @Test func samplesThatDoNotFitAreRefused() throws {
        let wide = try directory.write("wide.npz", JobsFiles.samples(columns: 5))
        let nan = try directory.write("nan.npz", JobsFiles.samples { $0[0] = .nan })
        let misfit = try quantize(model, wide)
        #expect(misfit.exit == 2 && misfit.errors.contains("Input 'x' expects float32[N, 4]"), "\(misfit)")
        let notFinite = try quantize(model, nan)
        #expect(notFinite.exit == 2 && notFinite.errors.contains("sample 0"), "\(notFinite)")
        try expectNoOutput()
    }

    @Test func anOutputThatCannotBeWrittenIsSaid() throws {
        let place = directory.path + "/no/such/out.onnx"
        let refused = try octavo(
            ["quantize", model, "--calibration", samples, "-o", place, "--measure-time", "0.02"])
        #expect(
            refused.exit == 2 && refused.errors == "octavo: cannot write \(place): No such file or directory\n",
            "\(refused)")
    }

    @Test func whatIsThereIsOnlyReplacedByAFile() throws {
        let folder = directory.path + "/results"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let kept = try directory.write("results/kept.txt", Array("kept".utf8))
        let pipe = directory.path + "/pipe"
        try #require(mkfifo(pipe, 0o600) == 0)
        for (option, place, reason) in [
            ("-o", folder, "Is a directory"), ("--report", folder, "Is a directory"), ("--plan", pipe, "regular file"),
            ("-o", pipe, "regular file"), ("-o", model, "is an input"), ("-o", samples, "is an input"),
        ] {
            let others = option == "-o" ? [] : ["-o", output]
            let refused = try octavo(
                ["quantize", model, "--calibration", samples, option, place, "--measure-time", "0.02"] + others)
            #expect(refused.exit == 2 && refused.errors.contains(reason), "\(refused)")
            #expect(refused.errors.hasPrefix("octavo: cannot write \(place): "), "\(refused)")
        }
        #expect(try String(contentsOfFile: kept, encoding: .utf8) == "kept")
        #expect(try Data(contentsOf: URL(fileURLWithPath: model)) == Data(JobsFiles.model()))
        let developed = try octavo(["develop", samples, model, "-o", samples])
        #expect(developed.exit == 2 && developed.errors.contains("is an input"), "\(developed)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: samples)) == Data(JobsFiles.samples()))
        try expectNoOutput()
        // An earlier result is replaced.
        _ = try directory.write("out.onnx", Array("earlier".utf8))
        #expect(try quantize(model, samples).exit == 0)
        #expect(try Data(contentsOf: URL(fileURLWithPath: output)).count > 7)
    }

    @Test func aPipeIsNoModelAndNothingIsWaitedFor() throws {
        let pipe = directory.path + "/pipe.onnx"
        try #require(mkfifo(pipe, 0o600) == 0)
        let refused = try octavo(["inspect", pipe])
        #expect(refused.exit == 2 && refused.errors.contains("not a regular file"), "\(refused)")
    }

    @Test func aDataDirectoryThatCannotBeMadeIsSaid() throws {
        let file = try directory.write("file", [1])
        let refused = try octavo(["serve", "--listen", "127.0.0.1:0", "--data", file + "/data"])
        #expect(refused.exit != 0 && refused.output == "", "\(refused)")
        #expect(refused.errors.contains("cannot use \(file)/data") && !refused.errors.contains("NSCocoa"), "\(refused)")
    }

    @Test func theVersionIsSaid() throws {
        let version = try octavo(["--version"])
        #expect(version.exit == 0 && version.output.hasPrefix("octavo "), "\(version)")
        #expect(try octavo(["doctor"]).output.hasPrefix(version.output), "\(version)")
    }

    @Test func withoutAnEngineTheReasonAndTheRemedyAreSaid() throws {
        let none = ["OCTAVO_ONNXRUNTIME": "/nonexistent"]
        let refused = try quantize(model, samples, environment: none)
        #expect(refused.exit == 1 && refused.errors.contains("engine-missing"), "\(refused)")
        #expect(refused.errors.contains("make setup") && refused.errors.contains("/nonexistent"), "\(refused)")
        let doctor = try octavo(["doctor"], environment: none)
        #expect(doctor.exit == 1 && doctor.output.contains("problem: "), "\(doctor)")
        #expect(doctor.output.contains("/nonexistent"))
        #expect(try octavo(["doctor"]).output.hasSuffix("ready\n"))
        // Looking at a file needs none.
        #expect(try octavo(["inspect", model], environment: none).exit == 0)
        try expectNoOutput()
    }

    /// The engine's published builds leave a database of its use there, to be sent away.
    @Test func nothingIsWrittenToTheHomeDirectory() throws {
        let home = directory.path + "/home"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: false)
        let done = try quantize(
            model, samples, environment: ["HOME": home, "XDG_CACHE_HOME": nil, "ORT_DISABLE_TELEMETRY": nil])
        #expect(done.exit == 0, "\(done)")
        #expect(try FileManager.default.subpathsOfDirectory(atPath: home) == [])
    }

    @Test func aServerWithoutAnEngineTakesUploadsAndFailsJobs() throws {
        let client = try JobsClient(environment: ["OCTAVO_ONNXRUNTIME": "/nonexistent"])
        try client.post("/v1/models?name=net", JobsFiles.model(), 201)
        try client.post("/v1/calibration-sets?name=set", JobsFiles.samples(), 201)
        let end = try client.ended(client.postJob(#"{"model":"net","calibration_set":"set"}"#))
        #expect(end.failure["type"] as? String == "engine-missing", "\(end.text)")
        #expect(end.failure["fault"] as? String == "service")
    }

    @Test func otherLibrariesAreNoEngine() throws {
        let refused = try quantize(model, samples, environment: ["OCTAVO_ONNXRUNTIME": samples])
        #expect(refused.exit == 1 && refused.errors.contains("not a usable ONNX Runtime library"), "\(refused)")
    }

    @Test func settingsThatNobodyKnowsNameTheNearest() throws {
        let data = directory.path + "/data"
        let serve = ["serve", "--listen", "127.0.0.1:0", "--data", data]
        let file = try directory.write("octavo.yaml", Array("workres: 2\n".utf8))
        for refused in [
            try octavo(serve + ["--set", "workres=2"]), try octavo(serve, environment: ["OCTAVO_WORKRES": "2"]),
            try octavo(serve + ["--config", file]),
        ] {
            #expect(refused.exit != 0 && refused.output == "", "\(refused)")
            #expect(refused.errors.lowercased().contains("workers'"), "\(refused)")
        }
        let bad = try octavo(serve + ["--set", "workers=0"])
        #expect(bad.exit != 0 && bad.errors.contains("1 to 64"), "\(bad)")
        #expect(!FileManager.default.fileExists(atPath: data))
    }

    @Test func aPortInUseIsSaid() throws {
        let server = try ServerProcess()
        let place = String(server.address.dropFirst("http://".count))
        let refused = try octavo(["serve", "--listen", place, "--data", directory.path + "/other"])
        #expect(refused.exit != 0 && refused.output == "", "\(refused)")
        #expect(refused.errors.contains(place) && refused.errors.lowercased().contains("in use"), "\(refused)")
        #expect(try server.curl("/livez").status == 200)
    }

    @Test func aDirectoryOfAnotherServerIsLeftAlone() throws {
        let server = try ServerProcess()
        let refused = try octavo(["serve", "--listen", "127.0.0.1:0", "--data", server.data])
        #expect(refused.exit != 0 && refused.output == "", "\(refused)")
        #expect(refused.errors.contains(server.data), "\(refused)")
        #expect(try server.post("/v1/models", FakeWorker.model()).status == 201)
    }
}
