/// Who makes and who reads each value of a graph, as places in its arrays. A snapshot: make a new one after edits.
package struct GraphIndex: Sendable {
    private var producers: [String: Int] = [:]
    private var readers: [String: [Int]] = [:]
    private var initializers: [String: Int] = [:]
    private var inputs: [String: Int] = [:]
    private var outputs: [String: Int] = [:]
    private var valueInfos: [String: Int] = [:]
    /// Values of this graph that subgraphs of its nodes read by name.
    package private(set) var capturedNames: Set<String> = []

    package init(_ graph: Graph) {
        producers.reserveCapacity(graph.nodes.count)
        readers.reserveCapacity(graph.nodes.count)
        for (place, node) in graph.nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { producers[output] = place }
            for input in node.inputs where !input.isEmpty { addReader(place, of: input) }
            guard node.hasSubgraphs else { continue }
            let captured = node.capturedNames
            capturedNames.formUnion(captured)
            for name in captured.sorted() { addReader(place, of: name) }
        }
        for (place, tensor) in graph.initializers.enumerated() { initializers[tensor.name] = place }
        for (place, value) in graph.inputs.enumerated() { inputs[value.name] = place }
        for (place, value) in graph.outputs.enumerated() { outputs[value.name] = place }
        for (place, value) in graph.valueInfo.enumerated() { valueInfos[value.name] = place }
    }

    private mutating func addReader(_ place: Int, of name: String) {
        if readers[name]?.last == place { return }
        readers[name, default: []].append(place)
    }

    /// The node that makes this value.
    package func producer(of name: String) -> Int? { producers[name] }

    /// The nodes that read this value, each once and in order; a node whose subgraph reads it is among them.
    package func consumers(of name: String) -> [Int] { readers[name] ?? [] }

    package func initializer(named name: String) -> Int? { initializers[name] }
    package func input(named name: String) -> Int? { inputs[name] }
    package func output(named name: String) -> Int? { outputs[name] }
    package func valueInfo(named name: String) -> Int? { valueInfos[name] }

    package func isGraphInput(_ name: String) -> Bool { inputs[name] != nil }
    package func isGraphOutput(_ name: String) -> Bool { outputs[name] != nil }
    package func isInitializer(_ name: String) -> Bool { initializers[name] != nil }
    /// An initializer that no graph input of the same name lets the caller replace.
    package func isConstant(_ name: String) -> Bool { initializers[name] != nil && inputs[name] == nil }
}

extension Node {
    /// Outer values that the subgraphs of this node read by name.
    package var capturedNames: Set<String> {
        var names: Set<String> = []
        for graph in subgraphs { names.formUnion(graph.freeNames()) }
        return names
    }
}

extension Graph {
    /// Names that this graph reads and does not define.
    package func freeNames() -> Set<String> {
        var used: Set<String> = []
        for node in nodes {
            for input in node.inputs where !input.isEmpty { used.insert(input) }
            if node.hasSubgraphs { used.formUnion(node.capturedNames) }
        }
        for output in outputs where !output.name.isEmpty { used.insert(output.name) }
        return used.subtracting(definedNames())
    }

    /// Names that this graph itself defines: inputs, initializers, outputs of nodes.
    package func definedNames() -> Set<String> {
        var names: Set<String> = []
        for value in inputs { names.insert(value.name) }
        for tensor in initializers { names.insert(tensor.name) }
        for tensor in sparseInitializers { names.insert(tensor.name) }
        for node in nodes { names.formUnion(node.outputs) }
        return names
    }
}
