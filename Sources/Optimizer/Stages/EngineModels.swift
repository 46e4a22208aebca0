import Domain
import Foundation
import Inference
import ModelGraph
import Quantization

/// Writes graphs into the scratch directory and opens them in the engine: the one way the stages get a session.
struct EngineModels {
    let engine: any Engine
    let directory: String

    /// Opens `graph` as the main graph of `model`.
    func session(
        _ graph: Graph, of model: Model, named name: String, _ options: SessionOptions
    ) throws -> any Session {
        let path = try write(graph, of: model, named: name)
        return try engine.makeSession(.path(path), options)
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

extension Model {
    /// Makes the operator set imports name exactly the domains that nodes use.
    mutating func declareDomains() {
        let used = Set(graph.allNodes.map(\.domain)).union(functionDomains)
        for domain in used where opset(domain) == nil { setOpset(domain, 1) }
        opsets.removeAll { !$0.domain.isEmpty && !used.contains($0.domain) }
    }
}
