/// How each operator changed between operator sets 7 and 13, where more than the allowed types did.
///
/// Source: the changelog of ONNX's operators; where that left room, what ONNX Runtime does for the old version. The
/// fixtures made by `Tests/Fixtures/make_opset_models.py` hold each rule to the runtime, bit for bit.
enum UpgradeRules {
    /// Gives the nodes that take the place of one node.
    typealias Rule = @Sendable (Node, inout Upgrader) throws -> [Node]

    /// By the version that brings the change, then by operator.
    static let changes: [Int: [String: Rule]] = [
        8: [:],
        9: [
            "BatchNormalization": spatialBatchNormalization, "Scan": refuse("its batch dimension is gone"),
            "Upsample": upsampleScalesToInput, "MeanVarianceNormalization": refuse(experimental),
        ],
        10: [
            "Dropout": dropoutMaskToBool, "Slice": sliceToInputs, "TopK": topKToInput, "Upsample": upsampleToResize,
            "Affine": refuse(experimental), "ATen": refuse(experimental), "ConstantFill": refuse(experimental),
            "Crop": refuse(experimental), "DynamicSlice": refuse(experimental), "GRUUnit": refuse(experimental),
            "GivenTensorFill": refuse(experimental), "ImageScaler": refuse(experimental),
            "ParametricSoftplus": refuse(experimental), "Scale": refuse(experimental),
            "ScaledTanh": refuse(experimental),
        ],
        11: ["Clip": clipToInputs, "Pad": padToInputs, "Resize": resizeFrom10, "Scatter": scatterToScatterElements],
        12: ["Dropout": dropoutRatioToInput],
        13: [
            "Softmax": softmaxOverOneAxis, "LogSoftmax": softmaxOverOneAxis, "Hardmax": softmaxOverOneAxis,
            "ReduceSum": axesToInput, "Squeeze": axesToInput, "Unsqueeze": axesToInput, "Split": splitToInput,
        ],
    ]

    private static let experimental = "the operator was experimental and is no part of ONNX any more"

    private static func refuse(_ reason: String) -> Rule {
        { node, upgrader in throw upgrader.failure(node, reason) }
    }

    // MARK: 9

    @Sendable private static func spatialBatchNormalization(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        if case .int(let spatial) = node.removeAttribute("spatial")?.value, spatial == 0 {
            throw upgrader.failure(node, "it normalizes every position by itself (spatial = 0)")
        }
        return [node]
    }

    @Sendable private static func upsampleScalesToInput(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        guard case .floats(let scales) = node.removeAttribute("scales")?.value, node.inputs.count == 1 else {
            throw upgrader.failure(node, "it has no scales")
        }
        node.inputs.append(upgrader.add(Tensor(name: stem(node, "scales"), floats: scales)))
        return [node]
    }

    // MARK: 10

    /// The mask was of the data's type and is bool from here on.
    @Sendable private static func dropoutMaskToBool(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        [try withoutMask(node, &upgrader)]
    }

    private static func withoutMask(_ node: Node, _ upgrader: inout Upgrader) throws -> Node {
        var node = node
        if let mask = node.output(1), upgrader.isRead(mask) {
            throw upgrader.failure(node, "its mask '\(mask)' is used, whose meaning changed")
        }
        node.outputs = Array(node.outputs.prefix(1))
        return node
    }

    @Sendable private static func sliceToInputs(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        guard case .ints(let starts) = node.removeAttribute("starts")?.value,
            case .ints(let ends) = node.removeAttribute("ends")?.value, node.inputs.count == 1
        else { throw upgrader.failure(node, "it has no starts or no ends") }
        node.inputs.append(upgrader.add(Tensor(name: stem(node, "starts"), int64s: starts)))
        node.inputs.append(upgrader.add(Tensor(name: stem(node, "ends"), int64s: ends)))
        if case .ints(let axes) = node.removeAttribute("axes")?.value {
            node.inputs.append(upgrader.add(Tensor(name: stem(node, "axes"), int64s: axes)))
        }
        return [node]
    }

    @Sendable private static func topKToInput(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        guard case .int(let count) = node.removeAttribute("k")?.value, node.inputs.count == 1 else {
            throw upgrader.failure(node, "it has no k")
        }
        node.inputs.append(upgrader.add(Tensor(name: stem(node, "k"), int64s: [count])))
        return [node]
    }

    @Sendable private static func upsampleToResize(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        node.op = "Resize"
        return [node]
    }

    // MARK: 11

    @Sendable private static func clipToInputs(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        guard let data = node.input(0), node.inputs.count == 1 else { throw upgrader.failure(node, "it has no input") }
        let bounds = ["min", "max"].map { name -> Float? in
            if case .float(let value) = node.removeAttribute(name)?.value { return value }
            return nil
        }
        for (bound, name) in zip(bounds, ["min", "max"]) {
            let input = try bound.map {
                try upgrader.addScalar($0, like: data, stem: stem(node, name), for: node)
            }
            node.inputs.append(input ?? "")
        }
        while node.inputs.last == "" { node.inputs.removeLast() }
        return [node]
    }

