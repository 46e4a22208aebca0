import ModelGraph

extension Rewrite {
    /// Zeros that a Pad puts around the picture become `pads` of the Convs that read it. The engine folds most of these; not
    /// those with the `axes` of operator set 18 or in front of `auto_pad` VALID, nor any where its folds were given up.
    static let padIntoConv = Rewrite(name: "Pad into Conv") { graph, topology in
        var count = 0
        for pad in graph.nodes where pad.is("Pad") {
            let padded = pad.outputs[0]
            let readers = topology.index.consumers(of: padded)
            guard let zeros = topology.spatialZeros(pad), !readers.isEmpty, !topology.isOutput(padded),
                !topology.index.capturedNames.contains(padded)
            else { continue }
            let pads = readers.map { graph.nodes[$0].padsAfter(padding: padded, by: zeros) }
            guard !pads.contains(nil) else { continue }
            for (reader, pads) in zip(readers, pads) {
                graph.nodes[reader].inputs[0] = pad.inputs[0]
                graph.nodes[reader].removeAttribute("auto_pad")
                graph.nodes[reader].set(.ints("pads", pads ?? []))
            }
            count += 1
        }
        return count
    }
}

extension Topology {
    /// How many zeros the Pad `node` puts before and after each spatial axis, as a Conv's `pads` count them; nil when it does
    /// anything else, or what it does is computed.
    fileprivate func spatialZeros(_ node: Node) -> [Int]? {
        guard node.string("mode") ?? "constant" == "constant", let rank = shape(node.inputs[0])?.count, rank >= 3,
            type(node.inputs[0]) == .float, let amounts = node.input(1).flatMap(constant),
            let values = try? amounts.int64s(), values.allSatisfy({ (0...Int64(UInt16.max)).contains($0) })
        else { return nil }
        if let fill = node.input(2), (try? constant(fill)?.floats()) != [0] { return nil }
        var axes = Array(0..<rank)
        if let given = node.input(3) {
            guard let listed = try? constant(given)?.int64s() else { return nil }
            axes = listed.map { Int(clamping: $0 < 0 ? $0 + Int64(rank) : $0) }
        }
        guard values.count == 2 * axes.count, Set(axes).count == axes.count else { return nil }
        var zeros = [Int](repeating: 0, count: 2 * (rank - 2))
        for (position, axis) in axes.enumerated() {
            let (before, after) = (Int(values[position]), Int(values[axes.count + position]))
            if before == 0, after == 0 { continue }
            guard (2..<rank).contains(axis) else { return nil }
            zeros[axis - 2] = before
            zeros[axis - 2 + rank - 2] = after
        }
        return zeros
    }
}

extension Node {
    /// The `pads` with which this Conv reads what `padded` was made from; nil when it is no Conv of `padded` or finds its
    /// padding itself.
    fileprivate func padsAfter(padding padded: String, by zeros: [Int]) -> [Int]? {
        guard self.is("Conv"), inputs.first == padded, !inputs.dropFirst().contains(padded) else { return nil }
        switch string("auto_pad") ?? "NOTSET" {
        case "NOTSET": return sizes("pads", count: zeros.count, default: 0).map { zip($0, zeros).map(+) }
        case "VALID": return zeros
        default: return nil
        }
    }
}
