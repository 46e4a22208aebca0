import ModelGraph

/// Anchors that structure alone condemns to float, because integers would cost accuracy or time there.
struct KeepFloat {
    private let topology: Topology
    private let feedsLog: Set<Int>
    private let hasAnchorBelow: [Bool]
    /// Anchors at the start of the graph whose integer kernels are slower than the float ones.
    private var prefix: Set<Int> = []

    init(_ topology: Topology) {
        self.topology = topology
        feedsLog = Self.upstreamOfLog(topology)
        hasAnchorBelow = Self.anchorsBelow(topology)
        prefix = Self.floatPrefix(topology)
    }

    func reason(for anchor: Anchor) -> Reason? {
        let node = topology.graph.nodes[anchor.node]
        if feedsLog.contains(anchor.node) { return "a logarithm downstream magnifies small errors" }
        if prefix.contains(anchor.node) {
            return "first layers with few channels: the float kernel is faster and loses nothing"
        }
        if node.op != "Gemm", !hasAnchorBelow[anchor.node], anchor.channels < Self.fewOutputs {
            return "last layer with \(anchor.channels) outputs (boxes, objectness): precision matters, time does not"
        }
        return nil
    }

    /// A last layer with fewer output channels than this is a regressor rather than a classifier.
    private static let fewOutputs = 8

    // MARK: Upstream of a logarithm

    private static func upstreamOfLog(_ topology: Topology) -> Set<Int> {
        var reached: Set<Int> = []
        var open = topology.graph.nodes.indices.filter { topology.graph.nodes[$0].op == "Log" }
        while let i = open.popLast() {
            for input in topology.graph.nodes[i].inputs {
                if let producer = topology.index.producer(of: input), reached.insert(producer).inserted {
                    open.append(producer)
                }
            }
        }
        return reached
    }

    // MARK: Last layers

    private static func anchorsBelow(_ topology: Topology) -> [Bool] {
        let nodes = topology.graph.nodes
        var below = [Bool](repeating: false, count: nodes.count)
        for i in nodes.indices.reversed() {
            below[i] = nodes[i].outputs.contains { output in
                topology.index.consumers(of: output).contains {
                    below[$0] || topology.hasConstantWeight(nodes[$0])
                }
            }
        }
        return below
    }

    // MARK: First layers

    /// The stem (few input channels, strided or single-channel) and the cheap Convs that only it and its like feed: there the
    /// integer kernels are slower than the blocked float ones.
    private static func floatPrefix(_ topology: Topology) -> Set<Int> {
        var prefix: Set<Int> = []
        var sources = AnchorSources(topology)
        for (i, node) in topology.graph.nodes.enumerated() where node.op == "Conv" {
            if isStem(i, topology) {
                prefix.insert(i)
            } else if case .success(let anchor) = Anchor.find(node, at: i, in: topology), isCheap(anchor, node) {
                let above = sources.above(anchor.activation)
                if !above.isEmpty, above.isSubset(of: prefix) { prefix.insert(i) }
            }
        }
        return prefix
    }

    /// Measured: a pointwise + depthwise pair is faster in integers from 64 channels on, not yet at 32; other Convs from
    /// about 32 on.
    private static func isCheap(_ conv: Anchor, _ node: Node) -> Bool {
        let group = Int(node.int("group") ?? 1)
        let depthwise = group == conv.channels && conv.weightDims[1] == 1
        let pointwise = group == 1 && conv.weightDims[2...].allSatisfy { $0 == 1 }
        return max(conv.channels, conv.weightDims[1]) <= (depthwise || pointwise ? 32 : 24)
    }

    private static func isStem(_ i: Int, _ topology: Topology) -> Bool {
        let node = topology.graph.nodes[i]
        guard node.op == "Conv", case .success(let anchor) = Anchor.find(node, at: i, in: topology),
            readsGraphInput(anchor.activation, topology)
        else { return false }
        let inputs = anchor.weightDims[1] * Int(node.int("group") ?? 1)
        let strided = (node.ints("strides") ?? []).contains { $0 > 1 }
        return inputs <= 4 && anchor.channels <= 32 && (strided || inputs == 1)
    }

    /// Whether only operators that move or scale values lie between a graph input and `tensor`.
    private static func readsGraphInput(_ tensor: String, _ topology: Topology) -> Bool {
        var name = tensor
        for _ in 0..<16 {
            guard let node = topology.producer(name) else { return true }
            guard ["Transpose", "Pad", "Reshape", "Cast", "Sub", "Mul", "Div", "Add", "Unsqueeze"].contains(node.op),
                let next = node.inputs.first(where: { !$0.isEmpty && topology.constant($0) == nil })
            else { return false }
            name = next
        }
        return false
    }
}

/// The anchors that feed a tensor over paths without other anchors.
private struct AnchorSources {
    private let topology: Topology
    private var known: [String: Set<Int>] = [:]

    init(_ topology: Topology) { self.topology = topology }

    mutating func above(_ tensor: String) -> Set<Int> {
        if let answer = known[tensor] { return answer }
        var answer: Set<Int> = []
        if let i = topology.index.producer(of: tensor) {
            let node = topology.graph.nodes[i]
            if topology.hasConstantWeight(node) {
                answer = [i]
            } else {
                for input in node.inputs where topology.constant(input) == nil { answer.formUnion(above(input)) }
            }
        }
        known[tensor] = answer
        return answer
    }
}

extension Topology {
    /// Whether `node` multiplies by a weight that is in the file.
    func hasConstantWeight(_ node: Node) -> Bool {
        OperatorRule.of(node) == .anchor && node.inputs.count > 1 && constant(node.inputs[1]) != nil
    }
}

extension Topology {
    /// Adds `anchor`, the activation behind it and the anchor that feeds it to `kept`: a layer that loses too much in integers
    /// loses it in what comes in and goes out as well.
    package func keepFloat(around anchor: Anchor, sqnr: Double, in kept: inout [String: Reason]) {
        let reason = Reason("its output keeps only \(Int(sqnr.rounded())) dB in integers")
        let node = graph.nodes[anchor.node]
        kept[node.name] = reason
        for consumer in consumers(anchor.output) where consumer.is(anyOf: Self.activations) {
            kept[consumer.name] = Reason("it follows \(node.label), which stays float")
        }
        for place in activation(before: anchor.activation) {
            kept[graph.nodes[place].name] = Reason("it feeds \(node.label), which stays float")
        }
    }

    private static let activations: Set<String> = [
        "Sigmoid", "HardSigmoid", "Mul", "Relu", "Clip", "LeakyRelu",
    ]

    /// The one anchor that `tensor` comes from and the activation between, all of whose ways lead back to it; empty where
    /// there is more than that.
    private func activation(before tensor: String) -> Set<Int> {
        var (found, anchors): (Set<Int>, Set<Int>) = ([], [])
        var pending = [tensor]
        while let tensor = pending.popLast() {
            guard constant(tensor) == nil else { continue }
            guard let place = index.producer(of: tensor) else { return [] }
            guard found.insert(place).inserted else { continue }
            if OperatorRule.of(graph.nodes[place]) == .anchor {
                anchors.insert(place)
            } else if graph.nodes[place].is(anyOf: Self.activations) {
                pending += graph.nodes[place].inputs.filter { !$0.isEmpty }
            } else {
                return []
            }
        }
        return anchors.count == 1 ? found : []
    }
}