    @Sendable private static func padToInputs(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        guard case .ints(let pads) = node.removeAttribute("pads")?.value, let data = node.input(0),
            node.inputs.count == 1
        else { throw upgrader.failure(node, "it has no pads") }
        let value = node.removeAttribute("value")?.value
        node.inputs.append(upgrader.add(Tensor(name: stem(node, "pads"), int64s: pads)))
        let isConstant = (node.string("mode") ?? "constant") == "constant"
        if case .float(let value) = value, value.bitPattern != 0, isConstant {
            node.inputs.append(
                try upgrader.addScalar(value, like: data, stem: stem(node, "constant_value"), for: node))
        }
        return [node]
    }

    /// Version 10 took the source position x / scale, rounded down where it enlarges and up where it reduces. Version 11
    /// wants one way of rounding, so a node that does both is split in two: the axes are independent.
    @Sendable private static func resizeFrom10(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        guard let data = node.input(0), let scales = node.input(1), node.inputs.count == 2 else {
            throw upgrader.failure(node, "it has no scales")
        }
        node.set(.string("coordinate_transformation_mode", "asymmetric"))
        node.inputs = [data, "", scales]
        guard (node.string("mode") ?? "nearest") == "nearest" else { return [node] }
        guard let factors = try upgrader.constant(scales)?.floats() else {
            throw upgrader.failure(node, "its scales are computed, so it is not known which way it rounds")
        }
        let reduces = factors.contains { $0 < 1 }
        let enlarges = factors.contains { $0 > 1 }
        node.set(.string("nearest_mode", reduces ? "ceil" : "floor"))
        guard reduces && enlarges else { return [node] }
        var second = node
        let between = upgrader.freshName(stem(node, "reduced"))
        node.inputs[2] = upgrader.add(Tensor(name: stem(node, "reduce"), floats: factors.map { min($0, 1) }))
        second.inputs[0] = between
        second.inputs[2] = upgrader.add(Tensor(name: stem(node, "enlarge"), floats: factors.map { max($0, 1) }))
        second.set(.string("nearest_mode", "floor"))
        if !node.name.isEmpty { second.name = upgrader.freshName(node.name + "_enlarge") }
        node.outputs = [between]
        return [node, second]
    }

    @Sendable private static func scatterToScatterElements(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        node.op = "ScatterElements"
        return [node]
    }

    // MARK: 12

    /// Without the input "training_mode" the node passes its data on, as before. The mask of a runtime was all false until
    /// 10, and is all true now.
    @Sendable private static func dropoutRatioToInput(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = try withoutMask(node, &upgrader)
        if case .float(let ratio) = node.removeAttribute("ratio")?.value {
            node.inputs.append(upgrader.add(Tensor(name: stem(node, "ratio"), floats: [ratio], dims: [])))
        }
        return [node]
    }

    // MARK: 13

    /// Until 12 all axes from `axis` (default 1) on were one; from 13 on `axis` (default -1) is the only one. For the last
    /// axis that is the same. Otherwise the data becomes a matrix as the old rule said, and gets its shape back.
    @Sendable private static func softmaxOverOneAxis(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        let axis = Int(clamping: node.int("axis") ?? 1)
        guard let data = node.input(0), let result = node.output(0) else {
            throw upgrader.failure(node, "it has no input or no output")
        }
        node.set(.int("axis", -1))
        if axis == -1 || upgrader.rank(of: data) == axis + 1 { return [node] }
        let shape = upgrader.freshName(stem(node, "shape"))
        let matrix = upgrader.freshName(stem(node, "matrix"))
        let product = upgrader.freshName(stem(node, "product"))
        node.inputs[0] = matrix
        node.outputs[0] = product
        return [
            Node(op: "Shape", inputs: [data], outputs: [shape], name: upgrader.freshName(stem(node, "shape_of"))),
            Node(
                op: "Flatten", inputs: [data], outputs: [matrix], name: upgrader.freshName(stem(node, "flatten")),
                attributes: [.int("axis", axis)]),
            node,
            Node(
                op: "Reshape", inputs: [product, shape], outputs: [result],
                name: upgrader.freshName(stem(node, "reshape"))),
        ]
    }

    @Sendable private static func axesToInput(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        guard node.inputs.count == 1 else { throw upgrader.failure(node, "it has \(node.inputs.count) inputs") }
        if case .ints(let axes) = node.removeAttribute("axes")?.value, !axes.isEmpty {
            node.inputs.append(upgrader.add(Tensor(name: stem(node, "axes"), int64s: axes)))
        } else if node.op == "Unsqueeze" {
            throw upgrader.failure(node, "it has no axes")
        }
        return [node]
    }

    @Sendable private static func splitToInput(_ node: Node, _ upgrader: inout Upgrader) throws -> [Node] {
        var node = node
        guard node.inputs.count == 1 else { throw upgrader.failure(node, "it has \(node.inputs.count) inputs") }
        if case .ints(let sizes) = node.removeAttribute("split")?.value, !sizes.isEmpty {
            node.inputs.append(upgrader.add(Tensor(name: stem(node, "split"), int64s: sizes)))
        }
        return [node]
    }

    private static func stem(_ node: Node, _ what: String) -> String {
        "\(node.name.isEmpty ? node.output(0) ?? node.op : node.name)_\(what)"
    }
}
