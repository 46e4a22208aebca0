import Foundation
import Inference
import ModelGraph
import Testing

@Suite(.enabled(if: TestEngine.available, TestEngine.reason))
struct ObserverTests {
    private func bytes(_ tensor: TensorValue) -> [UInt8] { tensor.withBytes { [UInt8]($0) } }

    @Test(arguments: SessionOptions.Optimization.allCases) func observersSeeTensorsAndLeaveThemAlone(
        optimization: SessionOptions.Optimization
    ) throws {
        let witness = Witness()
        let options = SessionOptions(optimization: optimization, observer: witness)
        let session = try TestEngine.session(
            Models.observed(.float, shape: [.symbolic("n"), .fixed(2)], slots: 3), options)
        let x = try TensorValue(floats: [1, 2, 3, 4], shape: [2, 2])
        let y = try session.run(["x": x], outputs: ["y"])
        #expect(try y.first?.floats() == [1, 2, 3, 4])
        #expect(witness.sights.map(\.slot) == [0, 1, 2])
        #expect(witness.sights.allSatisfy { $0.shapes == [[2, 2]] && $0.types == [.float] && $0.bytes == [bytes(x)] })
    }

    @Test(arguments: [Dim.symbolic("n"), .unknown, .fixed(1000)]) func anObservedTensorIsNotCopied(size: Dim) throws {
        let witness = Witness()
        let session = try TestEngine.session(
            Models.observed(.float, shape: [size], slots: 4), SessionOptions(observer: witness))
        _ = try session.run(
            ["x": try TensorValue(floats: [Float](repeating: 1, count: 1000), shape: [1000])], outputs: ["y"])
        #expect(Set(witness.sights.flatMap(\.addresses)).count == 1)
    }

    @Test(arguments: [[], [0], [3, 0, 2], [1, 1, 1, 1, 1, 1, 1]]) func scalarsAndEmptyTensorsAreSeen(shape: [Int])
        throws
    {
        let witness = Witness()
        let dims = shape.indices.map { Dim.symbolic("d\($0)") }
        let session = try TestEngine.session(Models.observed(.float, shape: dims), SessionOptions(observer: witness))
        let count = shape.reduce(1, *)
        let x = try TensorValue(floats: [Float](repeating: 5, count: count), shape: shape)
        let y = try #require(try session.run(["x": x], outputs: ["y"]).first)
        #expect(y.shape == shape && y.count == count)
        #expect(witness.sights.map(\.shapes) == [[shape]])
        #expect(witness.sights.map(\.bytes) == [[bytes(x)]])
    }

    @Test(arguments: [
        ElementType.float, .double, .float16, .bfloat16, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64,
        .uint64,
        .bool,
    ])
    func everyElementTypeIsSeen(type: ElementType) throws {
        let witness = Witness()
        let session = try TestEngine.session(
            Models.observed(type, shape: [.fixed(3)]), SessionOptions(observer: witness))
        let x = try TensorValue(type: type, shape: [3], bytes: (0..<3 * type.byteWidth).map { UInt8($0 % 2) })
        _ = try session.run(["x": x], outputs: ["y"])
        #expect(witness.sights.map(\.types) == [[type]] && witness.sights.map(\.bytes) == [[bytes(x)]])
    }

    @Test func textIsSeenWithoutItsBytes() throws {
        let witness = Witness()
        let shape: [Dim] = [.fixed(2)]
        let model = Models.withOperators(
            Graph(
                nodes: [
                    Node(op: "Cast", inputs: ["x"], outputs: ["text"], attributes: [.int("to", 8)]),
                    Node(
                        op: "Observe", inputs: ["text"], outputs: ["seen"], domain: "octavo",
                        attributes: [.int("slot", 0)]),
                    Node(op: "Cast", inputs: ["seen"], outputs: ["y"], attributes: [.int("to", 1)]),
                ],
                inputs: [ValueInfo(name: "x", type: .float, shape: shape)],
                outputs: [ValueInfo(name: "y", type: .float, shape: shape)]))
        let session = try TestEngine.session(model, SessionOptions(observer: witness))
        let y = try session.run(["x": try TensorValue(floats: [1, 2], shape: [2])], outputs: ["y"])
        #expect(try y.first?.floats() == [1, 2])
        #expect(witness.sights.map(\.types) == [[.string]] && witness.sights.map(\.shapes) == [[[2]]])
    }

