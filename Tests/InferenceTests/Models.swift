import Foundation
import Inference
import ModelGraph
import Synchronization
import Testing

/// The engine under test, or nil where it is not installed.
enum TestEngine {
    static let shared: OnnxRuntime? = try? OnnxRuntime()
    static var available: Bool { shared != nil }
    static let reason: Comment = "the ONNX Runtime library is not installed; run `make setup`"

    static func session(
        _ model: Model, _ options: SessionOptions = SessionOptions()
    ) throws -> any Session {
        try #require(shared).makeSession(.bytes(model.bytes()), options)
    }
}

/// Small models, built in memory.
enum Models {
    /// y = relu(x + b), with b = [1, -2, 3] and x of any batch size, or of the one given.
    static func addAndRectify(batch: Int? = nil) -> Model {
        let shape: [Dim] = [batch.map { .fixed($0) } ?? .symbolic("batch"), .fixed(3)]
        return Model(
            graph: Graph(
                nodes: [
                    Node(op: "Add", inputs: ["x", "b"], outputs: ["sum"]),
                    Node(op: "Relu", inputs: ["sum"], outputs: ["y"]),
                ],
                initializers: [Tensor(name: "b", floats: [1, -2, 3])],
                inputs: [ValueInfo(name: "x", type: .float, shape: shape)],
                outputs: [ValueInfo(name: "y", type: .float, shape: shape)]))
    }

    /// y = x, seen `slots` times on its way.
    static func observed(_ type: ElementType, shape: [Dim], slots: Int = 1) -> Model {
        let observers = (0..<slots).map { slot in
            Node(
                op: "Observe", inputs: [slot == 0 ? "start" : "seen\(slot - 1)"], outputs: ["seen\(slot)"],
                domain: "octavo", attributes: [.int("slot", slot)])
        }
        return withOperators(
            Graph(
                nodes: [Node(op: "Identity", inputs: ["x"], outputs: ["start"])] + observers
                    + [Node(op: "Identity", inputs: ["seen\(slots - 1)"], outputs: ["y"])],
                inputs: [ValueInfo(name: "x", type: type, shape: shape)],
                outputs: [ValueInfo(name: "y", type: type, shape: shape)]))
    }

    /// Compares inputs a and b; the comparison is the output.
    static func compared(_ first: ElementType, _ second: ElementType) -> Model {
        withOperators(
            Graph(
                nodes: [
                    Node(
                        op: "Compare", inputs: ["a", "b"], outputs: ["done"], domain: "octavo",
                        attributes: [.int("slot", 7)])
                ],
                inputs: [
                    ValueInfo(name: "a", type: first, shape: [.symbolic("n")]),
                    ValueInfo(name: "b", type: second, shape: [.symbolic("m")]),
                ],
                outputs: [ValueInfo(name: "done", type: .int64, shape: [.fixed(1)])]))
    }

    static func withOperators(_ graph: Graph) -> Model {
        var model = Model(graph: graph)
        model.setOpset("octavo", 1)
        return model
    }
}

/// Keeps what it sees.
final class Witness: TensorObserver {
    struct Sight: Equatable, Sendable {
        var slot: Int
        var context: UInt
        var types: [ElementType]
        var shapes: [[Int]]
        var bytes: [[UInt8]]
        var addresses: [UInt]
    }

    private let seen = Mutex<[Sight]>([])
    var sights: [Sight] { seen.withLock { $0 } }

    func observe(slot: Int, context: UnsafeMutableRawPointer?, values: [ObservedTensor]) {
        let sight = Sight(
            slot: slot, context: UInt(bitPattern: context), types: values.map(\.type), shapes: values.map(\.shape),
            bytes: values.map { value in
                let length = value.type.byteCount(of: value.count) ?? 0
                return [UInt8](UnsafeRawBufferPointer(start: value.base, count: value.base == nil ? 0 : length))
            },
            addresses: values.map { UInt(bitPattern: $0.base) })
        seen.withLock { $0.append(sight) }
    }
}

/// A directory that is gone when this is.
final class Scratch {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("octavo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String, _ bytes: [UInt8] = []) -> String {
        let file = path + "/" + name
        _ = FileManager.default.createFile(atPath: file, contents: Data(bytes))
        return file
    }
}
