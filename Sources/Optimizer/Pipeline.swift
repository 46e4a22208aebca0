package import Domain
import Foundation
package import Inference
import ModelGraph
import Quantization

/// One conversion from files to files: the stages in order, and nothing else.
///
/// `tell` receives progress and log events; the last word, `finished` or `failed`, is the caller's. Every error that
/// leaves here is a `Failure`.
package struct Pipeline {
    private let order: WorkOrder.Quantize
    private let engine: any Engine
    private let budget: Budget
    private let digest: FileDigest?
    private let packing: FilePacking?
    private let quiet: Quiet
    private let clock: StageClock

    /// Seconds spent on timing the model against its candidates.
    package struct Budget: Equatable, Sendable {
        /// For the choice between the integer and the float form; with 0 the integer form is taken untimed.
        package var decision: Double
        /// For the figures in the report.
        package var report: Double

        package init(decision: Double = 0.8, report: Double = 3) {
            self.decision = decision
            self.report = report
        }

        /// `seconds` for the report, and a share of it for the choice.
        package init(seconds: Double) { self.init(decision: seconds * 0.8 / 3, report: seconds) }
    }

    /// SHA-256 of a file, which this half has no library for.
    package typealias FileDigest = @Sendable (_ path: String) throws -> Digest

    /// Size of a file in the form in which a server stores it (zlib), and in that in which it sends it as gzip, in bytes.
    package typealias FilePacking = @Sendable (_ path: String) throws -> (stored: Int64, gzip: Int64)

    /// Without `digest` the report does not name the artifact's, and without `packing` it does not say how large that is
    /// compressed. Measurements are done in `quiet`.
    package init(
        _ order: WorkOrder.Quantize, engine: any Engine, budget: Budget = Budget(), digest: FileDigest? = nil,
        packing: FilePacking? = nil, quiet: Quiet = Quiet(), tell: @escaping @Sendable (WorkEvent) -> Void
    ) {
        self.order = order
        self.engine = order.recipe.target.engine(engine)
        self.budget = budget
        self.digest = digest
        self.packing = packing
        self.quiet = quiet
        clock = StageClock(tell)
    }

    package func run() throws -> WorkEvent.Results {
        do {
            var inputs = try clock.time(.load) { try Inputs(order) }
            let models = EngineModels(engine: engine, directory: order.scratch, quiet: quiet)
            let prepared = try clock.time(.prepare) {
                try inputs.spellOutSaturation(models, order)
                let prepared = try Prepare(
                    models: models, feed: inputs.calibration, batchOnly: inputs.batchOnly,
                    batchIsOpen: inputs.batchIsOpen, exclude: order.recipe.options.exclude,
                    trained: inputs.imported?.trained ?? TrainedQuantization())(
                        inputs.floatModel)
                return try Balance(models: models, feed: inputs.calibration, options: order.recipe.options)(
                    prepared, samples: inputs.used)
            }
            let conversion = Conversion(
                order, inputs, models, prepared, clock, decisionSeconds: budget.decision, digest: digest)
            var candidate = try Marking(order, inputs, digest)(conversion.best())
            candidate.decisions += [quiet.finding].compactMap { $0 }
            let verified = try clock.time(.verify) {
                candidate.accumulated = try Accumulation(
                    models: models, feed: inputs.calibration, threads: order.threads)(
                        candidate.quantized, of: prepared.basis(of: candidate.quantized.form), samples: inputs.used,
                        progress: { _ in })
                return try Verify(order, inputs, models, clock)(candidate)
            }
            let latency = try clock.time(.measure) {
                try Measure(order, inputs, models, clock)(candidate, seconds: budget.report)
            }
            return try clock.time(.publish) {
                try Publish(order, inputs, engine, clock, digest, packing)(candidate, prepared, verified, latency)
            }
        } catch {
            throw Failure(wrapping: error, stage: clock.current).withoutPaths(below: order.scratch)
        }
    }
}

extension Failure {
    /// Any error of the optimizing tower as a failure of the stage it came from.
    package init(wrapping error: any Error, stage: Stage?) {
        switch error {
        case var failure as Failure:
            failure.stage = failure.stage ?? stage
            self = failure
        case let error as ModelError:
            self.init(error, stage: stage ?? .load)
        case let error as EngineError:
            self.init(error, stage: stage)
        case let error as QuantizationError:
            self.init(error, stage: stage)
        default:
            self.init(.internal, stage: stage, detail: "\(error)")
        }
    }

    /// Where a server keeps its files is nobody's business, and means nothing to the reader.
    fileprivate func withoutPaths(below directory: String) -> Failure {
        var failure = self
        failure.detail = detail.replacingOccurrences(of: directory + "/", with: "")
        return failure
    }

    /// A weight that cannot be quantized is the model's fault, an activation that cannot be the samples'.
    private init(_ error: QuantizationError, stage: Stage?) {
        let text = "\(error)".prefix(1).uppercased() + "\(error)".dropFirst() + "."
        switch error {
        case .unquantizable(let tensor, _): self.init(.invalidModel, stage: stage, detail: text, pointer: tensor)
        case .notFinite(let tensor, _):
            let advice =
                " The FP32 model computes them from these samples: check that the samples are preprocessed as the model was "
                + "trained, and that its weights are finite."
            self.init(.invalidCalibrationSet, stage: stage, detail: text + advice, pointer: tensor)
        case .notObserved(let tensor):
            self.init(
                .invalidCalibrationSet, stage: stage,
                detail: text + " Give samples that take the model through that part of it.", pointer: tensor)
        }
    }

    /// The last is what the dynamic linker says when the library itself does not fit.
    private static let outOfMemory = ["bad_alloc", "Failed to allocate memory", "failed to map segment"]

    /// What the engine refuses at load is the model's fault; what it cannot allocate is a limit; the rest is ours.
    private init(_ error: EngineError, stage: Stage?) {
        let text = "\(error)"
        if Self.outOfMemory.contains(where: text.contains) {
            self.init(
                .outOfMemory, stage: stage,
                detail: "The engine ran out of memory: \(text). Use a smaller model, or allow the worker more memory.")
        } else if case .libraryMissing = error {
            self.init(.engineMissing, stage: stage, detail: text)
        } else if case .wrongLibrary = error {
            self.init(.engineMissing, stage: stage, detail: text)
        } else if stage == .load || stage == .prepare {
            self.init(
                .unsupportedModel, stage: stage,
                detail: "The engine refuses the model: \(text). Make sure that ONNX Runtime loads it, then try again.")
        } else {
            self.init(.internal, stage: stage, detail: text)
        }
    }
}
