import Domain
import ModelGraph
import Quantization

/// `plan.json`: every tensor's grid and every node's fate, each with its reason. Made for reading and for comparing two
/// jobs; the artifact is what the plan says.
struct PlanDocument: Codable {
    struct Activation: Codable {
        var tensor: String
        var scale: Double
        var zeroPoint: Int
        var low: Double
        var high: Double
        var reason: String
        var sharedWith: [String]
    }
    struct Operation: Codable {
        var node: String
        var op: String
        /// "integer", "absorbed", "float", "weight-only", "dynamic", "blockwise-8" or "blockwise-4".
        var fate: String
        var reason: String?
        /// SQNR in dB of this layer alone, its mean error removed; nil when it was not measured or is exact.
        var sqnrDb: Double?
    }
    var schema = "octavo-plan/1"
    var target: Target
    var form: String
    var rewrites: [String: Int]
    var activations: [Activation]
    var operations: [Operation]

    init(_ quantized: Quantized, rewrites: [String: Int], target: Target) {
        self.target = target
        self.rewrites = rewrites
        form = quantized.form.rawValue
        activations = quantized.plan.grids.sorted { $0.key < $1.key }.map { tensor, grid in
            Activation(
                tensor: tensor, scale: Double(grid.affine.scale),
                zeroPoint: TargetRules(target).zeroPoint(grid.affine.zeroPoint),
                low: Double(grid.affine.range.low), high: Double(grid.affine.range.high), reason: grid.reason,
                sharedWith: grid.shared)
        }
        let layers = Dictionary(quantized.layers.map { ($0.name, $0.sqnr) }, uniquingKeysWith: { first, _ in first })
        let form = quantized.form
        let stored = Set(form == .integer ? [] : quantized.plan.placement.anchors.map(\.node))
        operations = quantized.topology.graph.nodes.enumerated().map { index, node in
            let sqnr = layers[node.label].flatMap { $0.isFinite ? $0 : nil }
            func operation(_ fate: String, _ reason: String?) -> Operation {
                Operation(node: node.name, op: node.qualifiedOp, fate: fate, reason: reason, sqnrDb: sqnr)
            }
            if form.computes, quantized.plan.placement.verdicts[index] == .integer {
                return operation(form.rawValue, form.reason)
            }
            if stored.contains(index) { return operation("weight-only", "weights in 8 bits, restored at load") }
            switch quantized.plan.placement.verdicts[index] {
            case .integer: return operation("integer", nil)
            case .absorbed(let into): return operation("absorbed", "the quantizer of '\(into)' saturates in its place")
            case .float(let reason) where quantized.storedFloats.contains(index):
                return operation("float", reason.text + "; its weights in 8 bits, restored at load")
            case .float(let reason): return operation("float", reason.text)
            }
        }
    }
}

extension Quantized.Form {
    /// What becomes of a layer that the form computes in its own way.
    fileprivate var reason: String {
        switch self {
        case .dynamic: "in integers, the range of what it reads found in every run"
        case .blockwise8: "weights in blocks of 8 bits, each with its own scale"
        case .blockwise4: "weights in blocks of 4 bits, each with its own scale"
        case .integer, .weightOnly: ""
        }
    }
}
