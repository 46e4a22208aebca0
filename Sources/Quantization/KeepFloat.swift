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

    /// The stem (few input channels, strided or single-channel) and, behind it, Convs with few channels.
    /// Integer depthwise and few-channel kernels are slower than the blocked float ones below about 24 channels.
    private static func floatPrefix(_ topology: Topology) -> Set<Int> {
        var prefix: Set<Int> = []
        let stems = topology.graph.nodes.indices.filter { isStem($0, topology) }
        prefix.formUnion(stems)
        for (i, node) in topology.graph.nodes.enumerated() where node.op == "Conv" && !prefix.contains(i) {
            guard case .success(let anchor) = Anchor.find(node, at: i, in: topology), anchor.channels <= 24,
                let source = sourceAnchor(anchor.activation, topology), prefix.contains(source)
            else { continue }
            prefix.insert(i)
        }
        return prefix
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

    /// The nearest anchor upstream over operators with one data input, or nil at a branch.
    private static func sourceAnchor(_ tensor: String, _ topology: Topology) -> Int? {
        var name = tensor
        for _ in 0..<16 {
            guard let i = topology.index.producer(of: name) else { return nil }
            let node = topology.graph.nodes[i]
            if OperatorRule.of(node) == .anchor { return i }
            guard let next = node.inputs.first(where: { !$0.isEmpty && topology.constant($0) == nil }),
                ["Relu", "Clip", "LeakyRelu", "MaxPool", "AveragePool", "Pad", "Mul", "Sigmoid"].contains(node.op)
            else { return nil }
            name = next
        }
        return nil
    }
}

extension Topology {
    /// Whether `node` multiplies by a weight that is in the file.
    func hasConstantWeight(_ node: Node) -> Bool {
        OperatorRule.of(node) == .anchor && node.inputs.count > 1 && constant(node.inputs[1]) != nil
    }
}

extension Topology {
    /// Adds `anchor`, the activation behind it and the Conv that feeds it to `kept`: a layer that loses too much in
    /// integers loses it in what comes in and goes out as well.
    package func keepFloat(around anchor: Anchor, sqnr: Double, in kept: inout [String: Reason]) {
        let reason = Reason("its output keeps only \(Int(sqnr.rounded())) dB in integers")
        let node = graph.nodes[anchor.node]
        kept[node.name] = reason
        for consumer in consumers(anchor.output) where ["Sigmoid", "Mul", "Relu", "Clip", "LeakyRelu"].contains(consumer.op) {
            kept[consumer.name] = Reason("it follows \(node.label), which stays float")
        }
        var source = anchor.activation
        for _ in 0..<4 {
            guard let producer = producer(source) else { return }
            if OperatorRule.of(producer) == .anchor {
                kept[producer.name] = Reason("it feeds \(node.label), which stays float")
                return
            }
            guard ["Relu", "Clip", "LeakyRelu", "Mul", "Sigmoid"].contains(producer.op) else { return }
            kept[producer.name] = Reason("it feeds \(node.label), which stays float")
            source = producer.inputs[0]
        }
    }
}