    /// Sizes without a name must not reach nodes that compute with them as -1.
    @Test func shapesMayBeComputedFromAnObservedTensor() throws {
        let unknown: [Dim] = [.unknown, .unknown]
        let observe = Node(
            op: "Observe", inputs: ["x"], outputs: ["seen"], domain: "octavo", attributes: [.int("slot", 0)])
        let model = Models.withOperators(
            Graph(
                nodes: [
                    observe,
                    Node(op: "Shape", inputs: ["seen"], outputs: ["shape"]),
                    Node(op: "Gather", inputs: ["shape", "first"], outputs: ["rows"]),
                    Node(op: "Concat", inputs: ["rows", "rest"], outputs: ["to"], attributes: [.int("axis", 0)]),
                    Node(op: "Reshape", inputs: ["seen", "to"], outputs: ["y"]),
                ],
                initializers: [
                    Tensor(name: "first", int64s: [0]), Tensor(name: "rest", int64s: [-1]),
                ],
                inputs: [ValueInfo(name: "x", type: .float, shape: unknown)],
                outputs: [ValueInfo(name: "y", type: .float, shape: unknown)]))
        let session = try TestEngine.session(model, SessionOptions(observer: Witness()))
        let y = try session.run(["x": try TensorValue(floats: [1, 2], shape: [2, 1])], outputs: ["y"])
        #expect(y.map(\.shape) == [[2, 1]])
    }

    /// After a shape was left unsaid, the next observer must not call it a scalar.
    @Test func observersInARowKeepAnUnknownShapeUnknown() throws {
        func observe(_ input: String, _ output: String, _ slot: Int) -> Node {
            Node(
                op: "Observe", inputs: [input], outputs: [output], domain: "octavo", attributes: [.int("slot", slot)])
        }
        let unknown = [Dim](repeating: .unknown, count: 4)
        let model = Models.withOperators(
            Graph(
                nodes: [
                    observe("x", "a", 0), Node(op: "Relu", inputs: ["a"], outputs: ["b"]), observe("b", "c", 1),
                    Node(op: "Conv", inputs: ["c", "w"], outputs: ["y"]),
                ],
                initializers: [Tensor(name: "w", floats: [3], dims: [1, 1, 1, 1])],
                inputs: [ValueInfo(name: "x", type: .float, shape: unknown)],
                outputs: [ValueInfo(name: "y", type: .float, shape: unknown)]))
        let session = try TestEngine.session(model, SessionOptions(observer: Witness()))
        let y = try session.run(["x": try TensorValue(floats: [1, -2], shape: [1, 1, 1, 2])], outputs: ["y"])
        #expect(try y.map { try $0.floats() } == [[3, 0]])
    }

