import Domain
import ModelGraph
import TestGraphs
import Testing

@testable import Optimizer

/// Models with Q and DQ that cannot be taken apart, some of them written to do harm.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct ImportRefusalTests {
    private func refusal(_ edit: (inout GraphBuilder) throws -> Void) throws -> Failure {
        var g = GraphBuilder(seed: 18)
        try edit(&g)
        return try Conversions().failure(g.model(), SampleArrays("x", [8, 8, 8], count: 6))
    }

    /// `x` in integers.
    private func integers(_ g: inout GraphBuilder, zero: Tensor? = nil) -> (tensor: String, parameters: [String]) {
        let x = g.input("x", [1, 8, 8, 8])
        let zero = zero ?? Tensor(name: "z", type: .uint8, dims: [], bytes: [0])
        let parameters = [g.constant([0.1], []), g.graph.addInitializer(zero)]
        return (g.add("QuantizeLinear", [x] + parameters, shape: [1, 8, 8, 8], type: zero.type), parameters)
    }

    @Test func whatCannotBeTakenApartIsRefused() throws {
        let computed = try refusal { g in
            let x = g.input("x", [1, 8, 8, 8])
            let scale = g.add("ReduceMax", [x], [.int("keepdims", 0)], shape: [])
            let q = g.add("QuantizeLinear", [x, scale], type: .uint8)
            g.output(g.conv(g.add("DequantizeLinear", [q, scale], type: .float), 16))
        }
        #expect(computed.type == .alreadyQuantized && computed.detail.contains("is computed"), "\(computed)")
        let unequal = try refusal { g in
            let x = g.input("x", [1, 8, 8, 8])
            let q = g.add("QuantizeLinear", [x, g.constant([0.1], [])], type: .uint8)
            g.output(g.conv(g.add("DequantizeLinear", [q, g.constant([0.2], [])], type: .float), 16))
        }
        #expect(unequal.type == .alreadyQuantized && unequal.detail.contains("'x'"), "\(unequal)")
        // The import looks before the engine does.
        for op in ["Identity", "Transpose", "Clip", "DequantizeLinear"] {
            let bare = try refusal { g in
                let x = g.input("x", [1, 8, 8, 8])
                let q = g.add("QuantizeLinear", [x, g.constant([0.1], [])], type: .uint8)
                _ = g.add(op, [], shape: [1], type: .float)
                g.output(g.conv(g.add("DequantizeLinear", [q, g.constant([0.1], [])], type: .float), 16))
            }
            #expect(bare.fault == .user, "\(op): \(bare)")
        }
        let integer = try refusal { g in
            let x = g.input("x", [1, 8, 8, 8])
            g.output(g.conv(g.add("MatMulInteger", [x, x]), 16))
        }
        #expect(integer.type == .alreadyQuantized && integer.detail.contains("FP32 model"), "\(integer)")
    }

    @Test(arguments: ["Cast", "Add", "Where", "If"]) func readersOfTheIntegersAreNotGivenFloats(_ op: String) throws {
        let failure = try refusal { g in
            let (q, parameters) = integers(&g)
            let float = g.add("DequantizeLinear", [q] + parameters, shape: [1, 8, 8, 8], type: .float)
            switch op {
            case "Cast":
                g.output(g.add("Cast", [q], [.int("to", 1)], shape: [1, 8, 8, 8], type: .float))
            case "If":
                let condition = g.graph.addInitializer(Tensor(name: "c", type: .bool, dims: [], bytes: [1]))
                var body = Graph(name: "body")
                body.nodes = [Node(op: "Cast", inputs: [q], outputs: ["inner"], attributes: [.int("to", 1)])]
                body.outputs = [ValueInfo(name: "inner", type: .float, shape: nil)]
                var other = body
                other.nodes[0].outputs = ["other"]
                other.outputs[0].name = "other"
                g.output(
                    g.add(
                        "If", [condition], [.graph("then_branch", body), .graph("else_branch", other)],
                        shape: [1, 8, 8, 8], type: .float))
            default:
                let inputs = op == "Where" ? ["c", q, q] : [q, q]
                if op == "Where" { _ = g.graph.addInitializer(Tensor(name: "c", type: .bool, dims: [], bytes: [1])) }
                let sum = g.add(op, inputs, shape: [1, 8, 8, 8], type: .uint8)
                g.output(g.add("Cast", [sum], [.int("to", 1)], shape: [1, 8, 8, 8], type: .float))
            }
            g.output(g.conv(float, 16))
        }
        #expect(failure.type == .alreadyQuantized && failure.detail.contains("computes with"), "\(failure)")
    }

    @Test func manyPathsFromOneQuantizerAreWalkedOnce() throws {
        let failure = try refusal { g in
            let (q, parameters) = integers(&g)
            var tensor = q
            for _ in 0..<40 { tensor = g.add("Concat", [tensor, tensor], [.int("axis", 1)], shape: [1], type: .uint8) }
            let float = g.add("DequantizeLinear", [tensor] + parameters, shape: [1], type: .float)
            g.output(float)
            g.output(g.conv("x", 16))
            g.output(g.add("Cast", [q], [.int("to", 1)], shape: [1, 8, 8, 8], type: .float))
        }
        #expect(failure.detail.contains("computes with"), "\(failure)")
    }

    @Test func boundsOfAClipThatNoIntegerReachesDoNotOverflow() throws {
        func clipped(_ low: Int64, _ high: Int64) throws -> Model {
            var g = GraphBuilder(seed: 18)
            let (q, parameters) = integers(&g, zero: Tensor(name: "z", type: .int8, dims: [], bytes: [0]))
            let bounds = [low, high].map { g.graph.addInitializer(Tensor(name: "b\($0)", int64s: [$0], dims: [])) }
            let cut = g.add("Clip", [q] + bounds, shape: [1, 8, 8, 8], type: .int8)
            g.output(g.conv(g.add("DequantizeLinear", [cut] + parameters, shape: [1, 8, 8, 8], type: .float), 16))
            return g.model()
        }
        let samples = SampleArrays("x", [8, 8, 8], count: 6)
        #expect(try Conversions().failure(clipped(5, 5), samples).detail.contains("equal"))
        // The runtime wants the bounds in the type of the integers, and says so of the model as it came.
        let outcome = try Conversions()(clipped(.min, .max), samples)
        #expect(outcome.report.findings.contains { $0.code == "quantization-refused" && $0.severity == .warning })
    }

    @Test func integersThatNoQuantizerMakesAreRefused() throws {
        let wide = try refusal { g in
            let stored = g.graph.addInitializer(Tensor(name: "w", int64s: [.min, .max], dims: [2]))
            let zero = g.graph.addInitializer(Tensor(name: "z", int64s: [.max], dims: []))
            let x = g.input("x", [1, 8, 8, 8])
            let weight = g.add("DequantizeLinear", [stored, g.constant([1], []), zero], shape: [2], type: .float)
            g.output(g.conv(g.add("Add", [x, weight], shape: [1, 8, 8, 8]), 16))
        }
        #expect(wide.type == .alreadyQuantized && wide.detail.contains("integers of int64"), "\(wide)")
        let mixed = try refusal { g in
            let stored = g.graph.addInitializer(Tensor(name: "w", type: .uint8, dims: [2], bytes: [1, 2]))
            let zero = g.graph.addInitializer(Tensor(name: "z", int32s: [.max], dims: []))
            let x = g.input("x", [1, 8, 8, 8])
            let weight = g.add("DequantizeLinear", [stored, g.constant([1], []), zero], shape: [2], type: .float)
            g.output(g.conv(g.add("Add", [x, weight], shape: [1, 8, 8, 8]), 16))
        }
        #expect(mixed.type == .alreadyQuantized && mixed.detail.contains("zero point of int32"), "\(mixed)")
    }

    /// Factors of a normalization that are not one for each channel of the weight before it.
    @Test func aNormalizationThatDoesNotFitItsLayerIsTheEnginesToRefuse() throws {
        let failure = try refusal { g in
            let x = g.pair(g.input("x", [1, 8, 8, 8]), scale: 0.0079, signed: true)
            let conv = g.conv(x, weight: g.pairedWeight([7, 1, 1, 1], axis: 0, limit: 0.2), 7, kernel: 1)
            let three = (0..<4).map { _ in g.floats([3], 0.5...1) }
            g.output(g.add("BatchNormalization", [conv] + three, shape: [1, 7, 8, 8]))
        }
        #expect(failure.fault == .user, "\(failure)")
    }
}
