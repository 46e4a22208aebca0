import ModelGraph

/// Which shapes depend on the values that a call brings, and not only on the sizes of its inputs. What one run showed of
/// such a shape says nothing about the next run.
struct DataDependence {
    private let graph: Graph
    private let index: GraphIndex
    private var byShape: [String: Bool] = [:]
    private var byValue: [String: Bool] = [:]

    init(_ graph: Graph, _ index: GraphIndex) {
        self.graph = graph
        self.index = index
    }

    /// Whether the shape of `tensor` depends on values. Undecided cases, such as loops, count as yes.
    mutating func ofShape(_ tensor: String) -> Bool {
        guard let place = index.producer(of: tensor) else { return false }
        if let known = byShape[tensor] { return known }
        byShape[tensor] = true
        let node = graph.nodes[place]
        let isKnown = node.isDefaultDomain || node.domain == "com.microsoft" && Self.elementwise.contains(node.op)
        var answer = node.hasSubgraphs || !isKnown || Self.selecting.contains(node.op)
        let sizes = Self.sizes(of: node)
        for (position, input) in node.inputs.enumerated() where !answer && !input.isEmpty {
            answer = sizes.contains(position) ? ofValue(input) : ofShape(input)
        }
        byShape[tensor] = answer
        return answer
    }

    /// Whether the values of `tensor` depend on values of the graph's inputs: true unless they are computed from constants
    /// and shapes alone, and not drawn.
    mutating func ofValue(_ tensor: String) -> Bool {
        guard let place = index.producer(of: tensor) else { return !index.isInitializer(tensor) }
        if let known = byValue[tensor] { return known }
        byValue[tensor] = true
        let node = graph.nodes[place]
        var answer = node.hasSubgraphs || Self.drawing.contains(node.op)
        for input in node.inputs where !answer && !input.isEmpty {
            answer = node.op == "Shape" || node.op == "Size" ? ofShape(input) : ofValue(input)
        }
        byValue[tensor] = answer
        return answer
    }

    /// Operators of the runtime's own whose result has the shape of the input.
    private static let elementwise: Set<String> = ["Gelu", "QuickGelu", "FastGelu", "BiasGelu"]

    /// Operators whose results differ from run to run.
    private static let drawing: Set<String> = [
        "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout",
    ]

    /// Operators whose number of results is up to the data.
    private static let selecting: Set<String> = [
        "NonZero", "NonMaxSuppression", "Unique", "Compress", "StringSplit", "SequenceAt", "ConcatFromSequence",
        "OptionalGetElement", "RandomNormalLike", "Multinomial",
    ]

    /// Places of inputs whose values are sizes, positions or counts.
    private static func sizes(of node: Node) -> Set<Int> {
        switch node.op {
        case "Reshape", "Expand", "Tile", "Pad", "TopK", "OneHot", "Squeeze", "Unsqueeze", "CenterCropPad", "Split": [1]
        case "ConstantOfShape", "EyeLike": [0]
        case "Range": [0, 1, 2]
        case "Slice": [1, 2, 3, 4]
        case "Resize": [1, 2, 3]
        case "Upsample": [1]
        default: node.op.hasPrefix("Reduce") ? [1] : []
        }
    }
}
