import Dispatch
import Domain
import Inference
import ModelGraph
import Quantization
import Synchronization

/// Second-order rounding of the weights of those layers where it leaves clearly less noise. It pays where the noise is that
/// of the weights, as in nets without strong nonlinearities; where the activations' own rounding dominates, nothing is
/// gained and the weights stay rounded to nearest. Which is the case is measured layer by layer, by the same simulation that
/// judges them anyway.
struct Refine {
    typealias Review = ([Int: QuantizedWeight]) throws -> LayerReview

    let models: EngineModels
    let runs: SampleRuns
    /// What covariances are taken from, in an order that depends on their content only: other samples than those of the review,
    /// where there are enough, which would favour what was fitted to them.
    let samples: [Int]
    let rules: TargetRules
    /// What was rounded for other candidates of the same model.
    let known: RoundedWeights

    /// Multiplications that may be spent on covariances, and values that they may hold at a time.
    private static let affordable = 1 << 33
    private static let room = 1 << 25
    /// What a layer must gain in dB to be rounded so. Measured with 0.5, 1 and 3: the outputs' SQNR is best with 0.5 in every
    /// net (by 0.2 dB), their labelled accuracy the same within its noise.
    private static let clearGain = 0.5

    func callAsFunction(
        _ prepared: PreparedModel, _ plan: Plan, _ nearest: [Int: QuantizedWeight], _ before: LayerReview,
        review: Review
    ) throws -> ([Int: QuantizedWeight], LayerReview) {
        try round(before, nearest, prepared)
        var weights = nearest
        for anchor in before.anchors {
            if let other = nearest[anchor.node].flatMap({ known.rounded(anchor.node, like: $0) }) {
                weights[anchor.node] = other
            }
        }
        let after = try review(weights)
        var gained = false
        for (place, anchor) in before.anchors.enumerated() {
            if gains(anchor, before.errors[place], after.errors[place], prepared) {
                gained = true
            } else {
                weights[anchor.node] = nearest[anchor.node]
            }
        }
        return gained
            ? (weights, LayerReview(anchors: before.anchors, errors: chosen(before, after, prepared)))
            : (nearest, before)
    }

    /// Whether the layer keeps clearly more of its signal. A MatMul has no bias, so nothing corrects its mean error.
    private func gains(_ anchor: Anchor, _ old: LayerError, _ new: LayerError, _ prepared: PreparedModel) -> Bool {
        let isCorrected = prepared.topology.graph.nodes[anchor.node].op != "MatMul"
        let (a, b) = isCorrected ? (old.correctedSQNR, new.correctedSQNR) : (old.plainSQNR, new.plainSQNR)
        return b >= a + Self.clearGain
    }

    /// Rounds the layers that are not known yet by the covariances of their inputs.
    private func round(
        _ review: LayerReview, _ nearest: [Int: QuantizedWeight], _ prepared: PreparedModel
    ) throws {
        let unknown = review.anchors.filter { anchor in
            nearest[anchor.node].map { !$0.isTrained && !known.contains(anchor.node, like: $0) } ?? false
        }
        guard !unknown.isEmpty else { return }
        let places = Set(unknown.map(\.node))
        let in4Bits = Set(nearest.filter { $0.value.blocks?.bits == 4 }.keys)
        let layers = affordable(in: prepared.topology, in4Bits: in4Bits).filter { places.contains($0.0.node) }
        if !layers.isEmpty { try observe(layers, of: prepared) }
        let pending = try unknown.compactMap { anchor in
            try nearest[anchor.node].map { weight in
                let covariance = layers.first { $0.0.node == anchor.node }?.1
                let floats = try covariance.flatMap { _ in try prepared.topology.constant(anchor.weight)?.floats() }
                return Layer(
                    node: anchor.node, nearest: weight, floats: floats, covariance: covariance,
                    narrowed: rules.narrowsPairs ? prepared.topology.graph.nodes[anchor.node] : nil)
            }
        }
        let results = Mutex([QuantizedWeight?](repeating: nil, count: pending.count))
        try shareOut(pending.count, over: runs.threads) { place, _ in
            let rounded = pending[place].rounded
            results.withLock { $0[place] = rounded }
        }
        for (layer, rounded) in zip(pending, results.withLock({ $0 })) {
            known.remember(layer.node, layer.nearest, rounded: rounded)
        }
    }

    /// One layer that is to be rounded.
    private struct Layer: @unchecked Sendable {
        let node: Int
        let nearest: QuantizedWeight
        let floats: [Float]?
        /// Only read once all samples have been added.
        let covariance: InputCovariance?
        /// The node, where pairs of its products must not saturate.
        let narrowed: Node?

