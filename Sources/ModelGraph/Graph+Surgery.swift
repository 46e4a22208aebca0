extension Graph {
    /// Makes every reader of `old` read `new` instead: nodes, and subgraphs that capture it.
    ///
    /// With `graphOutputs` a graph output of the name `old` becomes `new` as well, which changes the name that the
    /// model's caller sees. Returns how many places changed.
    @discardableResult
    package mutating func replaceInput(of old: String, with new: String, graphOutputs: Bool = true) -> Int {
        replaceInput(of: old, with: new, at: nodes.indices) + (graphOutputs ? replaceOutputNames(old, new) : 0)
    }

    /// The same for the nodes at these places only, which `GraphIndex.consumers` gives: cost is per place, not per graph.
    @discardableResult
    package mutating func replaceInput(of old: String, with new: String, at places: some Sequence<Int>) -> Int {
        var changes = 0
        for place in places {
            for index in nodes[place].inputs.indices where nodes[place].inputs[index] == old {
                nodes[place].inputs[index] = new
                changes += 1
            }
            guard nodes[place].hasSubgraphs else { continue }
            nodes[place].editSubgraphs { changes += $0.replaceCapture(of: old, with: new) }
        }
        return changes
    }

    /// In a body: nothing happens where the body has its own value of that name.
    private mutating func replaceCapture(of old: String, with new: String) -> Int {
        guard !definesItself(old) else { return 0 }
        return replaceInput(of: old, with: new, at: nodes.indices) + replaceOutputNames(old, new)
    }

    private func definesItself(_ name: String) -> Bool {
        inputs.contains { $0.name == name } || initializers.contains { $0.name == name }
            || sparseInitializers.contains { $0.name == name } || nodes.contains { $0.outputs.contains(name) }
    }

    private mutating func replaceOutputNames(_ old: String, _ new: String) -> Int {
        var changes = 0
        for index in outputs.indices where outputs[index].name == old {
            outputs[index].name = new
            changes += 1
        }
        return changes
    }

    /// Gives the value `old` another name where it is made, for putting a node behind it that makes `old` again.
    package mutating func renameOutput(_ old: String, to new: String, at place: Int) {
        for index in nodes[place].outputs.indices where nodes[place].outputs[index] == old {
            nodes[place].outputs[index] = new
        }
    }

    /// Removes nodes that no graph output needs, then initializers that nothing reads and value infos of names that are
    /// gone. Initializers that are graph inputs too stay: see `dropInitializersFromInputs`. Subgraphs are tidied as well.
    package mutating func removeUnused() {
        for place in nodes.indices where nodes[place].hasSubgraphs {
            nodes[place].editSubgraphs { $0.removeUnused() }
        }
        let needed = neededNodes()
        if needed.contains(false) {
            var place = -1
            nodes.removeAll { _ in
                place += 1
                return !needed[place]
            }
        }
        var used = Set(outputs.map(\.name))
        used.formUnion(inputs.map(\.name))
        for node in nodes {
            used.formUnion(node.inputs)
            if node.hasSubgraphs { used.formUnion(node.capturedNames) }
        }
        initializers.removeAll { !used.contains($0.name) }
        sparseInitializers.removeAll { !used.contains($0.name) }
        let defined = definedNames()
        valueInfo.removeAll { !defined.contains($0.name) }
    }

    private func neededNodes() -> [Bool] {
        let index = GraphIndex(self)
        var needed = [Bool](repeating: false, count: nodes.count)
        var pending = outputs.compactMap { index.producer(of: $0.name) }
        while let place = pending.popLast() {
            if needed[place] { continue }
            needed[place] = true
            let names =
                nodes[place].hasSubgraphs ? nodes[place].inputs + nodes[place].capturedNames : nodes[place].inputs
            for name in names {
                if let source = index.producer(of: name), !needed[source] { pending.append(source) }
            }
        }
        return needed
    }

    /// Removes the nodes at these places.
    package mutating func removeNodes(at places: Set<Int>) {
        guard !places.isEmpty else { return }
        var place = -1
        nodes.removeAll { _ in
            place += 1
            return places.contains(place)
        }
    }

    /// Files of IR version 3 list every initializer as an input too, which lets a caller replace weights and keeps a
    /// runtime from folding them. Returns the names taken out of `inputs`; in the model file IR version 4 is needed then.
    @discardableResult
    package mutating func dropInitializersFromInputs() -> [String] {
        let constants = Set(initializers.map(\.name) + sparseInitializers.map(\.name))
        let dropped = inputs.filter { constants.contains($0.name) }.map(\.name)
        inputs.removeAll { constants.contains($0.name) }
        return dropped
    }

    /// Calls `visit` with this graph and every graph inside it, outermost first.
    package func visitGraphs(_ visit: (Graph) throws -> Void) rethrows {
        try visit(self)
        for node in nodes where node.hasSubgraphs {
            for graph in node.subgraphs { try graph.visitGraphs(visit) }
        }
    }
}
