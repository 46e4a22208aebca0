import Domain
import Foundation
import Inference
import ModelGraph
import Quantization

/// Writes graphs into the scratch directory and opens them in the engine: the one way the stages get a session.
struct EngineModels {
    let engine: any Engine
    let directory: String
    /// For whoever times a session.
    var quiet = Quiet()

    /// Opens `graph` as the main graph of `model`.
    func session(
        _ graph: Graph, of model: Model, named name: String, _ options: SessionOptions
    ) throws -> any Session {
        let path = try write(graph, of: model, named: name)
        return try engine.makeSession(.path(path), options)
    }

    /// Opens the customer's file as it came. What the engine refuses there is the model's fault in every stage.
    func original(_ path: String, _ options: SessionOptions) throws -> any Session {
        do {
            return try engine.makeSession(.path(path), options)
        } catch let error as EngineError {
            throw Failure(wrapping: error, stage: .prepare)
        }
    }

    /// Writes `graph` as the main graph of `model` and returns the file's path.
    func write(_ graph: Graph, of model: Model, named name: String) throws -> String {
        var edited = model
        edited.graph = graph
        edited.declareDomains()
        let path = directory + "/" + name + ".onnx"
        try edited.write(to: path)
        return path
    }
}

extension SessionOptions {
    /// For float graphs that compute with rounded numbers: nothing is fused or laid out anew, so that what is decided by them
    /// depends as little as can be on the width of the processor's vectors. With everything fused they take two thirds of
    /// the time and differ in the last bits; on weak detectors even biases that differ by one move mAP by 0.01.
    static func simulation(threads: Int = 1, observer: (any TensorObserver)? = nil) -> SessionOptions {
        SessionOptions(threads: threads, optimization: .none, observer: observer)
    }
}

extension Model {
    /// Makes the operator set imports name exactly the domains that nodes use.
    mutating func declareDomains() {
        var used: Set<String> = []
        graph.visitGraphs { used.formUnion($0.nodes.map(\.domain)) }
        for domain in used.sorted() where opset(domain) == nil { setOpset(domain, 1) }
        // Bodies of local functions are not read: what they use must stay declared.
        guard functions.isEmpty else { return }
        opsets.removeAll { !OperatorDomain.isDefault($0.domain) && !used.contains($0.domain) }
    }
}

extension Graph {
    /// Bytes of all initializers of the main graph.
    var weightBytes: Int { initializers.reduce(0) { $0 + $1.byteCount } }
}
