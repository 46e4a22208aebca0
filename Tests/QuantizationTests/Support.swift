import ModelGraph
import Quantization
import TestGraphs

extension GraphBuilder {
    /// What one run would tell of the graph.
    func topology() -> Topology {
        Topology(graph: graph, types: types, shapesByBatch: [shapes], isStaticBeyondBatch: true)
    }
}

extension TensorStatistics {
    /// What calibration keeps of `values`.
    init(of values: [Float]) throws {
        guard let bank = StatisticsBank([.all]) else { throw NoMemory() }
        values.withUnsafeBufferPointer { bank.observe(0, $0) }
        self = bank.statistics(0)
    }

    struct NoMemory: Error {}
}

extension Placement {
    /// The fate of each node by its name: "integer", "absorbed" or "float".
    func fates(_ graph: Graph) -> [String: String] {
        zip(graph.nodes, verdicts).reduce(into: [:]) { fates, pair in
            switch pair.1 {
            case .integer: fates[pair.0.name] = "integer"
            case .absorbed: fates[pair.0.name] = "absorbed"
            case .float: fates[pair.0.name] = "float"
            }
        }
    }

    func reason(_ name: String, _ graph: Graph) -> String? {
        guard let i = graph.nodes.firstIndex(where: { $0.name == name }), case .float(let reason) = verdicts[i] else {
            return nil
        }
        return reason.text
    }
}

/// A graph, its placement, and a plan from statistics in which every tensor spans [-1, 1], or [0, 1] behind a Relu.
struct Planned {
    let topology: Topology
    let placement: Placement
    let plan: Plan

    init(_ builder: GraphBuilder, keepFloat: [String: Reason] = [:], ranges: [String: ClosedRange<Float>] = [:]) throws
    {
        topology = builder.topology()
        placement = Placement(topology, keepFloat: keepFloat)
        let planner = Planner(topology, rule: .minMax)
        var statistics: [String: TensorStatistics] = [:]
        for tensor in planner.tensorsToObserve(placement) {
            let isRectified = topology.producer(tensor)?.op == "Relu"
            let range = ranges[tensor] ?? (isRectified ? 0...1 : -1...1)
            statistics[tensor] = try TensorStatistics(of: [range.lowerBound, range.upperBound])
        }
        plan = try planner.plan(placement, statistics)
    }

    func emit(_ rules: TargetRules = .x64) throws -> Graph {
        var weights: [Int: QuantizedWeight] = [:]
        for anchor in placement.anchors {
            guard let tensor = topology.constant(anchor.weight) else { continue }
            weights[anchor.node] = try QuantizedWeight(tensor, axis: anchor.channelAxis)
        }
        var emitter = QDQEmitter(topology, plan, rules)
        return try emitter.emit(weights: weights, biases: [:])
    }
}
