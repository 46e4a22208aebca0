import Domain
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Service

@Suite struct WorkerProcessTests {
    private struct Bench {
        let directory: TemporaryDirectory
        let command: WorkerCommand
        let order: WorkOrder

        init(_ behaviour: String) throws {
            directory = try TemporaryDirectory()
            let worker = try FakeWorker.install(in: directory)
            command = .script(worker, ["work"])
            try directory.write("model.onnx", FakeWorker.model(inspection: behaviour))
            order = .inspectModel(StagedModel(directory: directory.path, file: "model.onnx", digest: nil))
        }

        func run(_ process: WorkerProcess, patience: Double = 0.2) async -> WorkerEnd {
            await process.run(order, command: command, limits: WorkerLimits(), patience: patience)
        }
    }

    @Test func aWorkerAnswersAndIsReaped() async throws {
        let bench = try Bench("ok")
        let end = await bench.run(WorkerProcess(log: WorkerLog()))
        #expect(end.code == 0 && end.signal == 0)
        guard case .inspectedModel(let summary) = end.final else { return #expect(Bool(false), "\(end)") }
        #expect(summary.operators["MatMul"] == 2)
    }

    @Test func aWorkerHasOnlyItsFourDescriptorsAndUsualSignals() async throws {
        let bench = try Bench("fd")
        let log = WorkerLog()
        // A descriptor without close-on-exec must not reach the worker.
        let leak = dup(1)
        defer { close(leak) }
        _ = await bench.run(WorkerProcess(log: log))
        let lines = String(decoding: log.bytes, as: UTF8.self).split(separator: "\n")
        let numbers = lines.filter { $0.hasPrefix("fd ") }.compactMap { Int($0.dropFirst(3)) }
        // `ls` itself holds the directory that it lists; the shell may keep one more above 9 for the script.
        #expect(numbers.filter { $0 < 10 }.allSatisfy { $0 <= 4 }, "\(numbers)")
        for set in ["SigBlk", "SigIgn"] {
            let line = lines.first { $0.hasPrefix(set) }
            // glibc itself ignores 32 and 33, its own two, in what it spawns.
            let mask = line.flatMap { UInt64($0.suffix(16), radix: 16) }
            #expect(mask.map { $0 & ~0x1_8000_0000 } == 0, "\(line ?? "")")
        }
    }

    @Test(arguments: ["hang", "stubborn"])
    func aWorkerThatIsStoppedEnds(_ behaviour: String) async throws {
        let bench = try Bench(behaviour)
        let process = WorkerProcess(log: WorkerLog())
        Task { process.stop(.cancelled) }
        let end = await bench.run(process)
        #expect(end.stopped == .cancelled)
    }

    @Test func aWorkerStoppedBeforeItStartsNeverStarts() async throws {
        let process = WorkerProcess(log: WorkerLog())
        process.stop(.shutdown)
        let end = try await Bench("ok").run(process)
        #expect(end.final == nil)
    }

    @Test func aProgramThatIsNotThereIsAFailure() async throws {
        let bench = try Bench("ok")
        let command = WorkerCommand(executable: "/nothing/here", arguments: [], environment: [:])
        let end = await WorkerProcess(log: WorkerLog()).run(bench.order, command: command, limits: WorkerLimits())
        #expect(end.failure(log: WorkerLog())?.type == .internal)
    }

    @Test func anOrderLargerThanAPipeArrives() async throws {
        let directory = try TemporaryDirectory()
        let script = "#!/bin/sh\nIFS= read -r order\nprintf '%s' \"$order\" | wc -c\n"
        let path = try directory.write("count", Array(script.utf8))
        let log = WorkerLog()
        let order = WorkOrder.inspectModel(
            StagedModel(directory: String(repeating: "d", count: 300_000), file: "f", digest: nil))
        let command = WorkerCommand.script(path)
        _ = await WorkerProcess(log: log).run(order, command: command, limits: WorkerLimits())
        let count = try JSON.encode(order).count
        #expect(log.lastLines(1).trimmingCharacters(in: .whitespaces) == "\(count)")
    }

    @Test func whatAWorkerPrintsIsBounded() async throws {
        let directory = try TemporaryDirectory()
        let script = "#!/bin/sh\nhead -c 5000000 /dev/zero | tr '\\0' 'y'\necho end\n"
        let path = try directory.write("flood", Array(script.utf8))
        let log = WorkerLog()
        let command = WorkerCommand.script(path)
        let order = WorkOrder.inspectModel(StagedModel(directory: "d", file: "f", digest: nil))
        _ = await WorkerProcess(log: log).run(order, command: command, limits: WorkerLimits())
        #expect(log.bytes.count < 1 << 20)
        #expect(log.lastLines(1).hasSuffix("end"))
    }

    private func end(of script: String, _ process: WorkerProcess = WorkerProcess(log: WorkerLog())) async throws
        -> WorkerEnd
    {
        let directory = try TemporaryDirectory()
        let path = try directory.write("worker", Array("#!/bin/sh\n\(script)\n".utf8))
        let command = WorkerCommand.script(path)
        let order = WorkOrder.inspectModel(StagedModel(directory: "d", file: "f", digest: nil))
        return await process.run(order, command: command, limits: WorkerLimits(), patience: 0.2)
    }

    @Test func countsThatNoFileHasAreNoEvent() async throws {
        let signature = TensorSignature(name: "x", type: .float32, shape: [.fixed(4)])
        let model = ModelSummary(
            irVersion: 8, opsets: [:], producer: nil, inputs: [signature], outputs: [signature], parameters: 10,
            weightBytes: 40, operators: ["Conv": 1], externalData: [], quantized: false, findings: [])
        var pictures = Preprocessing.identity
        pictures.pictures = PictureRecipe(size: [4])
        let set = SampleSetSummary(
            format: .npz, samples: 8,
            arrays: [.init(name: "x", type: .float32, shape: [8, 4], minimum: 0, maximum: 1)],
            labelled: false, preprocessing: pictures, findings: [])
        let report = LintReport(
            target: .onnxruntimeX64, quantized: true, nodes: 3,
            rules: [
                .init(code: "c", severity: .error, fault: "f", cost: "c", advice: "a", violations: 1)
            ], violations: [], omitted: 0)
        func changed<T>(_ value: T, _ change: (inout T) -> Void) -> T {
            var copy = value
            change(&copy)
            return copy
        }
        let sound: [WorkEvent] = [.inspectedModel(model), .inspectedSamples(set), .lintedModel(report)]
        let wrong: [WorkEvent] = [
            .inspectedModel(changed(model) { $0.weightBytes = -1 }),
            .inspectedModel(changed(model) { $0.operators["Conv"] = .max }),
            .inspectedSamples(changed(set) { $0.samples = .max }),
            .inspectedSamples(changed(set) { $0.arrays[0].shape = [8, .min] }),
            .inspectedSamples(changed(set) { $0.preprocessing.pictures?.size = [] }),
            .inspectedSamples(changed(set) { $0.preprocessing.pictures?.size = [.max, .max] }),
            .lintedModel(changed(report) { $0.rules[0].violations = .min }),
        ]
        for (events, isSound) in [(sound, true), (wrong, false)] {
            for event in events {
                let line = String(decoding: try JSON.encode(event), as: UTF8.self)
                let end = try await end(of: "printf '%s\\n' '\(line)' >&3")
                #expect((end.violation == nil) == isSound && (end.final == event) == isSound, "\(line): \(end)")
            }
        }
    }

    @Test func aWorkerThatReadsNoAnswersIsEnded() async throws {
        let process = WorkerProcess(log: WorkerLog())
        for _ in 0..<100_000 { process.tell(.neighbours(Neighbours())) }
        let end = try await end(of: "exec sleep 60", process)
        #expect(end.violation?.contains("answers") == true, "\(end)")
    }
}
