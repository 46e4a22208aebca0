import Inference
import ModelGraph
import Testing

@Suite(.enabled(if: TestEngine.available, TestEngine.reason))
struct BindingTests {
    @Test(arguments: [nil, 2]) func aBindingReadsAndWritesItsBuffers(batch: Int?) throws {
        let session = try TestEngine.session(Models.addAndRectify(batch: batch))
        let x = try TensorValue(zeros: .float, shape: [2, 3])
        let binding = try session.bind(["x": x])
        let y = try #require(binding.outputs.first)
        #expect(y.shape == [2, 3])
        for value: Float in [0, 1, 10] {
            x.withMutableBytes { bytes in
                for i in 0..<6 { bytes.storeBytes(of: value, toByteOffset: i * 4, as: Float.self) }
            }
            try binding.run()
            let row = [value + 1, max(0, value - 2), value + 3]
            #expect(try y.floats() == row + row)
        }
    }

    @Test func aBindingOutlivesWhatItWasMadeFrom() throws {
        var session: (any Session)? = try TestEngine.session(Models.addAndRectify())
        var x: TensorValue? = try TensorValue(floats: [1, 2, 3], shape: [1, 3])
        let binding = try #require(try session?.bind(x.map { ["x": $0] } ?? [:]))
        session = nil
        x = nil
        try binding.run()
        #expect(try binding.outputs.first?.floats() == [2, 0, 6])
    }

    @Test(arguments: [Dim.fixed(2), .symbolic("n")]) func aBindingPassesItsContextToTheObserver(size: Dim) throws {
        let witness = Witness()
        let session = try TestEngine.session(
            Models.observed(.float, shape: [size]), SessionOptions(observer: witness))
        let binding = try session.bind(["x": try TensorValue(floats: [3, 4], shape: [2])])
        #expect(witness.sights.isEmpty)
        try binding.run(context: UnsafeMutableRawPointer(bitPattern: 77))
        #expect(witness.sights.map(\.context) == [77])
    }

    @Test func aCancelledBindingRunsNoMore() throws {
        let session = try TestEngine.session(Models.addAndRectify())
        let binding = try session.bind(["x": try TensorValue(floats: [1, 2, 3], shape: [1, 3])])
        session.cancel()
        #expect(throws: EngineError.cancelled) { try binding.run() }
    }

    /// The engine runs such a model, with a warning, and takes no buffer for the output.
    @Test(arguments: [[Dim.fixed(1), .symbolic("n")], [.fixed(7)], nil])
    func anOutputThatIsNotAsDeclaredIsStillBound(_ declared: [Dim]?) throws {
        let model = Model(
            graph: Graph(
                nodes: [Node(op: "Reshape", inputs: ["x", "shape"], outputs: ["y"])],
                inputs: [
                    ValueInfo(name: "x", type: .float, shape: [.symbolic("a")]),
                    ValueInfo(name: "shape", type: .int64, shape: [.symbolic("b")]),
                ], outputs: [ValueInfo(name: "y", type: .float, shape: declared)]))
        let x = try TensorValue(zeros: .float, shape: [4])
        let binding = try TestEngine.session(model).bind([
            "x": x, "shape": try TensorValue(int64s: [1, 2, 2], shape: [3]),
        ])
        #expect(binding.outputs.map(\.shape) == [[1, 2, 2]])
        try [1, 2, 3, 4 as Float].withUnsafeBytes { try x.fill(from: $0) }
        try binding.run()
        #expect(try binding.outputs[0].floats() == [1, 2, 3, 4])
    }
}
