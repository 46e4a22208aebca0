/// A graph of operators: a model's own, or the body of an If, Loop or Scan.
///
/// Plain mutable values: edit the arrays directly. After larger edits `sortTopologically()` and `removeUnused()` tidy up.
package struct Graph: Sendable, Equatable {
    package var name: String
    package var nodes: [Node]
    package var initializers: [Tensor]
    package var inputs: [ValueInfo]
    package var outputs: [ValueInfo]
    /// Types of inner values, as far as the file gives them. May be dropped at any time.
    package var valueInfo: [ValueInfo]
    /// Carried along as they came until `densifySparseInitializers()` is asked for.
    package internal(set) var sparseInitializers: [SparseInitializer]
    /// Doc string, quantization annotations, metadata and unknown fields, as they came.
    var extras = KeptFields()
    /// Names in use, collected by the first `freshName`; not part of the value.
    private var taken = TakenNames()

    package init(
        name: String = "graph", nodes: [Node] = [], initializers: [Tensor] = [], inputs: [ValueInfo] = [],
        outputs: [ValueInfo] = [], valueInfo: [ValueInfo] = []
    ) {
        self.name = name
        self.nodes = nodes
        self.initializers = initializers
        self.inputs = inputs
        self.outputs = outputs
        self.valueInfo = valueInfo
        sparseInitializers = []
    }
}

/// A sparse initializer as it came, with the name that it defines.
package struct SparseInitializer: Sendable, Equatable {
    package let name: String
    let encoded: ByteSlice

    func parts() throws -> SparseParts {
        let store = ByteStore(encoded.array)
        var decoder = ModelDecoder(limits: .default, external: nil)
        return try store.withBytes {
            try decoder.sparseParts(ProtobufReader(store: store, bytes: $0, depth: ReadLimits.default.depth))
        }
    }
}

/// A cache that does not take part in comparing graphs.
private struct TakenNames: Sendable, Equatable {
    var names: Set<String>?
    static func == (a: TakenNames, b: TakenNames) -> Bool { true }
}

extension Graph {
    /// A name that nothing in this graph or its subgraphs has: the stem itself when it is free, else "stem_1" and so on.
    ///
    /// The names in use are collected once, so this is cheap to call often. Names that are given by hand afterwards are
    /// not seen: take all new names from here, or call `forgetNames()`.
    package mutating func freshName(_ stem: String) -> String {
        var names = taken.names ?? allNames()
        taken.names = nil
        var candidate = stem
        var number = 0
        while candidate.isEmpty || !names.insert(candidate).inserted {
            number += 1
            candidate = "\(stem)_\(number)"
        }
        taken.names = names
        return candidate
    }

    package mutating func forgetNames() { taken.names = nil }

    /// Marks names as used, such as those of the graph around this one.
    package mutating func reserveNames(_ others: Set<String>) {
        taken.names = (taken.names ?? allNames()).union(others)
    }

    /// Adds `tensor` under its own name, or a fresh one made from it when that is taken; returns the name.
    @discardableResult
    package mutating func addInitializer(_ tensor: Tensor) -> String {
        var tensor = tensor
        tensor.name = freshName(tensor.name)
        initializers.append(tensor)
        return tensor.name
    }

    /// Every name of a value or node in this graph and in its subgraphs.
    package func allNames() -> Set<String> {
        var names: Set<String> = []
        collectNames(into: &names)
        return names
    }

    private func collectNames(into names: inout Set<String>) {
        for node in nodes {
            names.insert(node.name)
            names.formUnion(node.inputs)
            names.formUnion(node.outputs)
            for graph in node.subgraphs { graph.collectNames(into: &names) }
        }
        for tensor in initializers { names.insert(tensor.name) }
        for tensor in sparseInitializers { names.insert(tensor.name) }
        for value in inputs { names.insert(value.name) }
        for value in outputs { names.insert(value.name) }
    }
}
