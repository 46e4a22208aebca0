import Foundation
package import ModelGraph

/// SmoothQuant (Xiao et al. 2022, arXiv:2211.10438, equation 4): moves part of the spread between the channels of an
/// activation into the weights that read it. Channel j is divided by
///
///     s_j = max|X_j|^0.5 / max|W_j|^0.5
///
/// where the tensor is made, in the factors of a LayerNormalization or of a Mul, and row j of every weight that reads it is
/// multiplied by s_j. Here s_j is the nearest power of two, so that the float model computes the same, bit for bit.
///
/// Off unless asked for: the small ViT it was measured on has channels alike to within a factor of two, and gains nothing
/// (0.3 dB with s_j unrounded).
package struct Smoothing: Sendable {
    /// A tensor that can be smoothed, with all layers that read it.
    package struct Site: Equatable, Sendable {
        package let tensor: String
        /// Channels, along the last axis.
        package let channels: Int
        let readers: [Anchor]
        /// Constants at the tensor's origin that are divided: node and input.
        let factors: [Place]

        struct Place: Equatable, Sendable {
            let node: Int
            let input: Int
        }
    }

    package let sites: [Site]
    private let topology: Topology

    package init(_ topology: Topology) {
        self.topology = topology
        sites = topology.graph.nodes.indices.compactMap { Self.site(at: $0, topology) }
    }

    // MARK: Sites

    private static func site(at place: Int, _ topology: Topology) -> Site? {
        let node = topology.graph.nodes[place]
        guard let tensor = node.outputs.first, let channels = topology.shape(tensor)?.last, channels > 1,
            !topology.isOutput(tensor), !topology.index.capturedNames.contains(tensor),
            let factors = factors(of: node, at: place, channels, topology),
            let readers = readers(of: tensor, channels, topology), !readers.isEmpty
        else { return nil }
        return Site(tensor: tensor, channels: channels, readers: readers, factors: factors)
    }

    /// The constants of `node` that scale its output channel by channel; nil when there are none.
    private static func factors(
        of node: Node, at place: Int, _ channels: Int, _ topology: Topology
    ) -> [Site.Place]? {
        func isVector(_ input: Int) -> Bool {
            guard let name = node.input(input), let tensor = topology.constant(name) else { return false }
            return tensor.type == .float && tensor.dims.last == channels && tensor.count == channels
        }
        switch node.op {
        case "LayerNormalization":
            let rank = topology.shape(node.outputs[0])?.count ?? 0
            let axis = Int(clamping: node.int("axis") ?? -1)
            guard node.isDefaultDomain, axis == -1 || axis == rank - 1, isVector(1) else { return nil }
            if node.input(2) == nil { return [.init(node: place, input: 1)] }
            return isVector(2) ? [.init(node: place, input: 1), .init(node: place, input: 2)] : nil
        case "Mul":
            return (0..<node.inputs.count).first(where: isVector).map { [.init(node: place, input: $0)] }
        case "Add":
            // x * factor + addend, as a LayerNormalization is spelled out.
            guard let addend = (0..<node.inputs.count).first(where: isVector), node.inputs.count == 2,
                topology.isPrivate(node.inputs[1 - addend]),
                let source = topology.index.producer(of: node.inputs[1 - addend]),
                topology.graph.nodes[source].is("Mul"),
                let factor = factors(of: topology.graph.nodes[source], at: source, channels, topology)
            else { return nil }
            return factor + [.init(node: place, input: addend)]
        default: return nil
        }
    }

    /// The layers that multiply `tensor` by constant weights; nil when anything else reads it.
    private static func readers(of tensor: String, _ channels: Int, _ topology: Topology) -> [Anchor]? {
        var found: [Anchor] = []
        for place in topology.index.consumers(of: tensor) {
            let node = topology.graph.nodes[place]
            if node.op == "Reshape", topology.shape(node.outputs[0])?.last == channels,
                !topology.isOutput(node.outputs[0]), node.inputs[0] == tensor
            {
                guard let inner = readers(of: node.outputs[0], channels, topology) else { return nil }
                found += inner
            } else if OperatorRule.of(node) == .anchor, node.op != "Conv",
                node.inputs.dropFirst().allSatisfy({ $0 != tensor }),
                case .success(let anchor) = Anchor.find(node, at: place, in: topology),
                anchor.weightDims[1 - anchor.channelAxis] == channels, topology.trainedWeight(anchor) == nil
            {
                found.append(anchor)
            } else {
                return nil
            }
        }
        return found
    }

    // MARK: Scales

    /// The graph with every site smoothed. `maxima` are the largest magnitudes of each channel of each site.
    package func smoothed(_ maxima: [[Float]]) throws -> Graph {
        var graph = topology.graph
        for (site, largest) in zip(sites, maxima) where largest.count == site.channels {
            let weights = try site.readers.map { try weightMaxima($0) }
            let scales = largest.indices.map { channel in
                Self.scale(activation: largest[channel], weight: weights.map { $0[channel] }.max() ?? 0)
            }
            guard scales.contains(where: { $0 != 1 }) else { continue }
            for place in site.factors {
                try multiply(&graph, place.node, place.input, axis: nil, scales.map { 1 / $0 })
            }
            for reader in site.readers {
                try multiply(&graph, reader.node, 1, axis: 1 - reader.channelAxis, scales)
            }
        }
        graph.removeUnused()
        return graph
    }

    /// The power of two nearest to (activation / weight)^0.5, within reason.
    static func scale(activation: Float, weight: Float) -> Float {
        guard activation.isNormal, weight.isNormal else { return 1 }
        let exponent = (0.5 * (log2(Double(activation)) - log2(Double(weight)))).rounded()
        return Float(sign: .plus, exponent: Int(min(max(exponent, -8), 8)), significand: 1)
    }

    private func weightMaxima(_ anchor: Anchor) throws -> [Float] {
        guard let weight = topology.constant(anchor.weight) else { return [] }
        return try weight.largest(along: 1 - anchor.channelAxis)
    }

    private func multiply(
        _ graph: inout Graph, _ node: Int, _ input: Int, axis: Int?, _ scales: [Float]
    ) throws {
        let name = graph.nodes[node].inputs[input]
        // A constant that others read as well stays theirs.
        guard let tensor = graph.initializers.first(where: { $0.name == name }) else { return }
        let scaled = try tensor.multiplied(by: scales, along: axis ?? tensor.dims.count - 1)
        graph.nodes[node].inputs[input] = graph.addInitializer(scaled.named(name + "/smoothed"))
    }
}

extension Tensor {
    /// The largest magnitude in each slice along `axis`.
    func largest(along axis: Int) throws -> [Float] {
        let values = try floats()
        let (inner, count) = (dims[(axis + 1)...].reduce(1, *), dims[axis])
        var largest = [Float](repeating: 0, count: count)
        for (place, value) in values.enumerated() {
            let channel = (place / inner) % count
            largest[channel] = max(largest[channel], abs(value))
        }
        return largest
    }

    /// Each slice along `axis` times its scale.
    func multiplied(by scales: [Float], along axis: Int) throws -> Tensor {
        let values = try floats()
        let inner = dims[(axis + 1)...].reduce(1, *)
        return Tensor(
            name: name, floats: values.indices.map { values[$0] * scales[($0 / inner) % scales.count] }, dims: dims)
    }
}
