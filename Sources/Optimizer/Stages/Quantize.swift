import Domain
import Foundation
import Inference
import ModelGraph
import Quantization
import Synchronization

/// From statistics to an integer graph: grids, weights, the review of each layer, bias correction, Q/DQ.
struct Quantize {
    let models: EngineModels
    let runs: SampleRuns
    let recipe: Recipe
    private var rules: TargetRules { TargetRules(recipe.target) }
    /// How many samples calibration saw.
    private let sampleCount: Int
    /// The samples that layer errors are measured on, chosen by their content.
    let reviewSamples: [Int]
    /// The samples that weights are rounded by.
    private let roundingSamples: [Int]
    private let rounded = RoundedWeights()
    private let known = KnownErrors()

    /// How many samples layer errors are measured on: two give most of bias correction, sixteen all of it.
    private static let reviewed = 16

    /// `samples` in an order that depends on their content only.
    init(models: EngineModels, runs: SampleRuns, recipe: Recipe, samples: [Int]) {
        self.models = models
        self.runs = runs
        self.recipe = recipe
        sampleCount = samples.count
        reviewSamples = Array(samples.prefix(Self.reviewed))
        let others = Array(samples.dropFirst(Self.reviewed).prefix(Self.reviewed))
        roundingSamples = others.count == Self.reviewed ? others : reviewSamples
    }

    /// How much noise a layer may make before it stays float: what its signal must keep over its error, the mean error
    /// removed, in dB. Measured on detectors and classifiers: below `usual` the layer shows in the task's score; nets of
    /// many noisy layers need `strict`, which costs others speed for nothing.
    struct Tolerance: Equatable {
        static let usual = Tolerance(decibels: 24)
        static let strict = Tolerance(decibels: 28)
        let decibels: Double
    }

    func integer(
        _ prepared: PreparedModel, keepFloat: [String: Reason], _ statistics: [String: TensorStatistics],
        _ tolerance: Tolerance
    ) throws -> Quantized? {
        let topology = prepared.topology
        var kept = keepFloat
        var review = LayerReview(anchors: [], errors: [])
        var plan: Plan
        var weights: [Int: QuantizedWeight]
        var round = 0
        repeat {
            guard let next = try self.plan(topology, keepFloat: &kept, statistics) else { return nil }
            plan = next
            weights = try Self.weights(plan, topology, rules)
            review = try self.review(prepared, plan, weights)
            let condemned = review.condemned(below: tolerance.decibels).filter { anchor, _ in
                !(weights[anchor.node]?.isTrained ?? false)
            }
            guard round < 3, recipe.options.reviewsLayers, !condemned.isEmpty else { break }
            for (anchor, sqnr) in condemned { topology.keepFloat(around: anchor, sqnr: sqnr, in: &kept) }
            round += 1
        } while true
        if recipe.options.rounding != .nearest {
            (weights, review) = try refined(prepared, plan, weights, review)
        }
        let biases = review.correctedBiases(topology.bias, keeping: Self.trained(weights))
        var emitter = QDQEmitter(topology, plan, rules, opset: prepared.model.opset("") ?? 13)
        var model = prepared.model
        model.graph = try emitter.emit(weights: weights, biases: biases)
        let stored = try storeFloatWeights(in: &model, of: prepared, plan)
        let tables = try storeTables(in: &model.graph, of: topology.graph, keepFloat)
        var quantized = Quantized(
            model, .integer, plan, topology, review, tolerance, weights: weights, biases: biases)
        quantized.statistics = statistics
        quantized.tables = tables
        quantized.storedFloats = stored
        return quantized
    }

    /// Grids for all that can run in integers and is not in `kept`, which grows by what shows that it cannot; nil when nothing
    /// is left.
    private func plan(
        _ topology: Topology, keepFloat kept: inout [String: Reason], _ statistics: [String: TensorStatistics]
    ) throws -> Plan? {
        var planner = Planner(topology, rule: recipe.options.rule)
        planner.samples = sampleCount
        planner.top = recipe.options.activations == .int16 ? 65535 : 255
        while case let placement = Placement(topology, keepFloat: kept), !placement.isEmpty {
            let before = kept.count
            for name in planner.unreached(placement, statistics) {
                kept[name] = "no calibration sample brought it a value"
            }
            guard kept.count == before else { continue }
            let plan = try planner.plan(placement, statistics)
            for name in planner.uncomputable(plan) {
                kept[name] = "its means are too small beside its values for the runtime's integer kernel"
            }
            if kept.count == before { return plan }
        }
        return nil
    }

