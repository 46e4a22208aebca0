import ModelGraph

extension Rewrite {
    /// A Conv whose channels are split becomes one for each part, with a scale of its own: a detector's class scores beside
    /// the coordinates of its boxes, or a gate beside what it opens, have ranges that one scale does not fit. In a PicoDet
    /// scores of magnitude 10 stood beside coordinates of 2: with the scales parted the smallest head keeps 5.0 and 7.5 dB
    /// instead of 0.8 and 2.6, all else alike.
    static func partedConv(_ keepFloat: [String: Reason]) -> Rewrite {
        Rewrite(name: "Conv + Split to a Conv for each part") { graph, topology in
            let placement = Placement(topology, keepFloat: keepFloat)
            var count = 0
            for (place, split) in graph.nodes.enumerated() where split.is("Split") {
                guard let conv = topology.index.producer(of: split.inputs[0]), placement.verdicts[conv] == .integer,
                    topology.isPrivate(split.inputs[0]), Self.axis(split, topology.shape(split.inputs[0])?.count) == 1,
                    let parts = try ConvParts(of: graph.nodes[conv], along: split, topology)
                else { continue }
                graph.nodes[place] = graph.addPart(0, of: parts)
                for part in 1..<parts.results.count { graph.nodes.append(graph.addPart(part, of: parts)) }
                count += 1
            }
            return count
        }
    }

    /// From the front; nil where the rank is not known.
    private static func axis(_ node: Node, _ rank: Int?) -> Int? {
        let axis = Int(clamping: node.int("axis") ?? 0)
        return axis >= 0 ? axis : rank.map { $0 + axis }
    }
}

/// A Conv with constant weights, and where a Split of its channels cuts it.
private struct ConvParts {
    let conv: Node
    let results: [String]
    /// Channels of each part.
    let sizes: [Int]
    let weight: Tensor
    let filters: [Float]
    let bias: [Float]?

    /// The runtime's kernel computes channels in sixteens; parts of one each would cost as much as sixteen.
    private static let most = 4

    /// Nil where it cannot be parted, or came in integers of its own.
    init?(of conv: Node, along split: Node, _ topology: Topology) throws {
        let sizes = split.outputs.map { topology.shape($0)?.dropFirst().first ?? 0 }
        guard conv.is("Conv"), conv.int("group") ?? 1 == 1, let weight = topology.constant(conv.inputs[1]),
            weight.type == .float, let channels = weight.dims.first, sizes.reduce(0, +) == channels,
            (2...Self.most).contains(sizes.count), sizes.allSatisfy({ $0 > 0 }), !topology.trained.holds(weight)
        else { return nil }
        var bias: [Float]?
        if let name = conv.input(2) {
            guard let tensor = topology.constant(name), tensor.type == .float, tensor.count == channels else {
                return nil
            }
            bias = try tensor.floats()
        }
        (self.conv, results, self.sizes, self.weight, self.bias) = (conv, split.outputs, sizes, weight, bias)
        filters = try weight.floats()
    }
}

extension Graph {
    /// The Conv that computes one part.
    fileprivate mutating func addPart(_ part: Int, of parts: ConvParts) -> Node {
        let start = parts.sizes[..<part].reduce(0, +)
        let channels = start..<(start + parts.sizes[part])
        let each = parts.filters.count / parts.weight.dims[0]
        var inputs = [
            parts.conv.inputs[0],
            addFloats(
                Array(parts.filters[(channels.lowerBound * each)..<(channels.upperBound * each)]),
                dims: [channels.count] + parts.weight.dims.dropFirst(), stem: parts.weight.name + "/part"),
        ]
        if let bias = parts.bias {
            inputs.append(addFloats(Array(bias[channels]), dims: [channels.count], stem: parts.weight.name + "/bias"))
        }
        let name = part == 0 ? parts.conv.name : freshName(parts.conv.name + "/part")
        return Node(
            op: "Conv", inputs: inputs, outputs: [parts.results[part]], name: name, attributes: parts.conv.attributes)
    }
}