    @Test func compareShowsBothTensors() throws {
        let witness = Witness()
        let session = try TestEngine.session(Models.compared(.float, .uint8), SessionOptions(observer: witness))
        let a = try TensorValue(floats: [1, 2], shape: [2])
        let b = try TensorValue(type: .uint8, shape: [3], bytes: [1, 2, 3])
        let done = try #require(try session.run(["a": a, "b": b], outputs: ["done"]).first)
        #expect(done.type == .int64 && done.shape == [1])
        #expect(witness.sights.map(\.slot) == [7])
        #expect(
            witness.sights.first?.types == [.float, .uint8] && witness.sights.first?.bytes == [bytes(a), bytes(b)])
    }

    @Test func aComparisonNobodyReadsStillRuns() throws {
        let witness = Witness()
        var model = Models.addAndRectify()
        model.setOpset("octavo", 1)
        model.graph.nodes.append(
            Node(
                op: "Compare", inputs: ["sum", "y"], outputs: ["unused"], domain: "octavo",
                attributes: [.int("slot", 1)]))
        let session = try TestEngine.session(model, SessionOptions(observer: witness))
        _ = try session.run(["x": try TensorValue(floats: [1, 2, 3], shape: [1, 3])], outputs: ["y"])
        #expect(witness.sights.map(\.slot) == [1])
    }

    @Test func eachThreadsContextReachesItsObservations() throws {
        let witness = Witness()
        let session = try TestEngine.session(
            Models.observed(.float, shape: [.fixed(1)], slots: 2), SessionOptions(threads: 2, observer: witness))
        DispatchQueue.concurrentPerform(iterations: 50) { i in
            guard let x = try? TensorValue(floats: [Float(i)], shape: [1]) else { return }
            _ = try? session.run(
                ["x": x], outputs: ["y"], context: UnsafeMutableRawPointer(bitPattern: UInt(i + 1)))
        }
        let sights = witness.sights
        #expect(sights.count == 100)
        for sight in sights {
            let value = sight.bytes.first.map { $0.withUnsafeBytes { $0.loadUnaligned(as: Float.self) } }
            #expect(value == Float(sight.context) - 1)
        }
    }

    @Test func sessionsDoNotShareObservers() throws {
        let (first, second) = (Witness(), Witness())
        let model = Models.observed(.float, shape: [.fixed(1)])
        let sessions = try [first, second].map { try TestEngine.session(model, SessionOptions(observer: $0)) }
        let x = try TensorValue(floats: [1], shape: [1])
        for session in sessions { _ = try session.run(["x": x], outputs: ["y"]) }
        _ = try sessions.first?.run(["x": x], outputs: ["y"])
        #expect(first.sights.count == 2 && second.sights.count == 1)
    }

    @Test func aModelWithObserversNeedsAnObserverAndSlots() throws {
        let model = Models.observed(.float, shape: [.fixed(1)])
        #expect(throws: EngineError.self) { try TestEngine.session(model) }
        var slotless = model
        for i in slotless.graph.nodes.indices { _ = slotless.graph.nodes[i].removeAttribute("slot") }
        #expect(throws: EngineError.self) { try TestEngine.session(slotless, SessionOptions(observer: Witness())) }
    }

    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["OCTAVO_FIXTURES"] != nil,
            "OCTAVO_FIXTURES does not name the fixtures"))
    func observingARealModelDoesNotChangeItsOutput() throws {
        let fixtures = ProcessInfo.processInfo.environment["OCTAVO_FIXTURES"] ?? ""
        let path = fixtures + "/models/mobilenet_v1_0.75_224.onnx"
        let plainModel = try Model.read(path: path, externalDirectory: nil)
        let witness = Counter()
        let plain = try TestEngine.session(plainModel, SessionOptions(optimization: .extended))
        let observed = try TestEngine.session(
            Self.observing(plainModel, after: "Clip"), SessionOptions(optimization: .extended, observer: witness))
        let input = try #require(plain.inputs.first)
        let values = (0..<input.shape.reduce(1, *)).map { Float($0 % 255) / 127.5 - 1 }
        let x = try TensorValue(floats: values, shape: input.shape)
        let name = try #require(plain.outputs.first).name
        let expected = try plain.run([input.name: x], outputs: [name])
        let actual = try observed.run([input.name: x], outputs: [name])
        #expect(actual.map { bytes($0) } == expected.map { bytes($0) })
        #expect(witness.slots.count == 27)
    }

    private static func observing(_ model: Model, after op: String) -> Model {
        var model = model
        model.setOpset("octavo", 1)
        var nodes: [Node] = []
        var renamed: [String: String] = [:]
        for var node in model.graph.nodes {
            node.inputs = node.inputs.map { renamed[$0] ?? $0 }
            nodes.append(node)
            guard node.op == op, let output = node.outputs.first else { continue }
            renamed[output] = output + "_seen"
            nodes.append(
                Node(
                    op: "Observe", inputs: [output], outputs: [output + "_seen"], domain: "octavo",
                    attributes: [.int("slot", renamed.count)]))
        }
        model.graph.nodes = nodes
        return model
    }
}
