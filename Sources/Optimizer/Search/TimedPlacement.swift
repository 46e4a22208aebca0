import Domain
import ModelGraph
import Pages
import Quantization

/// Which operators of an integer form run faster in float on this machine, by the engine's own profile of both forms.
///
/// Each operator costs its measured time on either side, and each tensor between two sides its conversion; the parting of
/// least cost is a minimum cut. It is a prediction: the candidate that comes of it still has to win a race.
struct TimedPlacement {
    private let topology: Topology
    private let placement: Placement
    private let conversion: Double
    /// Which operators move together: an anchor and the activation behind it.
    private var groups: Groups

    /// Nanoseconds to quantize, or to dequantize, one value on one thread and, where need be, to change its layout
    /// (measured: 0.08 to 0.3).
    private static let conversionNanoseconds = 0.15
    /// A predicted gain below this share of the integer form's time is not worth a candidate.
    private static let leastGain = 0.02
    /// Microseconds that nothing takes: stands for "impossible".
    private static let never = 1e12

    init(_ topology: Topology, _ placement: Placement, threads: Int) {
        self.topology = topology
        self.placement = placement
        conversion = Self.conversionNanoseconds / 1e3 / Double(max(1, threads))
        groups = Groups(count: topology.graph.nodes.count + 1)
        joinActivations()
    }

    /// Nodes better left in float, with their times; empty when little is to be gained.
    mutating func slowInIntegers(float: Profile, integer: Profile) -> [String: Reason] {
        let names = StepNames(topology.graph)
        let floatTimes = names.microseconds(float)
        let integerTimes = names.microseconds(integer)
        joinFused(floatTimes)
        var cut = MinimumCut(count: topology.graph.nodes.count + 1)
        var now = 0.0
        for (i, verdict) in placement.verdicts.enumerated() {
            let group = groups.root(i)
            let isInteger = !isFloat(verdict)
            let unseen = isInteger && OperatorRule.of(topology.graph.nodes[i]) == .anchor && integerTimes[i] == 0
            cut.add(
                group, left: isInteger ? integerTimes[i] : Self.never, right: unseen ? Self.never : floatTimes[i])
            now += isInteger ? integerTimes[i] : floatTimes[i]
        }
        now += linkTensors(&cut)
        cut.add(outside, left: Self.never, right: 0)
        let (isFloat, cost) = cut.solve()
        guard now - cost > Self.leastGain * now else { return [:] }
        return reasons(isFloat, floatTimes, integerTimes)
    }

    /// Stands for the caller, who gives and takes float.
    private var outside: Int { topology.graph.nodes.count }

    private func isFloat(_ verdict: Placement.Verdict) -> Bool {
        if case .float = verdict { true } else { false }
    }

    private mutating func reasons(_ right: [Bool], _ float: [Double], _ integer: [Double]) -> [String: Reason] {
        var reasons: [String: Reason] = [:]
        for (i, node) in topology.graph.nodes.enumerated()
        where placement.verdicts[i] == .integer && right[groups.root(i)] {
            let (a, b) = (Number.fixed(float[i], 0), Number.fixed(integer[i], 0))
            reasons[node.name] =
                integer[i] > float[i]
                ? Reason("faster in float on this machine: \(a) µs against \(b) µs")
                : Reason("beside operators that are faster in float on this machine: \(a) µs against \(b) µs")
        }
        return reasons
    }

    /// Adds the price of each tensor's conversions, and returns what is paid of it now.
    private mutating func linkTensors(_ cut: inout MinimumCut) -> Double {
        var now = 0.0
        for (i, node) in topology.graph.nodes.enumerated() {
            for input in node.inputs where !input.isEmpty && topology.constant(input) == nil {
                now += link(topology.index.producer(of: input) ?? outside, i, input, &cut)
            }
            for output in node.outputs where topology.isOutput(output) { now += link(i, outside, output, &cut) }
        }
        return now
    }

    private mutating func link(_ from: Int, _ to: Int, _ tensor: String, _ cut: inout MinimumCut) -> Double {
        let (a, b) = (groups.root(from), groups.root(to))
        guard a != b, topology.type(tensor) == .float else { return 0 }
        let cost = Double(topology.shape(tensor)?.reduce(1, *) ?? 0) * conversion
        cut.link(a, b, cost)
        func isInteger(_ i: Int) -> Bool { i != outside && !isFloat(placement.verdicts[i]) }
        return isInteger(from) == isInteger(to) ? 0 : cost
    }

    // MARK: What moves together

    private static let activations: Set<String> = [
        "Relu", "Clip", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Mul",
    ]

    /// The nodes behind an anchor that read nothing but what it gives: Relu, or Sigmoid and Mul.
    private mutating func joinActivations() {
        let nodes = topology.graph.nodes
        for (i, node) in nodes.enumerated() where Self.activations.contains(node.op) && !isFloat(placement.verdicts[i])
        {
            let inputs = node.inputs.filter { !$0.isEmpty && topology.constant($0) == nil }
            let sources = Set(inputs.map { topology.index.producer(of: $0).map { groups.root($0) } })
            guard sources.count == 1, let source = sources.first.flatMap({ $0 }), hasAnchor(source) else { continue }
            groups.join(i, source)
        }
    }

    private mutating func hasAnchor(_ group: Int) -> Bool {
        placement.anchors.contains { groups.root($0.node) == group }
    }

    /// Float layers whose time stands under another operator's name, because the engine fused them with it.
    private mutating func joinFused(_ float: [Double]) {
        for anchor in placement.anchors where float[anchor.node] == 0 {
            for consumer in topology.index.consumers(of: anchor.output)
            where !isFloat(placement.verdicts[consumer]) {
                groups.join(consumer, anchor.node)
            }
        }
    }
}

/// Disjoint sets of nodes.
private struct Groups {
    private var parents: [Int]

    init(count: Int) { parents = Array(0..<count) }

    mutating func root(_ i: Int) -> Int {
        var i = i
        while parents[i] != i {
            parents[i] = parents[parents[i]]
            i = parents[i]
        }
        return i
    }

    mutating func join(_ i: Int, _ j: Int) {
        let (a, b) = (root(i), root(j))
        parents[max(a, b)] = min(a, b)
    }
}

/// Finds the node that a step of the engine comes from: the engine names what it makes after the node or its result.
private struct StepNames {
    private let places: [String: Int]
    private let names: [String]
    private let count: Int

    init(_ graph: Graph) {
        var places: [String: Int] = [:]
        for (i, node) in graph.nodes.enumerated() {
            for name in [node.name] + node.outputs where !name.isEmpty && places[name] == nil { places[name] = i }
        }
        self.places = places
        names = places.keys.sorted { ($0.utf8.count, $1) > ($1.utf8.count, $0) }
        count = graph.nodes.count
    }

    /// Time of each node; conversions and changes of layout belong to none.
    func microseconds(_ profile: Profile) -> [Double] {
        var times = [Double](repeating: 0, count: count)
        for step in profile.steps where !step.isConversion && !step.changesLayout {
            if let name = names.first(where: step.name.hasPrefix), let place = places[name] {
                times[place] += step.microseconds
            }
        }
        return times
    }
}
