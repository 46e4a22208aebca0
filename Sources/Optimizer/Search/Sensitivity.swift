import Domain
import Inference
import ModelGraph
import Quantization
import Synchronization

/// What one layer in integers, all others in float, does to the model's outputs.
struct LayerEffect {
    var anchor: Anchor
    var name: String
    /// Error power over signal power, summed over the judged tensors, in the mean over the samples. Infinite when an output is no
    /// longer finite.
    var noise: Double
    var macs: Int
    var outputValues: Int

    /// What keeping the layer in float costs, in time or in bytes.
    func cost(_ objective: Objective) -> Double { objective == .size ? Double(max(1, weights)) : cost }

    private var weights: Int { anchor.weightDims.reduce(1, *) }

    /// What keeping the layer in float costs in time, in multiply-accumulates: its own, and the conversions around it.
    /// Measured: a Q and a DQ take 0.24 ns a value together, and a multiply-accumulate takes 0.013 ns more in float than in
    /// integers (AVX-512 VNNI, one thread).
    var cost: Double { max(1, Double(macs) + 36 * Double(outputValues)) }
}

/// Runs the switched simulation with one layer at a time in integers.
struct Sensitivity {
    let models: EngineModels
    let feed: SampleFeed
    /// The tensors that are judged.
    let outputs: [String]
    let threads: Int

    /// Multiply-accumulates that may be spent: with many large layers, fewer samples are looked at, at least one.
    private static let affordable = 5e11
    private static let mostSamples = 4

    /// The effect of every layer of `simulation`, in its order. `samples` in an order that depends on their content only.
    func callAsFunction(
        _ simulation: SwitchedSimulation, of prepared: PreparedModel, samples: [Int],
        progress: @Sendable (Double) -> Void
    ) throws -> [LayerEffect] {
        let anchors = simulation.anchors
        let macs = anchors.map { prepared.topology.macs($0) }
        let run = 2 * Double(macs.reduce(0, +)) * Double(anchors.count + 1)
        let affordable = Int(min(Self.affordable / max(run, 1), Double(Self.mostSamples)))
        let chosen = Array(samples.prefix(max(1, affordable)))
        let session = try models.session(
            simulation.graph.giving(outputs), of: prepared.model, named: "switched", .simulation())
        let noise = try self.noise(simulation, session, chosen, progress)
        return anchors.indices.map { slot in
            LayerEffect(
                anchor: anchors[slot], name: prepared.topology.graph.nodes[anchors[slot].node].name,
                noise: noise.reduce(0) { $0 + $1[slot] } / Double(max(chosen.count, 1)), macs: macs[slot],
                outputValues: prepared.topology.shape(anchors[slot].output)?.reduce(1, *) ?? 0)
        }
    }

    /// Noise by sample and layer. The threads share out samples and layers; sums are taken afterwards, in order.
    private func noise(
        _ simulation: SwitchedSimulation, _ session: any Session, _ samples: [Int],
        _ progress: @Sendable (Double) -> Void
    ) throws -> [[Double]] {
        let layers = simulation.anchors.count
        var all: [[Double]] = []
        for (position, index) in samples.enumerated() {
            let inputs = try feed.sample(index)
            let reference = try answer(session, inputs, simulation, on: nil)
            let results = Mutex([Double](repeating: 0, count: layers))
            try shareOut(layers, over: threads) { slot, _ in
                let noise = Self.noise(reference, try answer(session, inputs, simulation, on: slot))
                results.withLock { $0[slot] = noise }
                progress(Double(position * layers + slot + 1) / Double(samples.count * layers))
            }
            all.append(results.withLock { $0 })
        }
        return all
    }

    private func answer(
        _ session: any Session, _ inputs: [String: TensorValue], _ simulation: SwitchedSimulation, on slot: Int?
    ) throws -> [[Float]] {
        let switches = simulation.anchors.indices.map { UInt8($0 == slot ? 1 : 0) }
        var inputs = inputs
        inputs[simulation.switches] = try TensorValue(type: .bool, shape: [switches.count], bytes: switches)
        return try session.run(inputs, outputs: outputs).filter { $0.type.isFloat }.map { try $0.floats() }
    }

    /// Sum over the outputs of error power over signal power.
    static func noise(_ reference: [[Float]], _ test: [[Float]]) -> Double {
        zip(reference, test).reduce(0) { sum, pair in
            guard pair.0.count == pair.1.count else { return .infinity }
            var (signal, error) = (0.0, 0.0)
            for (a, b) in zip(pair.0, pair.1) {
                signal += Double(a) * Double(a)
                error += (Double(a) - Double(b)) * (Double(a) - Double(b))
            }
            guard signal > 0 else { return sum }
            return error.isFinite ? sum + error / signal : .infinity
        }
    }
}

extension Topology {
    /// Multiply-accumulates of one run of `anchor`.
    func macs(_ anchor: Anchor) -> Int {
        guard let outputs = shape(anchor.output)?.reduce(1, *), anchor.channels > 0 else { return 0 }
        return outputs * (anchor.weightDims.reduce(1, *) / anchor.channels)
    }

    /// Multiply-accumulates of one run of the LSTM at `place`.
    func recurrentMacs(_ place: Int) -> Int {
        let node = graph.nodes[place]
        guard let input = shape(node.inputs[0]), input.count == 3 else { return 0 }
        let weights = [1, 2].reduce(0) { $0 + (constant(node.inputs[$1])?.count ?? 0) }
        return input[0] * input[1] * weights
    }
}
