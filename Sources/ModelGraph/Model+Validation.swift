extension Model {
    /// Checks the rules that the rest of the code relies on: versions, names, definitions before uses. Reading does this;
    /// it is also a good last step before writing.
    package func validate() throws {
        try check("IR version", irVersion, Self.supportedIRVersions)
        guard !graph.nodes.isEmpty else {
            throw ModelError.invalidGraph(reason: "there are no nodes", place: graph.place)
        }
        guard !graph.outputs.isEmpty else {
            throw ModelError.invalidGraph(reason: "there are no outputs", place: graph.place)
        }
        var domains: Set<String> = []
        for opset in opsets {
            let domain = OperatorDomain.isDefault(opset.domain) ? "" : opset.domain
            guard domains.insert(domain).inserted else {
                throw ModelError.duplicateName(opset.domain, place: "operator set imports")
            }
            if domain.isEmpty { try check("operator set", opset.version, Self.supportedOpsets) }
        }
        var scope = Scope(domains: domains)
        try scope.check(graph)
    }

    private func check(_ what: String, _ found: Int64, _ supported: ClosedRange<Int64>) throws {
        guard supported.contains(found) else {
            throw ModelError.unsupportedVersion(what: what, found: found, supported: supported)
        }
    }
}

extension Graph {
    fileprivate var place: String { name.isEmpty ? "graph" : "graph '\(name)'" }
}

/// The names that can be seen from inside a graph, counted by how many graphs around define them.
private struct Scope {
    let domains: Set<String>
    private var visible: [String: Int] = [:]

    init(domains: Set<String>) { self.domains = domains }

    mutating func check(_ graph: Graph) throws {
        var own: Set<String> = []
        try defineSources(graph, &own)
        for node in graph.nodes {
            try check(node)
            for output in node.outputs where !output.isEmpty { try define(output, &own, place: graph.place) }
        }
        for output in graph.outputs where visible[output.name] == nil {
            throw ModelError.invalidGraph(reason: "nothing makes the output '\(output.name)'", place: graph.place)
        }
        for name in own {
            let count = visible[name, default: 1] - 1
            visible[name] = count == 0 ? nil : count
        }
    }

    private mutating func defineSources(_ graph: Graph, _ own: inout Set<String>) throws {
        for input in graph.inputs {
            guard !input.name.isEmpty else {
                throw ModelError.invalidGraph(reason: "an input has no name", place: graph.place)
            }
            try define(input.name, &own, place: graph.place)
        }
        let inputs = own
        var initializers: Set<String> = []
        for name in graph.initializers.map(\.name) + graph.sparseInitializers.map(\.name) {
            guard !name.isEmpty else {
                throw ModelError.invalidGraph(reason: "an initializer has no name", place: graph.place)
            }
            // An initializer may give an input its default value.
            guard initializers.insert(name).inserted else {
                throw ModelError.duplicateName(name, place: graph.place)
            }
            if !inputs.contains(name) { try define(name, &own, place: graph.place) }
        }
    }

    private mutating func define(_ name: String, _ own: inout Set<String>, place: String) throws {
        guard own.insert(name).inserted else { throw ModelError.duplicateName(name, place: place) }
        visible[name, default: 0] += 1
    }

    private mutating func check(_ node: Node) throws {
        guard !node.op.isEmpty else {
            throw ModelError.invalidGraph(reason: "the node has no operator", place: node.label)
        }
        let domain = node.isDefaultDomain ? "" : node.domain
        guard domains.contains(domain) else {
            throw ModelError.missingOpset(domain: domain.isEmpty ? "ai.onnx" : domain, node: node.label)
        }
        for input in node.inputs where !input.isEmpty && visible[input] == nil {
            throw ModelError.undefinedInput(tensor: input, node: node.label)
        }
        var names: Set<String> = []
        for attribute in node.attributes where !names.insert(attribute.name).inserted {
            throw ModelError.duplicateName(attribute.name, place: "attributes of \(node.label)")
        }
        if node.hasSubgraphs { for graph in node.subgraphs { try check(graph) } }
    }
}