    func refined(
        _ prepared: PreparedModel, _ plan: Plan, _ weights: [Int: QuantizedWeight], _ review: LayerReview
    ) throws -> ([Int: QuantizedWeight], LayerReview) {
        try Refine(models: models, runs: runs, samples: roundingSamples, rules: rules, known: rounded)(
            prepared, plan, weights, review
        ) { try self.review(prepared, plan, $0) }
    }

    /// A form that needs no calibration: the weights alone are quantized beforehand.
    func uncalibrated(
        _ form: Quantized.Form, _ prepared: PreparedModel, keepFloat: [String: Reason], blockSize: Int? = nil
    ) throws -> Quantized {
        let topology = prepared.topology
        let placement = Placement(
            weightOnly: topology,
            computing: { form.computes && $0.op != "Conv" && ($0.op != "LSTM" || form == .dynamic) },
            keepFloat: keepFloat)
        let plan = Plan(placement: placement, grids: [:])
        var weights = try Self.weights(
            plan, topology, .x64,
            blocks: form.blockBits.map { (bits: $0, size: blockSize ?? recipe.options.blockSize ?? 32) })
        var review = try self.review(prepared, plan, weights)
        if recipe.options.rounding != .nearest {
            (weights, review) = try refined(prepared, plan, weights, review)
        }
        let biases = review.correctedBiases(topology.bias, keeping: Self.trained(weights))
        var model = prepared.model
        model.graph = try Self.emit(form, placement, topology, weights, biases, keepFloat)
        let tables = try storeTables(in: &model.graph, of: topology.graph, keepFloat)
        var quantized = Quantized(model, form, plan, topology, review, .usual, weights: weights, biases: biases)
        quantized.tables = tables
        return quantized
    }

    /// What tables must be of a model's bytes before `auto` stores them in 8 bits. A sentence encoder whose words were 68 % of it
    /// became 3.9 times smaller instead of 1.3, at the same speed and 0.2 dB less.
    private static let largeTables = 0.1

    /// Stores what is only looked up in, where the recipe says so; returns how many tables that were. `whole` is what a table
    /// is a part of.
    private func storeTables(in graph: inout Graph, of whole: Graph, _ keepFloat: [String: Reason]) throws -> Int {
        guard recipe.options.embeddings != .float else { return 0 }
        var emitter = EmbeddingEmitter(graph, keepFloat: Set(keepFloat.keys))
        let edited = try emitter.emit()
        let isLarge = Double(emitter.storedBytes) >= Self.largeTables * Double(whole.weightBytes)
        guard recipe.options.embeddings == .int8 || isLarge else { return 0 }
        graph = edited
        return emitter.stored
    }

    private static func emit(
        _ form: Quantized.Form, _ placement: Placement, _ topology: Topology, _ weights: [Int: QuantizedWeight],
        _ biases: [Int: [Float]], _ keepFloat: [String: Reason]
    ) throws -> Graph {
        let computed = form.computes ? placement.anchors.filter { !$0.channelsFirst } : []
        let stored = form.computes ? placement.anchors.filter(\.channelsFirst) : placement.anchors
        // In-place edits first: the last emitter moves nodes.
        var graph = topology.graph
        if form.blockBits != nil {
            var emitter = BlockwiseEmitter(graph)
            graph = try emitter.edit(computed, bias: topology.bias, weights: weights, biases: biases)
        } else if form == .dynamic {
            var emitter = DynamicEmitter(topology, graph)
            graph = try emitter.edit(
                computed, recurrent: topology.dynamicLSTMs(keepFloat: keepFloat), weights: weights, biases: biases)
        }
        var emitter = WeightOnlyEmitter(graph)
        return try emitter.emit(stored, weights: weights, biases: biases)
    }

    /// Layers that were trained with their rounding: their biases know of it.
    static func trained(_ weights: [Int: QuantizedWeight]) -> Set<Int> {
        Set(weights.filter(\.value.isTrained).keys)
    }

