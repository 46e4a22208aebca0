package import ModelGraph

/// A float graph with a switch for each integer anchor: off it computes in float, on it computes on the numbers that it
/// will get as integers. One session answers what a layer, or any set of layers, does to the model's outputs.
///
/// Both forms are always computed, so that a run costs about twice a run in float.
package struct SwitchedSimulation {
    /// The name of the added input: bool, one entry for each of `anchors`.
    package let switches: String
    package let graph: Graph
    /// The anchors in the order of their switches.
    package let anchors: [Anchor]

    /// `biases` holds corrected biases by node index. What lies between an anchor and the one before it is rounded with it.
    package init(
        _ topology: Topology, _ plan: Plan, _ weights: [Int: QuantizedWeight], biases: [Int: [Float]]
    ) throws {
        var builder = SimulationBuilder(topology, plan)
        let switches = builder.graph.freshName("switches")
        let simulated = plan.placement.anchors.filter { weights[$0.node] != nil }
        for (slot, anchor) in simulated.enumerated() {
            guard let weight = weights[anchor.node] else { continue }
            let integer = builder.simulate(anchor, weight, bias: biases[anchor.node])
            builder.choose(integer, over: anchor, when: slot, of: switches)
        }
        var graph = try builder.finish()
        graph.inputs.append(ValueInfo(name: switches, type: .bool, shape: [.fixed(simulated.count)]))
        self.graph = graph
        self.switches = switches
        anchors = simulated
    }
}

extension SimulationBuilder {
    /// Gives consumers of the anchor's output `integer` in its place while entry `slot` of `switches` is true.
    fileprivate mutating func choose(_ integer: String, over anchor: Anchor, when slot: Int, of switches: String) {
        let float = graph.freshName(anchor.output + "/float")
        let outputs = graph.nodes[anchor.node].outputs
        graph.nodes[anchor.node].outputs = outputs.map { $0 == anchor.output ? float : $0 }
        let index = graph.addInitializer(Tensor(name: anchor.output + "/slot", int64s: [Int64(slot)], dims: []))
        let on = graph.freshName(anchor.output + "/on")
        added.append(Node(op: "Gather", inputs: [switches, index], outputs: [on], name: on))
        added.append(
            Node(
                op: "Where", inputs: [on, integer, float], outputs: [anchor.output],
                name: graph.freshName(anchor.output + "/choice")))
    }
}
