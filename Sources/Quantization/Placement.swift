package import ModelGraph

/// Which nodes compute in integers and which stay float, each with its reason. Decided from structure and shapes alone.
package struct Placement: Sendable {
    package enum Verdict: Equatable, Sendable {
        case integer
        /// A Relu or Clip that the saturation of `into`'s quantizer performs.
        case absorbed(into: String)
        case float(Reason)
    }

    /// One verdict per node of the graph.
    package internal(set) var verdicts: [Verdict]
    /// Integer anchors in graph order.
    package internal(set) var anchors: [Anchor]
    /// Output of an absorbed activation, by the tensor it replaces: the raw output of an anchor or Add.
    package internal(set) var absorbed: [String: String]
    /// Tensors that are quantized, in graph order.
    package internal(set) var quantized: [String]

    package var isEmpty: Bool { anchors.isEmpty }

    /// The tensor an anchor or Add really gives: behind its absorbed activation where there is one.
    package func result(of output: String) -> String { absorbed[output] ?? output }

    /// Decides for every node of `topology`. `keepFloat` names nodes that must stay float, with the reason.
    package init(_ topology: Topology, keepFloat: [String: Reason]) {
        var builder = PlacementBuilder(topology, keepFloat: keepFloat)
        builder.chooseAnchors()
        builder.absorbClampsOfAnchors()
        builder.spreadBetweenAnchors()
        builder.absorbClampsOfSums()
        self = builder.finish()
    }
}

extension Placement {
    /// No activation has a grid: every anchor with a constant weight counts. `computing` says what those operators compute
    /// in integers all the same, by ranges of their own; of the others only the weights are stored in 8 bits.
    package init(
        weightOnly topology: Topology, computing: (Node) -> Bool = { _ in false }, keepFloat: [String: Reason]
    ) {
        var anchors: [Anchor] = []
        var verdicts: [Verdict] = []
        for (i, node) in topology.graph.nodes.enumerated() {
            var verdict = Verdict.float("only weights are stored in 8 bits")
            if let reason = keepFloat[node.name] {
                verdict = .float(reason)
            } else if OperatorRule.of(node) == .anchor {
                switch Anchor.find(node, at: i, in: topology) {
                case .success(let anchor):
                    anchors.append(anchor)
                    if computing(node) { verdict = .integer }
                case .failure(let reason): verdict = .float(reason)
                }
            }
            if node.op == "LSTM", keepFloat[node.name] == nil, computing(node) { verdict = .integer }
            verdicts.append(verdict)
        }
        self.init(verdicts: verdicts, anchors: anchors, absorbed: [:], quantized: [])
    }
}

/// The steps of a placement, in order, over shared tables.
private struct PlacementBuilder {
    let topology: Topology
    let keepFloat: [String: Reason]
    let nodes: [Node]
    var verdicts: [Placement.Verdict?]
    var anchors: [Int: Anchor] = [:]
    var absorbed: [String: String] = [:]

    init(_ topology: Topology, keepFloat: [String: Reason]) {
        self.topology = topology
        self.keepFloat = keepFloat
        nodes = topology.graph.nodes
        verdicts = Array(repeating: nil, count: nodes.count)
    }

    // MARK: Anchors

    mutating func chooseAnchors() {
        let rules = KeepFloat(topology)
        for (i, node) in nodes.enumerated() where OperatorRule.of(node) == .anchor {
            if let reason = keepFloat[node.name] {
                verdicts[i] = .float(reason)
                continue
            }
            switch Anchor.find(node, at: i, in: topology) {
            case .failure(let reason): verdicts[i] = .float(reason)
            case .success(let anchor):
                if !topology.isTrained(anchor), let reason = rules.reason(for: anchor) {
                    verdicts[i] = .float(reason)
                } else {
                    anchors[i] = anchor
                    verdicts[i] = .integer
                }
            }
        }
    }

    // MARK: Clamps

    mutating func absorbClampsOfAnchors() {
        for anchor in anchors.values { absorbClamp(after: anchor.output) }
    }

    mutating func absorbClampsOfSums() {
        for (i, node) in nodes.enumerated() where node.op == "Add" && verdicts[i] == .integer {
            guard topology.activations(node).count == 2 else { continue }
            absorbClamp(after: node.outputs[0])
        }
    }

    /// Drops a Relu, or a Clip around zero, whose whole effect is to saturate.
    private mutating func absorbClamp(after output: String) {
        guard absorbed[output] == nil, topology.isPrivate(output), let i = topology.index.consumers(of: output).first,
            OperatorRule.of(nodes[i]) == .clamp, nodes[i].inputs.first == output, keepFloat[nodes[i].name] == nil,
            let bounds = topology.clampBounds(nodes[i]), bounds.low <= 0, bounds.high > 0
        else { return }
        absorbed[output] = nodes[i].outputs[0]
        verdicts[i] = .absorbed(into: output)
    }

    // MARK: What lies between anchors

