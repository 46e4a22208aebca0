package import Domain
package import ModelGraph
import Quantization

/// Reads a staged model and says what can be said of it without running it.
package struct LoadedModel {
    package let model: Model
    package let summary: ModelSummary

    /// Throws `Failure` of a user's fault when the file is not a model that can be quantized at all.
    package init(_ staged: StagedModel) throws {
        do {
            var model = try Model.read(path: staged.path, externalDirectory: staged.directory)
            try model.graph.densifySparseInitializers()
            self.model = model
        } catch let error as ModelError {
            throw Failure(error)
        }
        summary = ModelSummary(ModelFacts(model))
    }

    /// The float model and the grids of one that carries Q and DQ; nil for others.
    func takenApart() throws -> QuantizationImport? {
        guard model.facts.isQuantizedByPairs else { return nil }
        do {
            var graph = model.graph
            graph.moveConstantsToInitializers()
            return try QuantizationImport(graph, opset: model.opset("") ?? 1)
        } catch let refusal as QuantizationImport.Refusal {
            throw Failure(
                .alreadyQuantized, stage: .load,
                detail:
                    "The model's own quantization cannot be read: \(refusal.reason). Post the FP32 model that it was "
                    + "made from.")
        } catch let error as ModelError {
            throw Failure(error)
        }
    }

    /// Refuses what inspection found to be an error.
    package func checkQuantizable() throws {
        guard let finding = summary.findings.first(where: { $0.severity == .error }) else { return }
        let kind = Failure.Kind(rawValue: finding.code) ?? .unsupportedModel
        throw Failure(kind, stage: .load, detail: finding.detail, pointer: finding.pointer)
    }
}

extension ModelSummary {
    init(_ facts: ModelFacts) {
        self.init(
            irVersion: Int(clamping: facts.irVersion), opsets: facts.opsets.mapValues { Int(clamping: $0) },
            producer: facts.producer,
            inputs: facts.inputs.map(TensorSignature.init), outputs: facts.outputs.map(TensorSignature.init),
            parameters: facts.parameters, weightBytes: facts.weightBytes, operators: facts.operators,
            externalData: facts.externalFiles, quantized: facts.isQuantized, findings: Self.findings(facts))
    }

    private static func findings(_ facts: ModelFacts) -> [Finding] {
        var findings: [Finding] = []
        if facts.isQuantizedByPairs {
            findings.append(
                Finding(
                    .info, code: "carries-quantization",
                    detail: "The model carries QuantizeLinear and DequantizeLinear: a job keeps their scales and zero "
                        + "points and completes the rest."))
        } else if facts.isQuantized {
            findings.append(
                Finding(
                    .error, code: Failure.Kind.alreadyQuantized.rawValue,
                    detail: "The model already computes in integers (QLinearConv, MatMulInteger or the like). Post the "
                        + "FP32 model that it was made from, or the one with QuantizeLinear and DequantizeLinear."))
        }
        if !facts.foreignDomains.isEmpty {
            findings.append(
                Finding(
                    .error, code: Failure.Kind.unsupportedModel.rawValue,
                    detail:
                        "Operators of the domain \(facts.foreignDomains.joined(separator: ", ")) need libraries that "
                        + "the runtime does not ship. Export the model without them, for example without pre- and "
                        + "post-processing."))
        }
        if !facts.structuredInputs.isEmpty {
            findings.append(
                Finding(
                    .error, code: Failure.Kind.unsupportedModel.rawValue,
                    detail:
                        "Input '\(facts.structuredInputs[0])' is a sequence, map or optional. Export the model with "
                        + "tensor inputs only.", pointer: facts.structuredInputs[0]))
        }
        let weighted = ["Conv", "Gemm", "MatMul", "LSTM"].reduce(0) { $0 + (facts.operators[$1] ?? 0) }
        // What local functions do is only known once the engine has inlined them.
        if weighted == 0, !facts.isQuantized || facts.isQuantizedByPairs, facts.localFunctions == 0 {
            findings.append(
                Finding(
                    .error, code: Failure.Kind.nothingToQuantize.rawValue,
                    detail:
                        "The model has no Conv, Gemm or MatMul, so there is nothing that 8 bits would make smaller or "
                        + "faster."))
        }
        return findings
    }
}

extension TensorSignature {
    init(_ info: ValueInfo) {
        self.init(
            name: info.name, type: info.elementType.map(ElementKind.init) ?? .other,
            shape: info.shape.map { dims in
                dims.enumerated().map { axis, dim in
                    switch dim {
                    case .fixed(let size): .fixed(size)
                    case .symbolic(let name): .symbolic(name)
                    case .unknown: .symbolic("?\(axis)")
                    }
                }
            })
    }
}

extension ElementKind {
    init(_ type: ElementType) {
        switch type {
        case .float: self = .float32
        case .double: self = .float64
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        case .uint8: self = .uint8
        case .int8: self = .int8
        case .uint16: self = .uint16
        case .int16: self = .int16
        case .uint32: self = .uint32
        case .int32: self = .int32
        case .uint64: self = .uint64
        case .int64: self = .int64
        case .bool: self = .bool
        case .string: self = .string
        default: self = .other
        }
    }
}

extension Failure {
    /// A model error as the user's failure, with the kind that tells corrupt from unsupported.
    init(_ error: ModelError, stage: Stage = .load) {
        let kind: Kind =
            switch error {
            case .notONNX, .corrupt, .truncated: .corruptModel
            case .unsupported, .unsupportedVersion, .unsupportedElementType, .cannotUpgrade, .tooLarge:
                .unsupportedModel
            case .cannotWrite: .outOfDisk
            case .missingExternalData: .missingExternalData
            default: .invalidModel
            }
        self.init(kind, stage: stage, detail: Self.sentence("\(error)") + Self.advice(error))
    }

    /// What to do about it, where the error does not say so itself.
    private static func advice(_ error: ModelError) -> String {
        switch error {
        case .notONNX: " Give the .onnx file itself."
        case .corrupt, .truncated: " Copy or export the model again."
        case .missingExternalData(_, let location):
            " Give both: beside each other, or as curl -F model=@model.onnx -F 'data=@\(location.filter { $0 != "'" })'."
        case .unsafeExternalData:
            " Save the model anew with all of its data in one file beside it, or inside it."
        case .invalidTensor, .invalidGraph, .undefinedInput, .duplicateName, .missingOpset, .cyclic, .tooLarge:
            " Export the model again; onnx.checker.check_model says more."
        case .unsupportedVersion: " Export the model for one of these."
        case .cannotUpgrade: " Export the model for operator set 13 or later."
        case .unsupported, .unsupportedElementType: " Export the model without it."
        default: ""
        }
    }

    private static func sentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + (text.hasSuffix(".") ? "" : ".")
    }
}
