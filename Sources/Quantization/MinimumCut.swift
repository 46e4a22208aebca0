/// Parts things in two at the least total cost, when each has a cost on either side and some pairs cost extra where they
/// are parted: minimum cut of a graph (Greig, Porteous and Seheult 1989), found by Dinic's maximum flow (1970).
package struct MinimumCut {
    private struct Edge {
        var to: Int
        var capacity: Double
    }
    /// Each edge is followed by its reverse.
    private var edges: [Edge] = []
    private var out: [[Int]]
    private let source: Int
    private let sink: Int
    private static let nothing = 1e-12

    /// `count` things, each free on both sides.
    package init(count: Int) {
        out = Array(repeating: [], count: count + 2)
        source = count
        sink = count + 1
    }

    /// What thing `i` costs on either side, added to what was said before.
    package mutating func add(_ i: Int, left: Double, right: Double) {
        connect(source, i, right, 0)
        connect(i, sink, left, 0)
    }

    /// What it costs to have `i` and `j` on different sides.
    package mutating func link(_ i: Int, _ j: Int, _ cost: Double) {
        if i != j { connect(i, j, cost, cost) }
    }

    /// Whether each thing lies on the right in a parting of least cost, and that cost. Where both sides are as good, left.
    package mutating func solve() -> (isRight: [Bool], cost: Double) {
        var cost = 0.0
        while case let levels = levels(from: source, forward: true), levels[sink] >= 0 {
            var next = [Int](repeating: 0, count: out.count)
            while case let pushed = push(source, .infinity, levels, &next), pushed > Self.nothing { cost += pushed }
        }
        let reachesSink = levels(from: sink, forward: false)
        return (reachesSink.dropLast(2).map { $0 >= 0 }, cost)
    }

    private mutating func connect(_ i: Int, _ j: Int, _ there: Double, _ back: Double) {
        guard there > 0 || back > 0 else { return }
        out[i].append(edges.count)
        edges.append(Edge(to: j, capacity: max(0, there)))
        out[j].append(edges.count)
        edges.append(Edge(to: i, capacity: max(0, back)))
    }

    /// Steps from `start` along what capacity is left, -1 where there is no way; `forward` false goes against it.
    private func levels(from start: Int, forward: Bool) -> [Int] {
        var levels = [Int](repeating: -1, count: out.count)
        levels[start] = 0
        var open = [start]
        var place = 0
        while place < open.count {
            let i = open[place]
            place += 1
            for e in out[i] {
                let left = edges[forward ? e : e ^ 1].capacity
                if left > Self.nothing, levels[edges[e].to] < 0 {
                    levels[edges[e].to] = levels[i] + 1
                    open.append(edges[e].to)
                }
            }
        }
        return levels
    }

    private mutating func push(_ i: Int, _ limit: Double, _ levels: [Int], _ next: inout [Int]) -> Double {
        if i == sink { return limit }
        while next[i] < out[i].count {
            let e = out[i][next[i]]
            let to = edges[e].to
            if edges[e].capacity > Self.nothing, levels[to] == levels[i] + 1 {
                let pushed = push(to, min(limit, edges[e].capacity), levels, &next)
                if pushed > Self.nothing {
                    edges[e].capacity -= pushed
                    edges[e ^ 1].capacity += pushed
                    return pushed
                }
            }
            next[i] += 1
        }
        return 0
    }
}