    /// A node between anchors is integer when an integer anchor lies upstream and another downstream, over a path of nodes
    /// that can all compute in integers.
    mutating func spreadBetweenAnchors() {
        let candidate = nodes.indices.map { verdicts[$0] == nil && isCandidate(nodes[$0]) }
        var up = nodes.indices.map { verdicts[$0] == .integer }
        for i in nodes.indices where candidate[i] || isAbsorbed(i) {
            up[i] = topology.activations(nodes[i]).contains { producerIsUp($0, up) }
        }
        var down = nodes.indices.map { anchors[$0] != nil }
        for i in nodes.indices.reversed() where candidate[i] || isAbsorbed(i) {
            down[i] = nodes[i].outputs.contains { leadsDown($0, down) }
        }
        for i in nodes.indices where candidate[i] && up[i] && down[i] { verdicts[i] = .integer }
    }

    private func isAbsorbed(_ i: Int) -> Bool {
        if case .absorbed = verdicts[i] { true } else { false }
    }

    private func producerIsUp(_ tensor: String, _ up: [Bool]) -> Bool {
        topology.index.producer(of: tensor).map { up[$0] } ?? false
    }

    private func leadsDown(_ tensor: String, _ down: [Bool]) -> Bool {
        topology.index.consumers(of: tensor).contains { i in
            down[i] && (anchors[i].map { $0.activation == tensor } ?? true)
        }
    }

    private func isCandidate(_ node: Node) -> Bool {
        guard keepFloat[node.name] == nil, node.outputs.allSatisfy({ $0.isEmpty || topology.type($0) == .float }) else {
            return false
        }
        switch OperatorRule.of(node) {
        case .passThrough: return node.inputs.first.map { topology.constant($0) == nil } ?? false
        case .unitInterval, .concat: return node.inputs.allSatisfy { topology.constant($0) == nil }
        case .arithmetic: return isIntegerArithmetic(node)
        // Behind an Add the clamp is absorbed later; until then it may carry the flow.
        case .clamp: return isClampOfSum(node)
        case .anchor, .float: return false
        }
    }

    private func isClampOfSum(_ node: Node) -> Bool {
        guard let input = node.inputs.first, let sum = topology.producer(input), sum.op == "Add",
            topology.activations(sum).count == 2, topology.isPrivate(input),
            let bounds = topology.clampBounds(node)
        else { return false }
        return bounds.low <= 0 && bounds.high > 0
    }

    private func isIntegerArithmetic(_ node: Node) -> Bool {
        guard node.op == "Add" || node.op == "Mul" else { return true }
        return node.inputs.count == 2 && node.inputs.contains { topology.constant($0) == nil }
            && node.inputs.allSatisfy { topology.type($0) == .float }
    }

    // MARK: Result

    mutating func finish() -> Placement {
        // A clamp that was let through as a candidate but could not be absorbed is float after all.
        for i in nodes.indices where verdicts[i] == .integer && OperatorRule.of(nodes[i]) == .clamp {
            verdicts[i] = .float("a standalone \(nodes[i].op) has no integer form")
        }
        let final = nodes.indices.map { verdicts[$0] ?? .float(reasonForFloat(nodes[$0])) }
        return Placement(
            verdicts: final, anchors: anchors.keys.sorted().compactMap { anchors[$0] }, absorbed: absorbed,
            quantized: quantizedTensors(final))
    }

    private func reasonForFloat(_ node: Node) -> Reason {
        if let reason = keepFloat[node.name] { return reason }
        switch OperatorRule.of(node) {
        case .float: return Reason(OperatorRule.reason(node))
        case .clamp: return "nothing integer comes before it"
        default: return "it does not lie between two integer operators with weights"
        }
    }

    private func quantizedTensors(_ verdicts: [Placement.Verdict]) -> [String] {
        var seen: Set<String> = []
        var order: [String] = []
        func add(_ name: String) { if seen.insert(name).inserted { order.append(name) } }
        for (i, node) in nodes.enumerated() where verdicts[i] == .integer {
            if let anchor = anchors[i] {
                add(anchor.activation)
                let result = absorbed[anchor.output] ?? anchor.output
                let feedsInteger = topology.index.consumers(of: result).contains {
                    verdicts[$0] == .integer && (anchors[$0].map { $0.activation == result } ?? true)
                }
                // Without an output quantizer a Gemm or MatMul gives float directly; a Conv would turn float itself.
                if node.op == "Conv" || feedsInteger || result != anchor.output { add(result) }
            } else {
                topology.activations(node).forEach(add)
                node.outputs.filter { !$0.isEmpty }.forEach { add(absorbed[$0] ?? $0) }
            }
        }
        return order
    }
}

extension Placement {
    fileprivate init(
        verdicts: [Verdict], anchors: [Anchor], absorbed: [String: String], quantized: [String]
    ) {
        self.verdicts = verdicts
        self.anchors = anchors
        self.absorbed = absorbed
        self.quantized = quantized
    }
}

extension Topology {
    /// The interval a Relu or Clip confines its input to; nil when a bound is computed.
    package func clampBounds(_ node: Node) -> ValueRange? {
        if node.op == "Relu" { return ValueRange(low: 0, high: .infinity) }
        func bound(_ position: Int, default other: Float) -> Float? {
            guard node.inputs.count > position, !node.inputs[position].isEmpty else { return other }
            return try? constant(node.inputs[position])?.floats().first
        }
        guard let low = bound(1, default: -.infinity), let high = bound(2, default: .infinity) else { return nil }
        return ValueRange(low: low, high: high)
    }
}
