import Foundation
import Testing

@testable import ModelGraph

@Suite struct RoundTripTests {
    @Test func aModelComesBackEqualAndItsBytesAreStable() throws {
        let bytes = try Samples.small().bytes()
        let model = try Model.read(bytes: bytes)
        #expect(try model.bytes() == bytes)
        #expect(try Model.read(bytes: try model.bytes()) == model)
        let original = Samples.small()
        #expect(
            model.graph.nodes
                == original.graph.nodes.map { node in
                    var node = node
                    // A type that was read remembers its bytes, which one made here has not.
                    node.editSubgraphs { body in
                        body.outputs = model.graph.nodes[2].subgraphs.first { $0.name == body.name }?.outputs ?? []
                    }
                    return node
                })
        #expect(model.metadata == original.metadata)
        #expect(model.opset("ai.onnx") == 17 && model.opset("com.microsoft") == 1)
        #expect(model.graph.inputs[0].shape == [.symbolic("N"), .fixed(1), .fixed(5), .unknown])
        #expect(try model.graph.initializers[0].floats() == (0..<18).map(Float.init))
    }

    /// With OCTAVO_ROUND_TRIP_DIR set, the results are left there for `compare_models.py`.
    @Test func realModelsComeBackEqual() throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        for path in Samples.realModels {
            let model = try Model.read(path: path)
            let name = URL(fileURLWithPath: path).lastPathComponent
            let target = ProcessInfo.processInfo.environment["OCTAVO_ROUND_TRIP_DIR"] ?? folder.path
            let written = try model.write(to: "\(target)/\(name)")
            #expect(written == ["\(target)/\(name)"])
            let again = try Model.read(path: written[0])
            #expect(again == model, "\(name)")
            let pair = try model.write(to: "\(target)/beside-\(name)", weights: .beside)
            let apart = try Model.read(path: pair[0], externalDirectory: target)
            #expect(try apart.bytes().count <= model.bytes().count, "\(name)")
            #expect(try again.bytes() == [UInt8](try Data(contentsOf: URL(fileURLWithPath: written[0]))))
        }
    }

    @Test func unknownFieldsSurviveAtEveryLevel() throws {
        let mark = { (writer: inout ProtobufWriter, number: Int64) in
            writer.int64(999, number)
            writer.string(1000, "kept \(number)")
            writer.float(1001, 0.5)
        }
        var writer = ProtobufWriter()
        writer.int64(1, 8)
        mark(&writer, 1)
        writer.message(8) { $0.int64(2, 17) }
        writer.message(7) { graph in
            mark(&graph, 2)
            graph.message(1) { node in
                node.string(1, "X")
                node.string(2, "Y")
                node.string(4, "Relu")
                mark(&node, 3)
                node.message(5) { attribute in
                    attribute.string(1, "a")
                    mark(&attribute, 4)
                    attribute.int64(3, 7)
                    attribute.int64(20, 2)
                }
            }
            graph.message(5) { tensor in
                tensor.string(8, "w")
                tensor.int64(2, 1)
                mark(&tensor, 5)
                tensor.bytes(9, [0, 0, 128, 63])
            }
            graph.message(11) { input in
                input.string(1, "X")
                mark(&input, 6)
                input.message(2) { type in
                    type.message(1) { $0.int64(1, 1) }
                    mark(&type, 7)
                }
            }
            graph.message(12) { $0.string(1, "Y") }
            graph.message(14) { $0.string(1, "annotation") }
        }
        let model = try Model.read(bytes: Samples.bytes(writer))
        let written = try model.bytes()
        let text = String(decoding: written, as: UTF8.self)
        for number in 1...7 { #expect(text.contains("kept \(number)")) }
        #expect(text.contains("annotation"))
        #expect(try Model.read(bytes: written) == model)
        #expect(model.graph.nodes[0].int("a") == 7)
    }

    @Test func attributesOfOtherKindsAreCarriedAlong() throws {
        var writer = ProtobufWriter()
        writer.string(1, "s")
        writer.int64(20, 11)
        writer.message(22) { $0.int64(3, 4) }
        let attribute = Samples.bytes(writer)
        let bytes = Samples.encoded(graph: { graph in
            graph.message(1) { node in
                node.string(2, "Z")
                node.string(4, "Constant")
                node.bytes(5, attribute)
            }
        })
        let model = try Model.read(bytes: bytes)
        guard case .opaque(let field) = model.graph.nodes[1].attributes[0].value else {
            Issue.record("not carried as it is")
            return
        }
        #expect(field.slice.array == attribute)
        #expect(model.graph.nodes[1].attributes[0].name == "s")
        #expect(try Model.read(bytes: try model.bytes()) == model)
    }

    @Test func attributesWithoutATypeAreUnderstoodFromTheirValue() throws {
        let bytes = Samples.encoded(graph: { graph in
            graph.message(1) { node in
                node.string(2, "Z")
                node.string(4, "Constant")
                node.message(5) {
                    $0.string(1, "value_ints")
                    $0.packedInt64s(8, [1, -1])
                }
            }
        })
        #expect(try Model.read(bytes: bytes).graph.nodes[1].ints("value_ints") == [1, -1])
    }

    @Test func writingOverTheFileThatWasMappedIsSafe() throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        var model = Samples.small()
        model.graph.addInitializer(Tensor(name: "big", floats: [Float](repeating: 1.5, count: 100_000)))
        let path = try model.write(to: "\(folder.path)/m.onnx")[0]
        var limits = ReadLimits()
        limits.mappingThreshold = 0
        var mapped = try Model.read(path: path, limits: limits)
        mapped.producerName = "another"
        try mapped.write(to: path)
        #expect(try mapped.graph.initializers[2].floats().last == 1.5)
        #expect(try Model.read(path: path).producerName == "another")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["m.onnx"])
    }

    @Test func aModelTooLargeForOneMessageGetsItsWeightsBesideIt() throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        var model = Samples.small()
        let values = (0..<50_000).map(Float.init)
        model.graph.addInitializer(Tensor(name: "big", floats: values))
        model.graph.addInitializer(Tensor(name: "middle", floats: Array(values.prefix(300))))
        #expect(throws: ModelError.self) {
            try model.write(to: "\(folder.path)/m.onnx", weights: .inside, messageLimit: 100_000)
        }
        let written = try model.write(to: "\(folder.path)/m.onnx", weights: .automatic, messageLimit: 100_000)
        #expect(written.map { URL(fileURLWithPath: $0).lastPathComponent } == ["m.onnx", "m.onnx.data"])
        let again = try Model.read(path: written[0], externalDirectory: folder.path)
        #expect(try again.graph.initializers[2].floats() == values)
        #expect(try again.graph.initializers[3].floats() == Array(values.prefix(300)))
        #expect(again.graph.initializers[3].externalReference?.offset == 200_000)
        #expect(again.facts.externalFiles == ["m.onnx.data"])
        // Back into one file, and kept as it is.
        #expect(try again.write(to: "\(folder.path)/one.onnx").count == 1)
        #expect(try Model.read(path: "\(folder.path)/one.onnx").graph.initializers[2].floats() == values)
        try again.write(to: "\(folder.path)/kept.onnx", weights: .asTheyAre)
        #expect(try Model.read(path: "\(folder.path)/kept.onnx", externalDirectory: folder.path) == again)
        // Known without its data, which then cannot be read.
        let blind = try Model.read(path: written[0])
        #expect(throws: ModelError.missingExternalData(tensor: "big", location: "m.onnx.data")) {
            try blind.graph.initializers[2].floats()
        }
        #expect(throws: ModelError.self) { try blind.bytes() }
    }
}
