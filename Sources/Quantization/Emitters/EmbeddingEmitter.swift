package import ModelGraph

/// Stores tables of rows that are only looked up in with 8 bits and one scale for each row: `Gather -> Cast -> Mul(scale)`.
/// What is looked up is restored in every run, a few rows; the table itself stays in 8 bits, in the file and in memory.
package struct EmbeddingEmitter {
    private var graph: Graph
    private let keepFloat: Set<String>
    /// Tables that were stored.
    package private(set) var stored = 0
    /// What they took in float.
    package private(set) var storedBytes = 0

    /// Smaller tables are not worth the nodes.
    private static let fewest = 1 << 12

    /// Tables that a node of `keepFloat` looks up in stay as they are.
    package init(_ graph: Graph, keepFloat: Set<String>) {
        self.graph = graph
        self.keepFloat = keepFloat
    }

    package mutating func emit() throws -> Graph {
        var readers: [String: [Int]] = [:]
        for (place, node) in graph.nodes.enumerated() {
            for input in node.inputs { readers[input, default: []].append(place) }
        }
        let captured = graph.nodes.filter(\.hasSubgraphs).flatMap(\.capturedNames)
        let fixed = Set((graph.outputs + graph.inputs).map(\.name) + captured)
        for table in graph.initializers where Self.isTable(table) && !fixed.contains(table.name) {
            let places = readers[table.name] ?? []
            // A mask of minus infinities is looked up in too.
            if !places.isEmpty, places.allSatisfy({ looksUp($0, table.name) }),
                try table.floats().allSatisfy(\.isFinite)
            {
                try store(table, places)
            }
        }
        guard stored > 0 else { return graph }
        try graph.sortTopologically()
        graph.removeUnused()
        return graph
    }

    private static func isTable(_ tensor: Tensor) -> Bool {
        tensor.type == .float && tensor.dims.count == 2 && tensor.dims[1] > 4 && tensor.count >= fewest
    }

    private func looksUp(_ place: Int, _ table: String) -> Bool {
        let node = graph.nodes[place]
        return node.op == "Gather" && node.domain.isEmpty && (node.int("axis") ?? 0) == 0 && node.inputs.count == 2
            && node.inputs[0] == table && node.inputs[1] != table && !keepFloat.contains(node.name)
    }

    private mutating func store(_ table: Tensor, _ places: [Int]) throws {
        let rows = try QuantizedWeight(table, axis: 0)
        let integers = graph.addInitializer(Tensor(name: table.name + "/int8", int8s: rows.values, dims: rows.dims))
        let scales = graph.addFloats(rows.scales, dims: [rows.scales.count, 1], stem: table.name + "/scales")
        for place in places {
            let node = graph.nodes[place]
            let (taken, cast, scale) = (
                graph.freshName(node.outputs[0] + "/int8"), graph.freshName(node.outputs[0] + "/cast"),
                graph.freshName(node.outputs[0] + "/scale")
            )
            graph.nodes[place].inputs[0] = integers
            graph.nodes[place].outputs[0] = taken
            graph.nodes += [
                Node(op: "Cast", inputs: [taken], outputs: [cast], name: cast, attributes: [.int("to", 1)]),
                Node(
                    op: "Gather", inputs: [scales, node.inputs[1]], outputs: [scale], name: scale,
                    attributes: [.int("axis", 0)]),
                Node(
                    op: "Mul", inputs: [cast, scale], outputs: [node.outputs[0]],
                    name: graph.freshName(node.name + "/restored")),
            ]
        }
        stored += 1
        storedBytes += table.byteCount
    }
}
