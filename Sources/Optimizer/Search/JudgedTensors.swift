import ModelGraph
import Quantization

extension Topology {
    /// The tensors that quality is judged by: the outputs, taken apart where a Concat at the end joins what should be judged
    /// by itself. A detector's boxes of 640 beside scores of 0.9 would make any loss of the scores invisible.
    ///
    /// Where values choose what comes out, as TopK and ArgMax do, it is what they choose from. Of two boxes that score nearly
    /// alike either may come first, and then everything behind differs, although nothing is lost.
    var judged: [String] {
        var (found, seen) = ([String](), Set<String>())
        let chosen = nodesBehindChoices
        for output in graph.outputs.map(\.name) where !isMade(output, by: chosen) {
            collect(output, depth: 0, into: &found, &seen)
        }
        for place in chosen.sorted() {
            for tensor in graph.nodes[place].inputs
            where !tensor.isEmpty && constant(tensor) == nil && !isMade(tensor, by: chosen) {
                collect(tensor, depth: 0, into: &found, &seen)
            }
        }
        return found.isEmpty || found.count > Self.mostJudged ? graph.outputs.map(\.name) : found
    }

    private static let choosing: Set<String> = ["TopK", "ArgMax", "ArgMin", "NonMaxSuppression", "NonZero"]

    /// Operators that choose by value, and all that reads what they give; none where most of the work lies there, as behind the
    /// neighbours of a point cloud, and would not be judged.
    private var nodesBehindChoices: Set<Int> {
        var behind: Set<Int> = []
        var pending = graph.nodes.indices.filter { graph.nodes[$0].is(anyOf: Self.choosing) }
        while let place = pending.popLast() {
            guard behind.insert(place).inserted else { continue }
            for output in graph.nodes[place].outputs { pending += index.consumers(of: output) }
        }
        guard !behind.isEmpty else { return [] }
        let work = Placement(weightOnly: self, keepFloat: [:]).anchors.map { ($0.node, Double(macs($0))) }
        let later = work.reduce(0) { $0 + (behind.contains($1.0) ? $1.1 : 0) }
        return 2 * later > work.reduce(0) { $0 + $1.1 } ? [] : behind
    }

    private func isMade(_ tensor: String, by places: Set<Int>) -> Bool {
        index.producer(of: tensor).map(places.contains) ?? false
    }

    private static let mostJudged = 32
    private static let moving: Set<String> = [
        "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity",
    ]

    private func collect(_ tensor: String, depth: Int, into found: inout [String], _ seen: inout Set<String>) {
        guard found.count <= Self.mostJudged, seen.insert(tensor).inserted else { return }
        guard depth < 8, let node = producer(tensor) else { return add(tensor, &found) }
        if Self.moving.contains(node.op), let source = node.inputs.first {
            let inner = found.count
            collect(source, depth: depth + 1, into: &found, &seen)
            // Moving alone is no reason to judge another tensor than the output itself.
            if found.count == inner + 1, found[inner] == source { found[inner] = tensor }
        } else if node.op == "Concat" {
            for part in node.inputs where constant(part) == nil { collect(part, depth: depth + 1, into: &found, &seen) }
        } else {
            add(tensor, &found)
        }
    }

    private func add(_ tensor: String, _ found: inout [String]) {
        // What the caller gives is nothing to judge.
        if producer(tensor) != nil, type(tensor) == .float, !found.contains(tensor) { found.append(tensor) }
    }
}

extension Graph {
    /// The graph with `tensors` among its outputs.
    func giving(_ tensors: [String]) -> Graph {
        var graph = self
        let own = Set(outputs.map(\.name))
        for tensor in tensors where !own.contains(tensor) {
            graph.outputs.append(ValueInfo(name: tensor, type: .float, shape: nil))
        }
        return graph
    }
}
