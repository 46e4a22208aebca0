import Foundation
import Inference
import ModelGraph
import Testing

@Suite(.enabled(if: TestEngine.available, TestEngine.reason))
struct SessionTests {
    @Test func aModelRunsFromBytesAndFromAFile() throws {
        let model = Models.addAndRectify()
        let scratch = try Scratch()
        let path = scratch.file("m.onnx", try model.bytes())
        let x = try TensorValue(floats: [1, 1, 1, -4, 5, -9], shape: [2, 3])
        for source in [ModelSource.bytes(try model.bytes()), .path(path)] {
            let session = try #require(TestEngine.shared).makeSession(source, SessionOptions())
            let outputs = try session.run(["x": x], outputs: ["y"])
            #expect(outputs.map(\.shape) == [[2, 3]])
            #expect(try outputs.map { try $0.floats() } == [[2, 0, 4, 0, 3, 0]])
        }
    }

    @Test func theSignatureSaysWhatIsFixed() throws {
        let session = try TestEngine.session(Models.addAndRectify())
        #expect(session.inputs == [EngineSignature(name: "x", type: .float, shape: [-1, 3])])
        #expect(session.outputs == [EngineSignature(name: "y", type: .float, shape: [-1, 3])])
        var options = SessionOptions()
        options.dimensions = ["batch": 4]
        #expect(try TestEngine.session(Models.addAndRectify(), options).inputs.map(\.shape) == [[4, 3]])
    }

    @Test func outputsComeInTheOrderAskedForAndOutliveTheSession() throws {
        let shape: [Dim] = [.fixed(2)]
        var model = Model(
            graph: Graph(
                nodes: [
                    Node(op: "Neg", inputs: ["x"], outputs: ["a"]), Node(op: "Abs", inputs: ["x"], outputs: ["b"]),
                ],
                inputs: [ValueInfo(name: "x", type: .float, shape: shape)],
                outputs: ["a", "b"].map { ValueInfo(name: $0, type: .float, shape: shape) }))
        model.producerName = "test"
        var session: (any Session)? = try TestEngine.session(model)
        let x = try TensorValue(floats: [1, -2], shape: [2])
        let outputs = try #require(try session?.run(["x": x], outputs: ["b", "a"]))
        session = nil
        #expect(try outputs.map { try $0.floats() } == [[1, 2], [-1, 2]])
    }

    @Test(arguments: [
        ElementType.float, .double, .float16, .bfloat16, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64,
        .uint64,
        .bool,
    ])
    func everyElementTypePassesThrough(type: ElementType) throws {
        let shape: [Dim] = [.fixed(2), .fixed(2)]
        let model = Model(
            graph: Graph(
                nodes: [Node(op: "Identity", inputs: ["x"], outputs: ["y"])],
                inputs: [ValueInfo(name: "x", type: type, shape: shape)],
                outputs: [ValueInfo(name: "y", type: type, shape: shape)]))
        let bytes = (0..<4 * type.byteWidth).map { UInt8($0 % 2) }
        let x = try TensorValue(type: type, shape: [2, 2], bytes: bytes)
        let y = try #require(try TestEngine.session(model).run(["x": x], outputs: ["y"]).first)
        #expect(y.type == type && y.withBytes { [UInt8]($0) } == bytes)
        #expect(try y.floats() == x.floats())
    }

    @Test func severalThreadsMayRunOneSession() throws {
        let session = try TestEngine.session(Models.addAndRectify())
        DispatchQueue.concurrentPerform(iterations: 64) { i in
            let x = try? TensorValue(floats: [Float(i), 2, -3], shape: [1, 3])
            let y = try? session.run(x.map { ["x": $0] } ?? [:], outputs: ["y"]).first?.floats()
            #expect(y == [Float(i) + 1, 0, 0])
        }
    }

    @Test func wrongNamesAreNamed() throws {
        let session = try TestEngine.session(Models.addAndRectify())
        let x = try TensorValue(floats: [1, 2, 3], shape: [1, 3])
        #expect(throws: EngineError.missingInput("x")) { try session.run([:], outputs: ["y"]) }
        #expect(throws: EngineError.unknownInput("z", expected: ["x"])) {
            try session.run(["x": x, "z": x], outputs: ["y"])
        }
        #expect(throws: EngineError.unknownOutput("q", expected: ["y"])) { try session.run(["x": x], outputs: ["q"]) }
        #expect(throws: EngineError.unknownOutput("q", expected: ["y"])) { try session.bind(["x": x], outputs: ["q"]) }
    }

    @Test func aWrongShapeOrTypeIsTheEnginesError() throws {
        let session = try TestEngine.session(Models.addAndRectify())
        for x in [
            try TensorValue(floats: [1, 2], shape: [1, 2]), try TensorValue(int64s: [1, 2, 3], shape: [1, 3]),
        ] {
            let error = try #require(throws: EngineError.self) { try session.run(["x": x], outputs: ["y"]) }
            guard case .engine(_, let message, "running the model") = error else {
                Issue.record("unexpected \(error)")
                continue
            }
            #expect(message.contains("x"))
        }
    }

    @Test func whatIsNoModelIsRefused() throws {
        let engine = try #require(TestEngine.shared)
        let whole = try Models.addAndRectify().bytes()
        let sources: [ModelSource] = [
            .bytes([]), .bytes([1, 2, 3]), .bytes(Array(whole.prefix(whole.count / 2))), .path("/nonexistent.onnx"),
        ]
        for source in sources {
            let error = try #require(throws: EngineError.self) { try engine.makeSession(source, SessionOptions()) }
            guard case .engine(_, _, during: "loading the model") = error else {
                Issue.record("unexpected \(error)")
                continue
            }
        }
    }

    @Test func theOptimizedModelAndTheProfileAreWritten() throws {
        let scratch = try Scratch()
        var options = SessionOptions(optimization: .extended)
        options.optimizedModelPath = scratch.path + "/optimized.onnx"
        options.profilePrefix = scratch.path + "/profile"
        let session = try TestEngine.session(Models.addAndRectify(), options)
        _ = try session.run(["x": try TensorValue(floats: [1, 2, 3], shape: [1, 3])], outputs: ["y"])
        let trace = try session.endProfiling()
        #expect(trace.hasPrefix(scratch.path + "/profile"))
        #expect(try String(contentsOfFile: trace, encoding: .utf8).contains("Relu"))
        #expect(FileManager.default.fileExists(atPath: scratch.path + "/optimized.onnx"))
    }

    @Test func everyOptionIsAccepted() throws {
        for optimization in SessionOptions.Optimization.allCases {
            var options = SessionOptions(threads: 2, optimization: optimization)
            options.spinning = true
            options.memoryPattern = false
            options.arena = false
            options.deterministic = true
            options.configuration = ["session.disable_prepacking": "1"]
            let session = try TestEngine.session(Models.addAndRectify(), options)
            let x = try TensorValue(floats: [1, 2, 3], shape: [1, 3])
            #expect(try session.run(["x": x], outputs: ["y"]).first?.floats() == [2, 0, 6])
        }
    }

    @Test func aCancelledSessionRunsNoMore() throws {
        let session = try TestEngine.session(Models.addAndRectify())
        let x = try TensorValue(floats: [1, 2, 3], shape: [1, 3])
        session.cancel()
        #expect(throws: EngineError.cancelled) { try session.run(["x": x], outputs: ["y"]) }
    }
}
