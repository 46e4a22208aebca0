package import ModelGraph

/// What x86-64 kernels without VNNI make of a layer's products.
///
/// VPMADDUBSW multiplies two neighbouring U8 activations with two S8 weights and adds both products in 16 bits, with
/// saturation; only then are sums widened. A quantizer gives at most 255, whatever calibration saw, so two weights of one sign
/// are safe for every input exactly when they add up to at most 128 (255 * 128 = 32640), and two of different signs always
/// are. That makes this a sound bound: a layer without such a pair computes the same on every processor.
///
/// Neighbours are two values that follow one another in the order in which the runtime multiplies: for a Conv by kernel
/// position and then by channel. Depthwise Convs have kernels of their own, which widen each product.
package struct WeightPairs: Sendable {
    /// Values per output.
    private let width: Int
    /// Values of one output in the order of multiplication.
    private let row: @Sendable (_ channel: Int) -> [Int8]
    package let channels: Int

    /// Two weights whose sum is larger, which are of one sign then, can saturate.
    private static let largestSum = 128

    /// Nil for a layer that never multiplies in pairs.
    package init?(_ weight: QuantizedWeight, of node: Node) {
        self.init(weight.values, dims: weight.dims, axis: weight.axis, of: node)
    }

    /// `values` of `dims`, with outputs along `axis`.
    package init?(_ values: [Int8], dims: [Int], axis: Int, of node: Node) {
        guard dims.count >= 2, axis == 0 || (axis == 1 && dims.count == 2), dims.allSatisfy({ $0 > 0 }) else {
            return nil
        }
        let channels = dims[axis]
        let width = values.count / channels
        guard channels * width == values.count else { return nil }
        self.channels = channels
        self.width = width
        if dims.count > 2 {
            // The runtime's depthwise kernel: one input channel and one output for each group.
            if dims[1] == 1, node.int("group") ?? 1 == Int64(channels) { return nil }
            let (inputs, positions) = (dims[1], width / dims[1])
            row = { channel in
                var result = [Int8](repeating: 0, count: width)
                for position in 0..<positions {
                    for input in 0..<inputs {
                        result[position * inputs + input] = values[channel * width + input * positions + position]
                    }
                }
                return result
            }
        } else if axis == 0 {
            row = { channel in Array(values[(channel * width)..<((channel + 1) * width)]) }
        } else {
            row = { channel in (0..<width).map { values[$0 * channels + channel] } }
        }
    }

    /// How many pairs each output adds.
    package var perChannel: Int { width / 2 }

    /// Outputs with at least one pair of weights that can saturate.
    package var saturating: Set<Int> {
        Set((0..<channels).filter { !pairs(of: $0).isEmpty })
    }

    /// Pairs of an output that can saturate.
    package func pairs(of channel: Int) -> [(first: Int8, second: Int8)] {
        let row = row(channel)
        return stride(from: 0, to: row.count - 1, by: 2).compactMap { place in
            let (a, b) = (Int(row[place]), Int(row[place + 1]))
            return abs(a + b) > Self.largestSum ? (row[place], row[place + 1]) : nil
        }
    }

    /// The share of output values that are expected to have lost something, with activations that occur as often as
    /// calibration saw and independently of each other. Neighbours are alike in most nets, so the real share is larger.
    package func expectedShare(_ activations: ActivationLevels) -> Double {
        var known: [Int: Double] = [:]
        var sum = 0.0
        for channel in 0..<channels {
            var untouched = 1.0
            for (a, b) in pairs(of: channel) {
                let key = Int(min(abs(Int(a)), abs(Int(b)))) << 8 | max(abs(Int(a)), abs(Int(b))) << 1 | (a < 0 ? 1 : 0)
                let chance = known[key] ?? activations.chanceOfSaturation(Int(a), Int(b))
                known[key] = chance
                untouched *= 1 - chance
            }
            sum += 1 - untouched
        }
        return channels > 0 ? sum / Double(channels) : 0
    }
}

/// How often a quantized activation takes each of its 256 levels.
package struct ActivationLevels: Sendable {
    private let chances: [Double]
    /// Chance of a level or a higher one.
    private let tails: [Double]

    /// Nil when calibration saw nothing.
    package init?(_ statistics: TensorStatistics, on grid: Affine) {
        var counts = [Double](repeating: 0, count: 256)
        for point in statistics.points(limit: 8192) {
            let level = (point.value / Double(grid.scale)).rounded(.toNearestOrEven) + Double(grid.zeroPoint)
            counts[Int(min(max(level, 0), 255))] += point.count
        }
        let total = counts.reduce(0, +)
        guard total > 0 else { return nil }
        chances = counts.map { $0 / total }
        var tails = [Double](repeating: 0, count: 257)
        for level in (0..<256).reversed() { tails[level] = tails[level + 1] + counts[level] / total }
        self.tails = tails
    }

    /// Chance that `a * x + b * y` does not fit 16 bits, for weights of one sign.
    func chanceOfSaturation(_ a: Int, _ b: Int) -> Double {
        let (a, b, limit) = a < 0 ? (-a, -b, 32769) : (a, b, 32768)
        guard a > 0, b > 0 else { return 0 }
        var chance = 0.0
        for level in 0..<256 where chances[level] > 0 {
            let least = (max(limit - a * level, 0) + b - 1) / b
            if least < 256 { chance += chances[level] * tails[least] }
        }
        return chance
    }
}

extension QuantizedWeight {
    /// The same with the values of some output channels from `other`, which has the same scales.
    package func replacing(_ channels: Set<Int>, from other: QuantizedWeight) -> QuantizedWeight {
        guard !channels.isEmpty, other.values.count == values.count, other.dims == dims else { return self }
        var result = self
        let inner = dims[(axis + 1)...].reduce(1, *)
        for place in values.indices where channels.contains((place / inner) % dims[axis]) {
            result.values[place] = other.values[place]
        }
        return result
    }
}
