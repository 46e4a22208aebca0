import ModelGraph

/// Which tensors hold no negative value, as far as operators and constants tell. Nodes are taken in as a sorted graph lists
/// them.
struct Signs {
    private let graph: Graph
    private let index: GraphIndex
    private var nonNegative: Set<String> = []

    init(_ graph: Graph, _ index: GraphIndex) {
        self.graph = graph
        self.index = index
    }

    /// Results that are never negative, whatever goes in.
    private static let rectifying: Set<String> = [
        "Relu", "Sigmoid", "HardSigmoid", "Softmax", "Softplus", "Exp", "Sqrt", "Abs", "ReduceL1", "ReduceL2",
        "ReduceSumSquare",
    ]
    /// Results between the least and the greatest value of the first input, or sums of them.
    private static let moving: Set<String> = [
        "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Split", "Gather", "DepthToSpace",
        "SpaceToDepth", "Identity", "Dropout", "Expand", "Tile", "MaxPool", "AveragePool", "GlobalAveragePool",
        "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum",
    ]
    private static let combining: Set<String> = ["Concat", "Add", "Mul", "Div", "Min", "Sum", "Mean"]

    /// What is true of `tensor` because its grid ends at zero.
    mutating func note(_ tensor: String) { nonNegative.insert(tensor) }

    mutating func add(_ node: Node) {
        if isNonNegative(node) { nonNegative.formUnion(node.outputs) }
    }

    private func isNonNegative(_ node: Node) -> Bool {
        guard node.domain.isEmpty else { return false }
        if Self.rectifying.contains(node.op) { return true }
        if Self.moving.contains(node.op) { return node.inputs.first.map(isNonNegative) ?? false }
        if Self.combining.contains(node.op) { return node.inputs.allSatisfy(isNonNegative) }
        switch node.op {
        case "Clip":
            let keepsSign = node.input(2).map(isNonNegative) ?? (node.float("max") ?? 0 >= 0)
            return rectifies(node) || keepsSign && node.inputs.first.map(isNonNegative) ?? false
        case "Max": return node.inputs.contains(where: isNonNegative)
        case "Where": return node.inputs.dropFirst().allSatisfy(isNonNegative)
        case "Resize": return node.string("mode") != "cubic" && node.inputs.first.map(isNonNegative) ?? false
        default: return false
        }
    }

    func isNonNegative(_ tensor: String) -> Bool {
        if nonNegative.contains(tensor) { return true }
        guard index.isConstant(tensor), let place = index.initializer(named: tensor) else { return false }
        return (try? graph.initializers[place].floats().allSatisfy { $0 >= 0 }) ?? false
    }

    /// Whether `node` is a Relu, or a Clip that lets nothing negative through.
    func rectifies(_ node: Node) -> Bool {
        if node.is("Relu") { return true }
        guard node.is("Clip") else { return false }
        if let bound = node.input(1) { return isNonNegative(bound) }
        return node.float("min").map { $0 >= 0 } ?? false
    }
}
