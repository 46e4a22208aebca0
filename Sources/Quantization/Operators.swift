package import ModelGraph

/// What ONNX Runtime's x64 provider can do with an operator between quantized tensors. The table was verified by loading
/// one-operator QDQ models and reading back the optimized graph.
package enum OperatorRule: Equatable, Sendable {
    /// Multiplies by constant weights; the reason for quantizing at all.
    case anchor
    /// Computes in integers with any scales on its inputs and output.
    case arithmetic
    /// Moves values without changing them: input and output share scale and zero point.
    case passThrough
    /// Joins tensors; scales may differ, equal ones make it a plain copy.
    case concat
    /// Absorbed by the saturation of the quantizer before it.
    case clamp
    /// Output range known beforehand: [0, 1].
    case unitInterval
    /// Stays float, with no Q/DQ around it.
    case float

    /// The rule for `node`, from its operator and the attributes that matter.
    package static func of(_ node: Node) -> OperatorRule {
        guard node.domain.isEmpty else { return .float }
        switch node.op {
        case "Conv", "Gemm", "MatMul": return .anchor
        case "Add", "Mul", "LeakyRelu", "GlobalAveragePool": return .arithmetic
        case "AveragePool": return node.dilates ? .float : .arithmetic
        case "Sigmoid": return .unitInterval
        case "HardSigmoid": return node.float("alpha") ?? 0.2 > 0 ? .unitInterval : .float
        case "Concat": return .concat
        case "Relu", "Clip": return .clamp
        case "MaxPool": return node.outputs.count == 1 ? .passThrough : .float
        case "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Split", "DepthToSpace":
            return .passThrough
        case "Resize": return node.repeatsValues ? .passThrough : .float
        default: return .float
        }
    }

    /// Why a float operator stays float, for the plan.
    static func reason(_ node: Node) -> String {
        switch node.op {
        case "ConvTranspose": "the runtime has no integer kernel for ConvTranspose"
        case "Resize": "the runtime resizes in integers only with mode nearest"
        default: "the runtime has no integer form of \(node.op)"
        }
    }
}

extension Node {
    /// Whether a pool has gaps between what it takes together.
    var dilates: Bool { (ints("dilations") ?? []).contains { $0 != 1 } }

    /// Whether a Resize gives nothing but values of its input. With a crop it also gives `extrapolation_value`, which the
    /// runtime's integer kernel takes for an integer.
    fileprivate var repeatsValues: Bool {
        string("mode") ?? "nearest" == "nearest"
            && string("coordinate_transformation_mode") != "tf_crop_and_resize"
    }
}

/// Where the weight of an anchor is and which of its axes are output channels.
package struct Anchor: Equatable, Sendable {
    /// Index in `graph.nodes`.
    package var node: Int
    package var activation: String
    package var weight: String
    package var bias: String?
    package var output: String
    /// Axis of the weight that counts output channels: the axis of its scales.
    package var channelAxis: Int
    package var channels: Int
    package var weightDims: [Int]
    /// Axis of the output that counts channels, from the front for Conv (1), the last one otherwise.
    package var channelsFirst: Bool

    /// The anchor at `node`, or nil with the reason why it cannot be quantized.
    package static func find(_ node: Node, at index: Int, in topology: Topology) -> Result<Anchor, Reason> {
        guard node.inputs.count >= 2, let output = node.outputs.first else { return .failure("it lacks a weight") }
        let weight = node.inputs[1]
        guard let tensor = topology.constant(weight) else { return .failure("its weight is computed, not constant") }
        guard tensor.type == .float else { return .failure("its weight is not float32") }
        let bias = node.inputs.count > 2 && !node.inputs[2].isEmpty ? node.inputs[2] : nil
        if let bias, topology.constant(bias) == nil { return .failure("its bias is computed, not constant") }
        guard topology.type(node.inputs[0]) == .float else { return .failure("its input is not float32") }
        guard topology.constant(node.inputs[0]) == nil else { return .failure("its input is constant") }
        let axis: Int
        switch node.op {
        case "Conv":
            guard tensor.dims.count >= 3 else { return .failure("its weight has rank \(tensor.dims.count)") }
            axis = 0
        case "Gemm":
            guard tensor.dims.count == 2, node.float("alpha") ?? 1 == 1, node.float("beta") ?? 1 == 1,
                node.int("transA") ?? 0 == 0
            else { return .failure("alpha, beta or transA is not the plain one") }
            axis = node.int("transB") ?? 0 == 0 ? 1 : 0
            if let bias, let dims = topology.constant(bias)?.dims,
                dims.reduce(1, *) != tensor.dims[axis] || dims.last != tensor.dims[axis]
            {
                return .failure("its bias is not one value per output channel")
            }
        default:
            guard tensor.dims.count == 2 else { return .failure("its weight has rank \(tensor.dims.count)") }
            axis = 1
        }
        guard tensor.dims.allSatisfy({ $0 > 0 }) else { return .failure("its weight is empty") }
        return .success(
            Anchor(
                node: index, activation: node.inputs[0], weight: weight, bias: bias, output: output, channelAxis: axis,
                channels: tensor.dims[axis], weightDims: tensor.dims, channelsFirst: node.op == "Conv"))
    }
}

extension Topology {
    /// The bias an anchor has in the file.
    package func bias(_ anchor: Anchor) -> [Float]? { anchor.bias.flatMap { try? constant($0)?.floats() } }
}

/// A reason in plain words, usable as the failure of a `Result`.
package struct Reason: Error, Equatable, Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    package var text: String
    package init(stringLiteral value: String) { text = value }
    package init(_ text: String) { self.text = text }
}
