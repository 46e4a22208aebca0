extension Graph {
    /// The nodes so that each comes after those whose values it reads (by itself or in a subgraph). Nodes keep their order
    /// where they can. Throws `ModelError.cyclic`.
    package func topologicallySorted() throws -> [Node] {
        let order = try topologicalOrder()
        return order.enumerated().allSatisfy { $0.offset == $0.element } ? nodes : order.map { nodes[$0] }
    }

    package mutating func sortTopologically() throws {
        let order = try topologicalOrder()
        if order.enumerated().allSatisfy({ $0.offset == $0.element }) { return }
        nodes = order.map { nodes[$0] }
    }

    /// The same for this graph and all graphs inside it.
    package mutating func sortEverything() throws {
        try sortTopologically()
        for place in nodes.indices where nodes[place].hasSubgraphs {
            try nodes[place].editSubgraphs { try $0.sortEverything() }
        }
    }

    /// Places of `nodes` in an order that works; the smallest ready place goes first.
    private func topologicalOrder() throws -> [Int] {
        let index = GraphIndex(self)
        var waitingFor = [Int](repeating: 0, count: nodes.count)
        var followers = [[Int]](repeating: [], count: nodes.count)
        for (place, node) in nodes.enumerated() {
            var sources = Set(node.inputs.compactMap { index.producer(of: $0) })
            if node.hasSubgraphs { sources.formUnion(node.capturedNames.compactMap { index.producer(of: $0) }) }
            waitingFor[place] = sources.count
            for source in sources { followers[source].append(place) }
        }
        var ready = SmallestFirst(nodes.indices.filter { waitingFor[$0] == 0 })
        var order: [Int] = []
        order.reserveCapacity(nodes.count)
        while let place = ready.take() {
            order.append(place)
            for follower in followers[place] {
                waitingFor[follower] -= 1
                if waitingFor[follower] == 0 { ready.add(follower) }
            }
        }
        guard order.count == nodes.count else { throw ModelError.cyclic(nodes: cycle(waitingFor, followers)) }
        return order
    }

    /// The labels of one cycle (at most 8) among the nodes that still wait.
    private func cycle(_ waitingFor: [Int], _ followers: [[Int]]) -> [String] {
        var source: [Int: Int] = [:]
        for place in nodes.indices where waitingFor[place] > 0 {
            for follower in followers[place] where waitingFor[follower] > 0 { source[follower] = place }
        }
        guard var place = nodes.indices.first(where: { waitingFor[$0] > 0 }) else { return [] }
        var seen: Set<Int> = []
        while seen.insert(place).inserted, let next = source[place] { place = next }
        // Forwards from the first node of the cycle.
        var cycle: [Int] = []
        repeat {
            cycle.append(place)
            place = source[place] ?? cycle[0]
        } while place != cycle[0]
        cycle.reverse()
        let first = cycle.indices.min { cycle[$0] < cycle[$1] } ?? 0
        return (cycle[first...] + cycle[..<first]).prefix(8).map { nodes[$0].label }
    }
}

/// A binary heap of places.
private struct SmallestFirst {
    private var heap: [Int]

    /// An ascending list is a heap already.
    init(_ ascending: [Int]) { heap = ascending }

    mutating func add(_ place: Int) {
        heap.append(place)
        var child = heap.count - 1
        while child > 0, heap[child] < heap[(child - 1) / 2] {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func take() -> Int? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return first }
        heap[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child] < heap[smallest] {
                smallest = child
            }
            if smallest == parent { return first }
            heap.swapAt(smallest, parent)
            parent = smallest
        }
    }
}
