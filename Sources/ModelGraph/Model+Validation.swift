extension Model {
    /// Elements of one input or output.
    private static let elementLimit = 1 << 40

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
        for value in graph.inputs + graph.outputs { try checkSize(value) }
        try graph.checkDefinitions()
        try checkExpansion()
        var scope = Scope(domains: domains)
        try scope.check(graph)
    }

    /// A shape is only a promise, but one that nobody could keep is refused here and not when memory is asked for.
    private func checkSize(_ value: ValueInfo) throws {
        var count = 1
        for size in (value.shape ?? []).compactMap(\.size) where size > 0 {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow, product <= Self.elementLimit else {
                throw ModelError.tooLarge(
                    what: "the shape of '\(value.name)' asks for too many elements", limit: Self.elementLimit)
            }
            count = product
        }
    }

    private func check(_ what: String, _ found: Int64, _ supported: ClosedRange<Int64>) throws {
        guard supported.contains(found) else {
            throw ModelError.unsupportedVersion(what: what, found: found, supported: supported)
        }
    }
}

extension Graph {
    fileprivate var place: String { name.isEmpty ? "graph" : "graph '\(name)'" }

    /// Every value is defined once in its graph; an initializer may give an input its default value.
    func checkDefinitions() throws {
        var names: Set<String> = []
        for input in inputs { try define(input.name, &names, what: "an input") }
        let inputs = names
        var initial: Set<String> = []
        for name in initializers.map(\.name) + sparseInitializers.map(\.name) {
            try define(name, &initial, what: "an initializer")
            if !inputs.contains(name) { try define(name, &names, what: "an initializer") }
        }
        for node in nodes {
            for output in node.outputs where !output.isEmpty { try define(output, &names, what: "an output") }
            for graph in node.subgraphs { try graph.checkDefinitions() }
        }
    }

    private func define(_ name: String, _ names: inout Set<String>, what: String) throws {
        guard !name.isEmpty else { throw ModelError.invalidGraph(reason: "\(what) has no name", place: place) }
        guard names.insert(name).inserted else { throw ModelError.duplicateName(name, place: place) }
    }
}

/// The names that can be seen from inside a graph, counted by how many graphs around define them.
private struct Scope {
    let domains: Set<String>
    private var visible: [String: Int] = [:]

    init(domains: Set<String>) { self.domains = domains }

    mutating func check(_ graph: Graph) throws {
        var own: Set<String> = []
        for value in graph.inputs { define(value.name, &own) }
        for tensor in graph.initializers { define(tensor.name, &own) }
        for tensor in graph.sparseInitializers { define(tensor.name, &own) }
        for node in graph.nodes {
            try check(node)
            for output in node.outputs where !output.isEmpty { define(output, &own) }
        }
        for output in graph.outputs where visible[output.name] == nil {
            throw ModelError.invalidGraph(reason: "nothing makes the output '\(output.name)'", place: graph.place)
        }
        for name in own {
            let count = visible[name, default: 1] - 1
            visible[name] = count == 0 ? nil : count
        }
    }

    private mutating func define(_ name: String, _ own: inout Set<String>) {
        if own.insert(name).inserted { visible[name, default: 0] += 1 }
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