    static func weights(
        _ plan: Plan, _ topology: Topology, _ rules: TargetRules, blocks: (bits: Int, size: Int)? = nil
    ) throws -> [Int: QuantizedWeight] {
        var weights: [Int: QuantizedWeight] = [:]
        for anchor in plan.placement.anchors {
            guard let tensor = topology.constant(anchor.weight) else { continue }
            if let blocks, !anchor.channelsFirst {
                weights[anchor.node] = try QuantizedWeight(
                    blocks: tensor, axis: anchor.channelAxis, bits: blocks.bits, size: blocks.size)
                continue
            }
            if let bias = anchor.bias, plan.grid(anchor.activation) != nil,
                try !(topology.constant(bias)?.floats() ?? []).allSatisfy(\.isFinite)
            {
                throw QuantizationError.unquantizable(tensor: bias, why: "it holds NaN or infinity")
            }
            if let trained = topology.trainedWeight(anchor) {
                weights[anchor.node] = trained
                continue
            }
            var least: [Float]?
            if let bias = anchor.bias, let grid = plan.grid(anchor.activation),
                let values = try topology.constant(bias)?.floats()
            {
                least = QuantizedWeight.scalesThatFit(bias: values, activation: grid.scale)
            }
            var weight = try QuantizedWeight(tensor, axis: anchor.channelAxis, minimumScales: least)
            if rules.narrowsPairs, let pairs = WeightPairs(weight, of: topology.graph.nodes[anchor.node]) {
                let risky = pairs.saturating
                if !risky.isEmpty {
                    weight = try QuantizedWeight(
                        tensor, axis: anchor.channelAxis, minimumScales: least, narrow: risky)
                }
            }
            weights[anchor.node] = weight
        }
        return weights
    }

    /// Runs the simulation of what is not known yet over the review samples, and sums each layer's error.
    func review(
        _ prepared: PreparedModel, _ plan: Plan, _ weights: [Int: QuantizedWeight]
    ) throws -> LayerReview {
        let simulation = try Simulation(prepared.topology, plan, weights, known: known)
        let compared = simulation.compared.map { simulation.anchors[$0] }
        let seen = compared.isEmpty ? [] : try errors(of: compared, in: simulation, prepared)
        return LayerReview(anchors: simulation.anchors, errors: simulation.errors(seen))
    }

    private func errors(
        of compared: [Anchor], in simulation: Simulation, _ prepared: PreparedModel
    ) throws -> [LayerError] {
        let options = SessionOptions.simulation(
            observer: ErrorObserver(channels: compared.map { ($0.channels, $0.channelsFirst) }))
        let session = try models.session(simulation.graph, of: prepared.model, named: "simulation", options)
        let tables = reviewSamples.map { _ in ErrorTable(count: compared.count) }
        let pointers = tables.map { SendablePointer(Unmanaged.passUnretained($0).toOpaque()) }
        try SampleRuns(feed: runs.feed, threads: runs.threads, outputs: simulation.outputs).run(
            reviewSamples, through: session, context: { position, _ in pointers[position].raw }, progress: { _ in })
        return compared.enumerated().map { slot, anchor in
            LayerError(sum: tables.compactMap { $0.errors[slot] }, channels: anchor.channels)
        }
    }
}

extension Recipe.Options {
    /// Whether layers that lose too much stay float by themselves: where nothing was asked for that speaks against it.
    var reviewsLayers: Bool { calibrator == .auto || minLayerSqnr != nil }

    var rule: RangeRule {
        switch calibrator {
        case .auto: .auto
        case .minMax: .minMax
        case .meanMinMax: .meanMinMax
        case .percentile: .percentile(percentile)
        case .mse: .leastError
        case .entropy: .entropy
        }
    }
}

/// The errors of all layers on one sample.
private final class ErrorTable {
    var errors: [LayerError?]
    init(count: Int) { errors = Array(repeating: nil, count: count) }
}

/// Compares the two outputs of a simulated layer into the table that the run's context points to.
private final class ErrorObserver: TensorObserver {
    private let channels: [(count: Int, first: Bool)]

    init(channels: [(Int, Bool)]) { self.channels = channels.map { (count: $0.0, first: $0.1) } }

    func observe(slot: Int, context: UnsafeMutableRawPointer?, values: [ObservedTensor]) {
        guard let context, values.count == 2, channels.indices.contains(slot),
            let reference = values[0].floats?.baseAddress, let test = values[1].floats?.baseAddress
        else { return }
        let shape = values[0].shape
        let (count, first) = channels[slot]
        let axis = first ? 1 : shape.count - 1
        guard shape == values[1].shape, shape.indices.contains(axis), shape[axis] == count else { return }
        let error = LayerError(
            reference: reference, test: test, outer: shape[..<axis].reduce(1, *), channels: count,
            inner: shape[(axis + 1)...].reduce(1, *))
        Unmanaged<ErrorTable>.fromOpaque(context).takeUnretainedValue().errors[slot] = error
    }
}
