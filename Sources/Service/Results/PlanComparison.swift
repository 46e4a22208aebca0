/// What the server reads of a stored `plan.json`.
struct StoredPlan: Decodable, Sendable {
    struct Activation: Decodable, Sendable {
        var tensor: String
        var low: Double
        var high: Double
    }
    struct Operation: Decodable, Sendable {
        var node: String
        var op: String
        var fate: String
    }
    var form: String?
    var activations: [Activation]
    var operations: [Operation]

    /// Larger plans are not read: the server holds them in memory.
    static let limit: Int64 = 16 << 20
}

/// Where plans of one model part: what became of each node, and the range of each tensor.
struct PlanComparison: Encodable, Equatable, Sendable {
    struct Node: Encodable, Equatable, Sendable {
        var node: String
        var op: String
        /// "integer", "absorbed", "float", "weight-only"; null where a plan has no such node.
        var fates: [String?]
    }
    struct Range: Encodable, Equatable, Sendable {
        var low: Double
        var high: Double
    }
    struct Tensor: Encodable, Equatable, Sendable {
        var tensor: String
        /// Null where the tensor stays float.
        var ranges: [Range?]
    }
    /// Nodes whose fate is not the same everywhere: how many there are, and the first of them in the model's order.
    var nodesDiffering: Int
    var nodes: [Node]
    /// Tensors whose ranges are not the same everywhere; those that differ most come first.
    var tensorsDiffering: Int
    var tensors: [Tensor]

    private static let listed = 100

    /// Nil unless every job has a plan that can be read.
    init?(_ all: [StoredPlan?]) {
        let plans = all.compactMap { $0 }
        guard plans.count == all.count else { return nil }
        let nodes = Self.nodes(plans)
        let tensors = Self.tensors(plans)
        nodesDiffering = nodes.count
        self.nodes = Array(nodes.prefix(Self.listed))
        tensorsDiffering = tensors.count
        self.tensors = Array(tensors.prefix(Self.listed))
    }

    private static func nodes(_ plans: [StoredPlan]) -> [Node] {
        let fates = plans.map { plan in
            Dictionary(plan.operations.map { ($0.node, $0.fate) }, uniquingKeysWith: { first, _ in first })
        }
        var seen: Set<String> = [""]
        return plans.flatMap(\.operations).compactMap { operation in
            guard seen.insert(operation.node).inserted else { return nil }
            let values = fates.map { $0[operation.node] }
            return Set(values).count > 1 ? Node(node: operation.node, op: operation.op, fates: values) : nil
        }
    }

    private static func tensors(_ plans: [StoredPlan]) -> [Tensor] {
        let ranges = plans.map { plan in
            Dictionary(
                plan.activations.map { ($0.tensor, Range(low: $0.low, high: $0.high)) },
                uniquingKeysWith: { first, _ in first })
        }
        let differing = Set(ranges.flatMap(\.keys)).compactMap { name -> Tensor? in
            let values = ranges.map { $0[name] }
            return values.allSatisfy { $0 == values[0] } ? nil : Tensor(tensor: name, ranges: values)
        }
        return differing.sorted { ($0.spread, $1.tensor) > ($1.spread, $0.tensor) }
    }
}

extension PlanComparison.Tensor {
    /// The widest range over the narrowest, as a share of the widest; 1 where one plan has none.
    fileprivate var spread: Double {
        let widths = ranges.map { $0.map { $0.high - $0.low } ?? 0 }
        guard let widest = widths.max(), let narrowest = widths.min(), widest > 0 else { return 0 }
        return 1 - narrowest / widest
    }
}
