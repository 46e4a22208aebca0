/// What can be said of a model without running it.
package struct ModelFacts: Sendable, Equatable {
    package var irVersion: Int64 = 0
    /// By domain; ONNX's own operators are "ai.onnx".
    package var opsets: [String: Int64] = [:]
    package var producer: String?
    /// Inputs that a caller has to give: those that no initializer stands for.
    package var inputs: [ValueInfo] = []
    package var outputs: [ValueInfo] = []
    /// Elements in all initializers of floating point or integer type, those of subgraphs included.
    package var parameters = 0
    package var weightBytes = 0
    /// Uses of each operator, subgraphs included; operators of other domains as "domain::Op".
    package var operators: [String: Int] = [:]
    package var nodes = 0
    /// Files that tensors refer to, sorted.
    package var externalFiles: [String] = []
    /// Whether Q/DQ, integer or fake-quantization operators are in the graph already.
    package var isQuantized = false
    /// Whether no more than QuantizeLinear and DequantizeLinear make it so: around float operators, which remain.
    package var isQuantizedByPairs: Bool {
        isQuantized && quantizing.isSubset(of: ["QuantizeLinear", "DequantizeLinear"])
    }
    private var quantizing: Set<String> = []
    /// Domains of nodes other than ai.onnx, ai.onnx.ml, com.microsoft and the model's own functions, sorted.
    package var foreignDomains: [String] = []
    /// Inputs that are no dense tensors (sequences, maps, optionals, sparse tensors).
    package var structuredInputs: [String] = []
    package var hasStringTensors = false
    package var hasSubgraphs = false
    package var localFunctions = 0

    package init(_ model: Model) {
        irVersion = model.irVersion
        for opset in model.opsets {
            opsets[OperatorDomain.isDefault(opset.domain) ? "ai.onnx" : opset.domain] = opset.version
        }
        let producer = [model.producerName, model.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
        self.producer = producer.isEmpty ? nil : producer
        let constants = Set(model.graph.initializers.map(\.name) + model.graph.sparseInitializers.map(\.name))
        inputs = model.graph.inputs.filter { !constants.contains($0.name) }
        outputs = model.graph.outputs
        structuredInputs = inputs.filter { $0.kind != .tensor && $0.kind != .untyped }.map(\.name)
        localFunctions = model.functions.count
        var files: Set<String> = []
        var operators: Set<Operator> = []
        model.graph.visitGraphs { count($0, &files, &operators) }
        externalFiles = files.sorted()
        operators.subtract(model.functions.map { Operator(domain: $0.domain, name: $0.name) })
        foreignDomains = Set(operators.map(\.domain)).sorted()
    }

    private struct Operator: Hashable {
        let domain: String
        let name: String
    }

    /// `foreign` collects the operators that neither ONNX nor the runtime has.
    private mutating func count(_ graph: Graph, _ files: inout Set<String>, _ foreign: inout Set<Operator>) {
        for value in graph.inputs + graph.outputs + graph.valueInfo where value.elementType == .string {
            hasStringTensors = true
        }
        for tensor in graph.initializers {
            // Shapes were checked one by one; a sum over many hostile external tensors may still be too large.
            parameters = parameters.addingReportingOverflow(tensor.count).partialValue
            weightBytes = weightBytes.addingReportingOverflow(tensor.byteCount).partialValue
            note(tensor, &files)
        }
        for node in graph.nodes {
            nodes += 1
            operators[node.qualifiedOp, default: 0] += 1
            if Self.isQuantizing(node) {
                isQuantized = true
                quantizing.insert(node.op)
            }
            hasSubgraphs = hasSubgraphs || node.hasSubgraphs
            let isOrdinary =
                node.isDefaultDomain || node.domain == OperatorDomain.classicalML
                || node.domain == OperatorDomain.microsoft
            if !isOrdinary { foreign.insert(Operator(domain: node.domain, name: node.op)) }
            for attribute in node.attributes {
                switch attribute.value {
                case .tensor(let tensor): note(tensor, &files)
                case .tensors(let tensors): for tensor in tensors { note(tensor, &files) }
                default: break
                }
            }
        }
    }

    private mutating func note(_ tensor: Tensor, _ files: inout Set<String>) {
        if tensor.type == .string { hasStringTensors = true }
        if let reference = tensor.externalReference { files.insert(reference.location) }
    }

    /// Whether a node belongs to a quantized model. The prefixes cover QLinearConv, QLinearMatMul and com.microsoft's
    /// QLinearAdd, QGemm, QAttention…
    package static func isQuantizing(_ node: Node) -> Bool {
        let known: Set<String> = [
            "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
            "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "DynamicQuantizeLSTM", "QGemm", "QAttention",
            "QEmbedLayerNormalization", "QOrderedMatMul", "MatMulNBits", "FakeQuant", "FakeQuantize",
        ]
        return known.contains(node.op) || node.op.hasSuffix("Integer") || node.op.hasPrefix("QLinear")
            || node.op.hasPrefix("FakeQuant")
    }
}

extension Model {
    package var facts: ModelFacts { ModelFacts(self) }
}
