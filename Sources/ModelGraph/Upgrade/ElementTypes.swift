/// Element types of a graph's values, as far as declarations and the operators themselves tell.
///
/// Only asked for values that are floating point by the rules of the operator that reads them. So where nothing is known,
/// and no value in the whole graph is of another floating point type, it can only be float32.
struct ElementTypes {
    private var types: [String: ElementType] = [:]
    private var onlyFloat32 = true

    /// - Parameter ambiguous: names of which nothing can be said.
    init(_ graph: Graph, ambiguous: Set<String>) {
        collect(graph)
        onlyFloat32 = onlyFloat32 && !types.values.contains { $0.isFloat && $0 != .float }
        for name in ambiguous { types[name] = nil }
    }

    subscript(name: String) -> ElementType? { types[name] ?? (onlyFloat32 ? .float : nil) }

    private mutating func collect(_ graph: Graph) {
        for value in graph.inputs + graph.outputs + graph.valueInfo where value.kind == .tensor {
            if let type = value.elementType { types[value.name] = type }
        }
        for tensor in graph.initializers { types[tensor.name] = tensor.type }
        for node in graph.nodes {
            for body in node.subgraphs { collect(body) }
            noteAttributes(node)
            for (place, output) in node.outputs.enumerated() where !output.isEmpty && types[output] == nil {
                types[output] = inferred(node, output: place)
            }
        }
    }

    /// Types that a graph can bring in without a tensor of them.
    private mutating func noteAttributes(_ node: Node) {
        for attribute in node.attributes {
            switch attribute.value {
            case .tensor(let tensor) where tensor.type.isFloat && tensor.type != .float: onlyFloat32 = false
            case .int(let number) where attribute.name == "to" || attribute.name == "dtype":
                if let type = Int32(exactly: number).flatMap(ElementType.init(rawValue:)), type.isFloat, type != .float
                {
                    onlyFloat32 = false
                }
            default: break
            }
        }
    }

    /// Most operators give the type of their first input; these do not. Nil when it takes more to know.
    private func inferred(_ node: Node, output: Int) -> ElementType? {
        guard node.isDefaultDomain else { return nil }
        switch node.op {
        case "Cast": return node.int("to").flatMap { Int32(exactly: $0) }.flatMap(ElementType.init(rawValue:))
        case "Constant": return constantType(node)
        case "ConstantOfShape": return node.tensor("value")?.type ?? .float
        case "Shape", "Size", "NonZero", "ArgMax", "ArgMin", "NonMaxSuppression", "SequenceLength": return .int64
        case "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or", "Xor", "Not", "IsNaN", "IsInf":
            return .bool
        case "Where", "SequenceAt", "SplitToSequence", "ConcatFromSequence": return type(of: node, input: 1)
        case "OneHot": return type(of: node, input: 2)
        case "DequantizeLinear": return .float
        case "TopK", "MaxPool", "Unique": return output == 0 ? type(of: node, input: 0) : .int64
        case "Dropout": return output == 0 ? type(of: node, input: 0) : nil
        case "If", "Loop", "Scan", "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "EyeLike",
            "Multinomial", "QuantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "QLinearConv",
            "QLinearMatMul", "SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceErase", "BitShift",
            "TfIdfVectorizer", "CategoryMapper":
            return nil
        default: return type(of: node, input: 0)
        }
    }

    private func constantType(_ node: Node) -> ElementType? {
        if let tensor = node.tensor("value") { return tensor.type }
        if node.attribute("value_float") != nil || node.attribute("value_floats") != nil { return .float }
        if node.attribute("value_int") != nil || node.attribute("value_ints") != nil { return .int64 }
        return nil
    }

    private func type(of node: Node, input: Int) -> ElementType? { node.input(input).flatMap { types[$0] } }
}
