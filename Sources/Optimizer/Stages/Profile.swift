import Domain
import Foundation
import Inference
import ModelGraph

/// What the engine really executed in one run: every node after its own optimization, with shapes and time.
struct Profile {
    struct Step {
        var name: String
        var op: String
        var microseconds: Double
        /// Multiply-accumulates, for operators with weights.
        var macs: Int
        /// Element type of the first input, as the engine spells it.
        var type = "float"
    }
    var steps: [Step]

    init(steps: [Step]) { self.steps = steps }

    /// Runs `path` a few times with the engine's profiler and takes the median time of each node. `macs` gives the
    /// multiply-accumulates of the model's own nodes: what the engine makes of a node keeps its name at the front.
    init(
        _ path: String, in models: EngineModels, inputs: [String: TensorValue], outputs: [String],
        macs: [String: Int] = [:], threads: Int = 1, runs: Int = 3
    ) throws {
        var options = SessionOptions()
        options.threads = threads
        options.profilePrefix = models.directory + "/profile"
        let session = try models.engine.makeSession(.path(path), options)
        for _ in 0..<runs { _ = try session.run(inputs, outputs: outputs) }
        let file = try session.endProfiling()
        defer { unlink(file) }
        let events = try JSONDecoder().decode([Event].self, from: Data(contentsOf: URL(fileURLWithPath: file)))
        let kernels = events.filter { $0.cat == "Node" && $0.name.hasSuffix("_kernel_time") }
        let origins = macs.keys.sorted { $0.utf8.count > $1.utf8.count }
        let count = kernels.count / runs
        steps = kernels.suffix(count).enumerated().map { place, event in
            var step = Step(event)
            // A node inside a branch may run in some runs only: then places do not correspond, and the last run stands.
            let same = stride(from: place, to: count * runs, by: max(count, 1)).map { kernels[$0] }
            if kernels.count == count * runs, same.allSatisfy({ $0.name == event.name }) {
                step.microseconds = Statistics.median(same.map { $0.dur ?? 0 })
            }
            if Step.multiplying.contains(step.op), let origin = origins.first(where: step.name.hasPrefix) {
                step.macs = macs[origin] ?? 0
            }
            return step
        }
    }

    fileprivate struct Event: Decodable {
        struct Arguments: Decodable {
            var opName: String?
            var inputs: [[String: [Int]]]?
            var outputs: [[String: [Int]]]?

            enum CodingKeys: String, CodingKey {
                case opName = "op_name"
                case inputs = "input_type_shape"
                case outputs = "output_type_shape"
            }
        }
        var cat: String?
        var name: String
        var dur: Double?
        var args: Arguments?
    }
}

extension Profile.Step {
    fileprivate init(_ event: Profile.Event) {
        name = String(event.name.dropLast("_kernel_time".count))
        op = event.args?.opName ?? "?"
        microseconds = event.dur ?? 0
        type = event.args?.inputs?.first?.keys.first ?? "float"
        let inputs = (event.args?.inputs ?? []).map { $0.values.first ?? [] }
        let output = (event.args?.outputs ?? []).first?.values.first ?? []
        macs = Self.macs(op, inputs, output)
    }

    /// Output values times the length of each dot product.
    private static func macs(_ op: String, _ inputs: [[Int]], _ output: [Int]) -> Int {
        let outputs = output.reduce(1, *)
        switch op {
        case "Conv", "FusedConv", "NhwcFusedConv":
            guard inputs.count > 1, let channels = inputs[1].first, channels > 0 else { return 0 }
            return outputs * (inputs[1].reduce(1, *) / channels)
        case "ConvTranspose":
            guard inputs.count > 1, let channels = inputs[1].first, channels > 0 else { return 0 }
            return inputs[0].reduce(1, *) * (inputs[1].reduce(1, *) / channels)
        case "Gemm", "QGemm", "MatMul", "FusedMatMul", "MatMulIntegerToFloat", "QLinearMatMul", "FusedGemm",
            "MatMulInteger", "DynamicQuantizeMatMul", "MatMulNBits":
            return outputs * (inputs.first?.last ?? 0)
        case "LSTM", "DynamicQuantizeLSTM":
            guard inputs.count > 2, inputs[0].count == 3 else { return 0 }
            return inputs[0][0] * inputs[0][1] * (inputs[1].reduce(1, *) + inputs[2].reduce(1, *))
        default: return 0
        }
    }

    fileprivate static let multiplying: Set<String> = [
        "Conv", "FusedConv", "QLinearConv", "ConvInteger", "NhwcFusedConv", "Gemm", "FusedGemm", "QGemm", "MatMul",
        "FusedMatMul", "QLinearMatMul", "MatMulIntegerToFloat", "MatMulInteger", "DynamicQuantizeMatMul",
        "MatMulNBits", "ConvTranspose",
    ]

    /// Integer arithmetic, float arithmetic, or neither.
    var kind: Report.Coverage.Class {
        if Self.integer.contains(op) || op.hasPrefix("QLinear") { return .integer }
        if op == "Clip", type != "float" { return .integer }
        return Self.moving.contains(op) ? .other : .float
    }

    var isConversion: Bool { ["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"].contains(op) }

    /// Only moves values between the orders that kernels want.
    var changesLayout: Bool { op == "ReorderInput" || op == "ReorderOutput" || op == "Transpose" }

    private static let integer: Set<String> = [
        "QGemm", "MatMulIntegerToFloat", "MatMulInteger", "ConvInteger", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM",
        "MatMulNBits",
    ]
    private static let moving: Set<String> = [
        "Reshape", "Transpose", "Concat", "Split", "Slice", "Gather", "Squeeze", "Unsqueeze", "Flatten", "Shape",
        "Identity", "Cast", "Expand", "Tile", "Pad", "DepthToSpace", "SpaceToDepth", "ReorderInput", "ReorderOutput",
        "MaxPool", "Resize", "ConstantOfShape", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
        "Constant", "NhwcMaxPool", "If",
        "MemcpyToHost", "MemcpyFromHost", "Range", "Where", "Equal", "ScatterND", "GatherElements",
    ]
}

extension Report.Coverage {
    /// Counts what ran. `reason` explains a float node, by its name.
    init(_ profile: Profile, reason: (String) -> String?) {
        var counts: [String: Int] = [:]
        var kinds: [String: Class] = [:]
        for step in profile.steps {
            counts[step.op, default: 0] += 1
            kinds[step.op] = step.kind
        }
        let total = profile.steps.reduce(0) { $0 + $1.macs }
        let integer = profile.steps.filter { $0.kind == .integer }.reduce(0) { $0 + $1.macs }
        let floats = profile.steps.filter { $0.kind == .float }.sorted { $0.microseconds > $1.microseconds }
        self.init(
            operators: counts.keys.sorted().map {
                Operator(name: $0, kind: kinds[$0] ?? .other, count: counts[$0] ?? 0)
            },
            conversions: profile.steps.filter(\.isConversion).count,
            macs: Int64(total), macShare: total > 0 ? Double(integer) / Double(total) : nil,
            floatReasons: floats.prefix(50).map { step in
                FloatNode(
                    node: step.name, name: step.op,
                    reason: reason(step.name) ?? "the runtime has no integer form of \(step.op) here",
                    macShare: total > 0 && step.macs > 0 ? Double(step.macs) / Double(total) : nil)
            })
    }
}
