import Domain
import Inference
import ModelGraph
import Quantization

/// How noise adds up on its way through the model: each layer's output with all layers in integers, against the same output
/// with all of them in float. Beside a layer's own noise this shows where the model as a whole loses its signal.
struct Accumulation {
    let models: EngineModels
    let feed: SampleFeed
    let threads: Int

    /// Multiply-accumulates that may be spent; fewer samples are looked at, and of the largest models none.
    private static let affordable = 4e10
    private static let most = 2e11
    private static let mostSamples = 4
    /// Values that are held of one run.
    private static let room = 1 << 24

    /// SQNR in dB by node label; empty when it would cost too much. `samples` in an order that depends on their content only.
    func callAsFunction(
        _ quantized: Quantized, of prepared: PreparedModel, samples: [Int], progress: @Sendable (Double) -> Void
    ) throws -> [String: Double] {
        let simulation = try quantized.switched()
        let anchors = simulation.anchors
        guard !anchors.isEmpty else { return [:] }
        let groups = groups(anchors, prepared.topology)
        // A run computes both forms, and each group needs one run in float and one in integers.
        let price = 4 * Double(anchors.reduce(0) { $0 + prepared.topology.macs($1) }) * Double(groups.count)
        guard price <= Self.most else { return [:] }
        let chosen = samples.prefix(max(1, Int(min(Self.affordable / max(price, 1), Double(Self.mostSamples)))))
        let session = try models.session(
            simulation.graph.giving(anchors.map(\.output)), of: prepared.model, named: "accumulation",
            .simulation(threads: threads))
        var errors = [OutputError](repeating: OutputError(), count: anchors.count)
        for (position, index) in chosen.enumerated() {
            let sample = try feed.sample(index)
            for group in groups { try add(group, of: simulation, session, sample, to: &errors) }
            progress(Double(position + 1) / Double(chosen.count))
        }
        let labels = anchors.map { prepared.topology.graph.nodes[$0.node].label }
        return Dictionary(
            zip(labels, errors).compactMap { label, error in error.report(label).sqnrDb.map { (label, $0) } },
            uniquingKeysWith: { first, _ in first })
    }

    /// Runs of layers whose outputs together fit into the room.
    private func groups(_ anchors: [Anchor], _ topology: Topology) -> [Range<Int>] {
        var groups: [Range<Int>] = []
        var (start, values) = (0, 0)
        for (place, anchor) in anchors.enumerated() {
            let size = topology.shape(anchor.output)?.reduce(1, *) ?? Self.room / 8
            if place > start, values + size > Self.room {
                groups.append(start..<place)
                (start, values) = (place, 0)
            }
            values += size
        }
        return groups + [start..<anchors.count]
    }

    private func add(
        _ group: Range<Int>, of simulation: SwitchedSimulation, _ session: any Session,
        _ sample: [String: TensorValue], to errors: inout [OutputError]
    ) throws {
        let outputs = simulation.anchors[group].map(\.output)
        func run(_ on: UInt8) throws -> [TensorValue] {
            var inputs = sample
            let switches = [UInt8](repeating: on, count: simulation.anchors.count)
            inputs[simulation.switches] = try TensorValue(type: .bool, shape: [switches.count], bytes: switches)
            return try session.run(inputs, outputs: outputs)
        }
        for (slot, pair) in zip(group, zip(try run(0), try run(1))) {
            guard pair.0.type.isFloat, pair.1.type.isFloat else { continue }
            _ = errors[slot].add(try pair.0.floats(), try pair.1.floats())
        }
    }
}
