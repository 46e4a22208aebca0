import Domain
import ModelGraph
import Quantization

/// What can be said of the weights of a quantized model, read once from end to end.
struct LayerFigures {
    /// SQNR of each quantized weight in dB, by node; absent where nothing differs.
    private(set) var weightSQNR: [Int: Double] = [:]
    private(set) var deadChannels: [Report.Plan.DeadChannels] = []

    init(_ quantized: Quantized) {
        let topology = quantized.topology
        for (place, node) in topology.graph.nodes.enumerated() where OperatorRule.of(node) == .anchor {
            guard case .success(let anchor) = Anchor.find(node, at: place, in: topology),
                let weight = topology.constant(anchor.weight), let floats = try? weight.floats(),
                weight.dims.indices.contains(anchor.channelAxis)
            else { continue }
            let error =
                quantized.weights[place].flatMap { $0.error(of: floats) }
                ?? LayerError(weight: floats, restored: floats, dims: weight.dims, axis: anchor.channelAxis)
            weightSQNR[place] = error.sqnr
            let (zero, constant) = (error.zeroChannels, quantized.constantChannels[place])
            if zero + (constant ?? 0) > 0 {
                deadChannels.append(
                    .init(
                        node: node.label, channels: error.channels.count, zeroWeights: zero, constantOutputs: constant))
            }
        }
    }
}
