import Domain
import Foundation
import Storage

/// Whether a job can be done at all, decided from what the inspections found, before anything is queued.
struct Admission: Sendable {
    let model: ModelRow
    let calibration: SampleSetRow
    let evaluation: SampleSetRow?
    let calibrationFit: Fit
    let evaluationFit: Fit?

    /// Throws a `Failure` for what makes the job impossible: an error among the model's or a set's findings, or arrays
    /// that do not fit the inputs.
    init(model: ModelRow, calibration: SampleSetRow, evaluation: SampleSetRow?, recipe: Recipe) throws {
        try Self.refuseErrors(model.summary.findings, .unsupportedModel)
        try Self.refuseErrors(calibration.summary.findings, .invalidCalibrationSet)
        self.model = model
        self.calibration = calibration
        self.evaluation = evaluation
        calibrationFit = try Fit(model: model.summary, set: calibration.summary)
        guard let evaluation else {
            evaluationFit = nil
            try Self.checkGate(recipe, nil)
            return
        }
        try Self.refuseErrors(evaluation.summary.findings, .invalidCalibrationSet)
        evaluationFit = try Fit(model: model.summary, set: evaluation.summary)
        try Self.checkGate(recipe, evaluation.summary)
    }

    private static func refuseErrors(_ findings: [Finding], _ kind: Failure.Kind) throws {
        guard let error = findings.first(where: { $0.severity == .error }) else { return }
        throw Failure(
            Failure.Kind(rawValue: error.code) ?? kind, stage: .load, detail: error.detail, pointer: error.pointer)
    }

    /// A gate on labels needs labels.
    private static func checkGate(_ recipe: Recipe, _ evaluation: SampleSetSummary?) throws {
        guard let gate = recipe.gate else { return }
        guard let evaluation else {
            throw Problem.invalid([
                FieldError(pointer: "/gate", detail: "A gate is checked on an evaluation set: give evaluation_set.")
            ])
        }
        let missing: String? =
            switch gate.metric {
            case .top1 where !evaluation.labelled:
                "top1 needs labels, and the evaluation set has no array 'labels' and no classes of pictures. Use "
                    + "top1-agreement"
            case .map where evaluation.pictures?.boxes == nil:
                "map needs boxes, and the evaluation set is no zip of pictures with labels of YOLO's or COCO's form. Use "
                    + "map-agreement"
            default: nil
            }
        if let missing {
            throw Problem.invalid([
                FieldError(pointer: "/gate/metric", detail: missing + ", or post a set with labels.")
            ])
        }
    }

    /// Warnings and notes on the model and the sets, for the admission report.
    var findings: [Finding] {
        model.summary.findings
            + ([calibration] + [evaluation].compactMap { $0 }).flatMap { set in
                // For pictures, what was guessed of this model's preprocessing is among them.
                (try? set.summary.developed(for: model.summary).findings) ?? set.summary.findings
            }
    }

    var inputBytes: Int64 { model.size + calibration.size + (evaluation?.size ?? 0) }

    /// Address space for a worker on inputs of this size: the engine keeps several copies of the weights and reserves much
    /// more than it touches, so this is a bound on runaways, not a prediction.
    static func addressSpace(inputs: Int64, _ configuration: ServiceConfiguration) -> Int64 {
        if configuration.workerMemory > 0 { return configuration.workerMemory }
        let (scaled, overflow) = inputs.multipliedReportingOverflow(by: 8)
        return overflow ? .max : scaled.addingReportingOverflow(6 << 30).partialValue
    }
}