        var rounded: QuantizedWeight? {
            guard let covariance, let floats, let rounded = nearest.rounded(floats, by: covariance) else { return nil }
            guard let narrowed else { return rounded }
            let pairs = WeightPairs(rounded, of: narrowed)
            return rounded.replacing(pairs?.saturating ?? [], from: nearest)
        }
    }

    /// Each layer's error with the weights that it is given. A layer's error does not depend on the layers above it.
    private func chosen(_ before: LayerReview, _ after: LayerReview, _ prepared: PreparedModel) -> [LayerError] {
        before.anchors.enumerated().map { place, anchor in
            let (old, new) = (before.errors[place], after.errors[place])
            return gains(anchor, old, new, prepared) ? new : old
        }
    }

    /// The cheapest layers of the model first, as many as are affordable. All of the model's layers compete, so that the
    /// choice is the same for every candidate, whatever else of it is in float.
    private func affordable(in topology: Topology, in4Bits: Set<Int>) -> [(Anchor, InputCovariance)] {
        let layers = topology.graph.nodes.enumerated().compactMap { place, node -> (Anchor, InputCovariance)? in
            guard OperatorRule.of(node) == .anchor,
                case .success(let anchor) = Anchor.find(node, at: place, in: topology),
                let covariance = InputCovariance(
                    anchor, in: topology,
                    widest: in4Bits.contains(place) ? InputCovariance.widest.in4Bits : InputCovariance.widest.in8Bits)
            else { return nil }
            return (anchor, covariance)
        }
        var (price, room) = (0, 0)
        return layers.sorted { ($0.1.price, $0.0.node) < ($1.1.price, $1.0.node) }.filter { _, covariance in
            price += covariance.price * samples.count
            room += covariance.groups * covariance.width * covariance.width
            return price <= Self.affordable && room <= Self.room
        }
    }

    /// One sample after the other: the sums depend on the order. While the engine computes a layer, the sums of others are
    /// taken on further threads.
    private func observe(_ layers: [(Anchor, InputCovariance)], of prepared: PreparedModel) throws {
        let graph = try Instrumentation.watch(layers.map(\.0.activation), in: prepared.topology.graph)
        let observer = CovarianceObserver(layers.map(\.1), threads: runs.threads)
        let session = try models.session(
            graph, of: prepared.model, named: "covariances", SessionOptions(observer: observer))
        defer { observer.finish() }
        for index in samples { _ = try session.run(try runs.feed.sample(index), outputs: runs.outputs) }
    }
}

/// Weights that were rounded by covariance, by node: candidates of one model differ in what is float, hardly in weights.
final class RoundedWeights {
    /// What a weight is rounded to: the same grids give the same integers.
    private struct Grids: Hashable {
        let node: Int
        let scales: [Float]
        let blocks: BlockwiseWeight?

        init(_ node: Int, _ nearest: QuantizedWeight) {
            self.node = node
            scales = nearest.scales
            blocks = nearest.blocks
        }
    }
    private var all: [Grids: QuantizedWeight?] = [:]

    func contains(_ node: Int, like nearest: QuantizedWeight) -> Bool { all[Grids(node, nearest)] != nil }

    /// Nil when the layer was not worth its price, or could not be rounded.
    func rounded(_ node: Int, like nearest: QuantizedWeight) -> QuantizedWeight? { all[Grids(node, nearest)] ?? nil }

    func remember(_ node: Int, _ nearest: QuantizedWeight, rounded: QuantizedWeight?) {
        all[Grids(node, nearest)] = .some(rounded)
    }
}

/// Adds what it sees to the covariance of its slot, in the order in which it sees it.
///
/// `@unchecked Sendable`: one run at a time, and each covariance belongs to one queue.
private final class CovarianceObserver: TensorObserver, @unchecked Sendable {
    private let covariances: [InputCovariance]
    /// The engine has a thread of its own.
    private let queues: [DispatchQueue]
    /// Inputs that wait to be added are held in memory: few of them.
    private let waiting: DispatchSemaphore

    init(_ covariances: [InputCovariance], threads: Int) {
        self.covariances = covariances
        queues = (1..<max(1, threads)).map { DispatchQueue(label: "covariance \($0)") }
        waiting = DispatchSemaphore(value: 2 * max(1, queues.count))
    }

    func observe(slot: Int, context: UnsafeMutableRawPointer?, values: [ObservedTensor]) {
        guard covariances.indices.contains(slot), let tensor = values.first, let floats = tensor.floats else { return }
        guard !queues.isEmpty else { return covariances[slot].add(floats, shape: tensor.shape) }
        let (copy, shape) = (Array(floats), tensor.shape)
        waiting.wait()
        queues[slot % queues.count].async { [self] in
            copy.withUnsafeBufferPointer { covariances[slot].add($0, shape: shape) }
            waiting.signal()
        }
    }

    /// Returns when everything seen has been added.
    func finish() { for queue in queues { queue.sync {} } }
}
