import Domain
import ModelGraph
import Quantization

extension Quantize {
    /// What 8-bit weights of float layers must save of all bytes of weights before they are stored so: they cost likeness where
    /// there is the least to spare.
    private static let notableSaving = 0.2
    /// What a layer must keep of its signal, in dB, with rounded weights and float activations: a fortieth of the noise that
    /// layers in integers are allowed.
    private static let leastSQNR = 40.0

    /// Stores the weights of layers that stay float in 8 bits, where these make up much of an integer form: they are restored
    /// when the runtime loads the file, so only its size changes. Returns the nodes. What the recipe excludes is left alone.
    func storeFloatWeights(in model: inout Model, of prepared: PreparedModel, _ plan: Plan) throws -> Set<Int> {
        let topology = prepared.topology
        guard let floats = floatLayers(topology, plan) else { return [] }
        var weights = try Self.weights(floats, topology, .x64)
        var review = try review(prepared, floats, weights)
        if recipe.options.rounding != .nearest {
            (weights, review) = try refined(prepared, floats, weights, review)
        }
        let biases = review.correctedBiases(topology.bias, keeping: Self.trained(weights))
        let places = Dictionary(
            model.graph.nodes.enumerated().map { place, node in (node.name, place) },
            uniquingKeysWith: { first, _ in first })
        var stored: [Anchor] = []
        var moved: ([Int: QuantizedWeight], [Int: [Float]]) = ([:], [:])
        var nodes: Set<Int> = []
        for (var anchor, error) in zip(review.anchors, review.errors) where error.correctedSQNR >= Self.leastSQNR {
            // By name: what guards a float layer from the runtime may stand between it and its old result.
            let node = topology.graph.nodes[anchor.node]
            guard let place = places[node.name], model.graph.nodes[place].op == node.op,
                model.graph.nodes[place].inputs.count > 1, model.graph.nodes[place].inputs[1] == anchor.weight
            else { continue }
            (moved.0[place], moved.1[place]) = (weights[anchor.node], biases[anchor.node])
            nodes.insert(anchor.node)
            anchor.node = place
            stored.append(anchor)
        }
        var emitter = WeightOnlyEmitter(model.graph)
        model.graph = try emitter.emit(stored, weights: moved.0, biases: moved.1)
        return nodes
    }

    /// The float layers of `plan` as a plan of weights alone; nil where they are few.
    private func floatLayers(_ topology: Topology, _ plan: Plan) -> Plan? {
        var kept = topology.graph.excluded(by: recipe.options.exclude)
        let all = Placement(weightOnly: topology, keepFloat: kept).anchors
        for (place, verdict) in plan.placement.verdicts.enumerated() {
            if case .float = verdict { continue }
            kept[topology.graph.nodes[place].name] = "it runs in integers"
        }
        let floats = Placement(weightOnly: topology, keepFloat: kept)
        func count(_ anchors: [Anchor]) -> Double {
            anchors.reduce(0) { $0 + $1.weightDims.reduce(1) { $0 * Double($1) } }
        }
        let (float, integer) = (count(floats.anchors), count(all) - count(floats.anchors))
        guard !floats.isEmpty, 3 * float >= Self.notableSaving * (4 * float + integer) else { return nil }
        return Plan(placement: floats, grids: [:])
    }
}
