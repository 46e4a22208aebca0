import Foundation
import Glibc

@testable import ModelGraph

/// Models and files that the suites share.
enum Samples {
    /// Where larger real models are, when the environment says.
    static let fixtures = ProcessInfo.processInfo.environment["OCTAVO_FIXTURES"]

    static var realModels: [String] {
        guard let fixtures else {
            print("skipped: OCTAVO_FIXTURES does not name a directory with models")
            return []
        }
        let folder = "\(fixtures)/models"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".onnx") }.sorted().map { "\(folder)/\($0)" }
    }

    /// X -> Conv -> Relu -> Y with an If beside it; every kind of tensor storage, metadata and a doc string.
    static func small() -> Model {
        let inner = Graph(
            name: "then", nodes: [Node(op: "Add", inputs: ["r", "one"], outputs: ["t"], name: "inner_add")],
            initializers: [Tensor(name: "one", floats: [1], dims: [])],
            outputs: [ValueInfo(name: "t", type: .float, shape: nil)])
        let other = Graph(
            name: "else", nodes: [Node(op: "Identity", inputs: ["r"], outputs: ["e"])],
            outputs: [ValueInfo(name: "e", type: .float, shape: nil)])
        let graph = Graph(
            name: "small",
            nodes: [
                Node(
                    op: "Conv", inputs: ["X", "w"], outputs: ["c"], name: "conv",
                    attributes: [
                        .ints("kernel_shape", [3, 3]), .int("group", 1), .string("auto_pad", "SAME_UPPER"),
                        .float("unused", 0.5), Attribute("many", .floats([1, 2])),
                        Attribute("words", .strings([[97], []])),
                    ]),
                Node(op: "Relu", inputs: ["c"], outputs: ["r"], name: "relu"),
                Node(
                    op: "If", inputs: ["flag"], outputs: ["Y"], name: "if",
                    attributes: [.graph("then_branch", inner), .graph("else_branch", other)]),
            ],
            initializers: [
                Tensor(name: "w", floats: (0..<18).map(Float.init), dims: [2, 1, 3, 3]),
                Tensor(name: "flag", bool: true),
            ],
            inputs: [ValueInfo(name: "X", type: .float, shape: [.symbolic("N"), .fixed(1), .fixed(5), .unknown])],
            outputs: [ValueInfo(name: "Y", type: .float, shape: nil)])
        var model = Model(graph: graph)
        model.producerName = "octavo"
        model.metadata = [Property("b", "2"), Property("a", "1")]
        model.opsets.append(OpsetImport(domain: "com.microsoft", version: 1))
        return model
    }

    /// X -> Relu -> Y, with this tensor as an initializer, encoded by hand from its fields.
    static func encoded(tensor: (inout ProtobufWriter) -> Void) -> [UInt8] {
        encoded(graph: { $0.message(5, tensor) })
    }

    static func encoded(graph extra: (inout ProtobufWriter) -> Void) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.int64(1, 8)
        writer.message(8) { $0.int64(2, 17) }
        writer.message(7) { graph in
            graph.message(1) {
                $0.string(1, "X")
                $0.string(2, "Y")
                $0.string(4, "Relu")
            }
            graph.message(11) { $0.string(1, "X") }
            graph.message(12) { $0.string(1, "Y") }
            extra(&graph)
        }
        return bytes(writer)
    }

    static func bytes(_ fill: (inout ProtobufWriter) -> Void) -> [UInt8] {
        var writer = ProtobufWriter()
        fill(&writer)
        return bytes(writer)
    }

    static func bytes(_ writer: ProtobufWriter) -> [UInt8] {
        writer.pieces.flatMap { piece in
            switch piece {
            case .owned(let bytes): bytes
            case .slice(let slice): slice.array
            }
        }
    }
}

/// An empty directory, to be removed when the test is over.
struct TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("\(NSTemporaryDirectory())/octavo-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let target = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: target))
        return target
    }
}

/// A small repeatable generator (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
