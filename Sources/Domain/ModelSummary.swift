/// What can be said of a model file without running it: the body of `GET /v1/models/{id}`.
package struct ModelSummary: Equatable, Sendable, Codable {
    /// Always "onnx" for now.
    package var format: String
    package var irVersion: Int
    /// Operator set versions by domain; the default domain is written "ai.onnx".
    package var opsets: [String: Int]
    package var producer: String?
    package var inputs: [TensorSignature]
    package var outputs: [TensorSignature]
    /// Scalars in all initializers.
    package var parameters: Int
    package var weightBytes: Int
    /// How often each operator occurs, subgraphs included; other domains are written "domain::Op".
    package var operators: [String: Int]
    /// File names of external tensor data that the model refers to.
    package var externalData: [String]
    /// Whether Q/DQ or integer operators are already in the graph.
    package var quantized: Bool
    package var findings: [Finding]

    package init(
        format: String = "onnx", irVersion: Int, opsets: [String: Int], producer: String?, inputs: [TensorSignature],
        outputs: [TensorSignature], parameters: Int, weightBytes: Int, operators: [String: Int],
        externalData: [String], quantized: Bool, findings: [Finding]
    ) {
        self.format = format
        self.irVersion = irVersion
        self.opsets = opsets
        self.producer = producer
        self.inputs = inputs
        self.outputs = outputs
        self.parameters = parameters
        self.weightBytes = weightBytes
        self.operators = operators
        self.externalData = externalData
        self.quantized = quantized
        self.findings = findings
    }
}

/// Something worth knowing about a model or a set. `error` means that a job on it would be refused.
package struct Finding: Equatable, Sendable, Codable {
    package enum Severity: String, Codable, Sendable { case info, warning, error }
    package var severity: Severity
    /// Stable kebab-case code, such as "already-quantized" or "unsupported-domain".
    package var code: String
    /// A sentence for a person, saying what to do next.
    package var detail: String
    /// JSON pointer or node/tensor name, where there is one.
    package var pointer: String?

    package init(_ severity: Severity, code: String, detail: String, pointer: String? = nil) {
        self.severity = severity
        self.code = code
        self.detail = detail
        self.pointer = pointer
    }
}
