import Foundation
import Testing

@testable import ModelGraph

/// The stored results were compared with the originals in a runtime, bit for bit: see `Tests/Fixtures`.
@Suite struct OpsetUpgradeTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    private static func models(_ file: String) throws -> [(name: String, bytes: [UInt8])] {
        let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            let data = try #require(fields.count == 2 ? Data(base64Encoded: String(fields[1])) : nil)
            return (String(fields[0]), [UInt8](data))
        }
    }

    private static func upgraded(_ bytes: [UInt8]) throws -> Model {
        var model = try Model.read(bytes: bytes)
        try OpsetUpgrade.upgrade(&model) { _ in nil }
        return model
    }

    @Test func everyOldModelBecomesTheOneThatWasCheckedInTheRuntime() throws {
        let old = try Self.models("opset_old.tsv")
        #expect(old.count > 150)
        if ProcessInfo.processInfo.environment["OCTAVO_RECORD_FIXTURES"] != nil {
            let lines = try old.map { name, bytes in
                "\(name)\t\(Data(try Self.upgraded(bytes).bytes()).base64EncodedString())\n"
            }
            let target = Self.folder.appendingPathComponent("opset_new.tsv")
            try lines.joined().write(to: target, atomically: true, encoding: .utf8)
            print("recorded \(lines.count) models; check them with make_opset_models.py check")
        }
        let expected = Dictionary(uniqueKeysWithValues: try Self.models("opset_new.tsv").map { ($0.name, $0.bytes) })
        for (name, bytes) in old {
            let model = try Self.upgraded(bytes)
            try model.validate()
            #expect(model.opset() == 13, "\(name)")
            #expect(try model.bytes() == expected[name], "\(name)")
        }
    }

    @Test func knownRanksMakeSoftmaxASingleNode() throws {
        let graph = Graph(
            nodes: [
                Node(op: "Relu", inputs: ["X"], outputs: ["r"]),
                Node(op: "Softmax", inputs: ["r"], outputs: ["Y"]),
            ],
            inputs: [ValueInfo(name: "X", type: .float, shape: nil)],
            outputs: [ValueInfo(name: "Y", type: .float, shape: nil)])
        var known = Model(graph: graph, opset: 11, irVersion: 6)
        var unknown = known
        try OpsetUpgrade.upgrade(&known) { $0 == "r" ? 2 : nil }
        try OpsetUpgrade.upgrade(&unknown) { _ in nil }
        #expect(known.graph.nodes.map(\.op) == ["Relu", "Softmax"])
        #expect(known.graph.nodes[1].int("axis") == -1)
        #expect(unknown.graph.nodes.map(\.op) == ["Relu", "Shape", "Flatten", "Softmax", "Reshape"])
        #expect(unknown.graph.outputs.map(\.name) == ["Y"])
    }

    @Test func boundsOfAClipAreOfTheTypeOfItsData() throws {
        let graph = Graph(
            nodes: [
                Node(op: "Cast", inputs: ["X"], outputs: ["h"], attributes: [.int("to", 10)]),
                Node(op: "Add", inputs: ["h", "h"], outputs: ["sum"]),
                Node(op: "Clip", inputs: ["sum"], outputs: ["Y"], attributes: [.float("max", 6)]),
            ],
            inputs: [ValueInfo(name: "X", type: .float, shape: nil)],
            outputs: [ValueInfo(name: "Y", type: .float16, shape: nil)])
        var model = Model(graph: graph, opset: 9, irVersion: 4)
        try OpsetUpgrade.upgrade(&model) { _ in nil }
        #expect(model.graph.nodes[2].inputs == ["sum", "", "Y_max"])
        #expect(model.graph.initializers.map(\.type) == [.float16])
        #expect(try model.graph.initializers[0].floats() == [6])
    }

    @Test(arguments: 13...24) func newerModelsPassUnchanged(opset: Int) throws {
        var model = Samples.small()
        model.setOpset("", opset)
        let before = model
        try OpsetUpgrade.upgrade(&model) { _ in nil }
        #expect(model == before)
    }

    @Test(arguments: [
        (Node(op: "Scan", inputs: ["", "X"], outputs: ["Y"], name: "n"), 8),
        (Node(op: "BatchNormalization", inputs: ["X"], outputs: ["Y"], name: "n", attributes: [.int("spatial", 0)]), 7),
        (Node(op: "ImageScaler", inputs: ["X"], outputs: ["Y"], name: "n"), 9),
        (Node(op: "Resize", inputs: ["X", "X"], outputs: ["Y"], name: "n"), 10),
        (Node(op: "Slice", inputs: ["X"], outputs: ["Y"], name: "n"), 9),
        (Node(op: "Unsqueeze", inputs: ["X"], outputs: ["Y"], name: "n"), 12),
    ])
    func whatHasNoExactCounterpartIsAnErrorThatNamesTheNode(node: Node, opset: Int) throws {
        let graph = Graph(
            nodes: [node], inputs: [ValueInfo(name: "X", type: .float, shape: nil)],
            outputs: [ValueInfo(name: "Y", type: .float, shape: nil)])
        var model = Model(graph: graph, opset: opset, irVersion: 4)
        let error = #expect(throws: ModelError.self) { try OpsetUpgrade.upgrade(&model) { _ in nil } }
        #expect("\(String(describing: error))".contains("'n'"))
    }

    @Test func aUsedDropoutMaskThatWouldChangeItsTypeIsRefused() throws {
        let graph = Graph(
            nodes: [Node(op: "Dropout", inputs: ["X"], outputs: ["Y", "mask"], name: "drop")],
            inputs: [ValueInfo(name: "X", type: .float, shape: nil)],
            outputs: [
                ValueInfo(name: "Y", type: .float, shape: nil), ValueInfo(name: "mask", type: .float, shape: nil),
            ])
        var model = Model(graph: graph, opset: 7, irVersion: 3)
        #expect(throws: ModelError.self) { try OpsetUpgrade.upgrade(&model) { _ in nil } }
    }

    /// With OCTAVO_UPGRADED_DIR set, the results are left there for `make_opset_models.py compare`.
    @Test func realModelsOfOldOperatorSetsCanBeUpgraded() throws {
        for path in Samples.realModels {
            var model = try Model.read(path: path)
            guard let opset = model.opset(), opset < 13 else { continue }
            try OpsetUpgrade.upgrade(&model) { _ in nil }
            model.graph.dropInitializersFromInputs()
            try model.validate()
            #expect(model.opset() == 13)
            if let folder = ProcessInfo.processInfo.environment["OCTAVO_UPGRADED_DIR"] {
                let name = URL(fileURLWithPath: path).lastPathComponent
                try model.write(to: "\(folder)/\(name)")
            }
        }
    }
}
