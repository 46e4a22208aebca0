import Foundation
import Inference
import ModelGraph
import Testing

/// The real engine, or nil where it is not installed.
enum RealEngine {
    static let shared: OnnxRuntime? = try? OnnxRuntime()
    static var isInstalled: Bool { shared != nil }
    static let absence: Comment = "the ONNX Runtime library is not installed; run `make setup`"
}

/// A directory of its own, gone with the value.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/octavo-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], _ name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
    }

    func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))) }
}

/// A model in the engine, for comparing what two graphs compute.
struct Evaluation {
    private let session: any Session
    private let outputs: [String]

    init(_ model: Model, optimization: SessionOptions.Optimization = .none) throws {
        var options = SessionOptions()
        options.optimization = optimization
        session = try #require(RealEngine.shared).makeSession(.bytes(model.bytes()), options)
        outputs = model.graph.outputs.map(\.name)
    }

    /// Every output as floats.
    func callAsFunction(_ inputs: [String: TensorValue]) throws -> [[Float]] {
        try session.run(inputs, outputs: outputs).map { try $0.floats() }
    }
}

/// The largest difference of two results, relative to the largest magnitude of each output.
func relativeDifference(_ a: [[Float]], _ b: [[Float]]) -> Float {
    guard a.map(\.count) == b.map(\.count) else { return .infinity }
    return zip(a, b).map { x, y in
        let scale = x.map(abs).max() ?? 0
        let difference = zip(x, y).map { $0 == $1 ? 0 : abs($0 - $1) }.reduce(0) { $1 <= $0 ? $0 : $1 }
        return difference == 0 ? 0 : difference / max(scale, 1e-20)
    }.max() ?? 0
}
