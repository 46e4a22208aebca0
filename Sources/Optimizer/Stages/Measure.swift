import Domain
import Foundation
import Inference

/// FP32 and a candidate in the engine, side by side, on one sample: what latency is measured with.
struct Race {
    private let order: WorkOrder.Quantize
    private let models: EngineModels
    private let sample: [String: TensorValue]
    private let fp32: any Session

    init(_ order: WorkOrder.Quantize, _ inputs: Inputs, _ models: EngineModels) throws {
        self.order = order
        self.models = models
        sample = try inputs.evaluation.sample(0)
        fp32 = try models.original(inputs.referencePath, Self.options(order.threads))
    }

    /// Options of a process that serves one model.
    static func options(_ threads: Int) -> SessionOptions {
        var options = SessionOptions()
        options.threads = threads
        return options
    }

    /// Interleaved timings of both models, for about `budget` seconds.
    func run(_ path: String, budget: Double) throws -> Report.Latency {
        let int8 = try models.engine.makeSession(.path(path), Self.options(order.threads))
        let reference = try fp32.bind(sample)
        let candidate = try int8.bind(sample)
        var settings = LatencyMeter.Settings()
        settings.budget = budget
        settings.threads = order.threads
        return try LatencyMeter(settings: settings).measure(
            fp32: { try reference.run() }, int8: { try candidate.run() })
    }

    /// Interleaved timings of two candidates: the first in FP32's place.
    func run(_ first: String, against second: String, budget: Double) throws -> Report.Latency {
        let a = try models.engine.makeSession(.path(first), Self.options(order.threads)).bind(sample)
        let b = try models.engine.makeSession(.path(second), Self.options(order.threads)).bind(sample)
        var settings = LatencyMeter.Settings()
        settings.budget = budget
        settings.threads = order.threads
        return try LatencyMeter(settings: settings).measure(fp32: { try a.run() }, int8: { try b.run() })
    }
}

/// Latency of both models and the time to load them.
struct Measure {
    struct Result {
        var latency: Report.Latency?
        /// Why there is none.
        var absence: String?
        var load: Report.Load?
    }
    private let order: WorkOrder.Quantize
    private let inputs: Inputs
    private let models: EngineModels

    init(_ order: WorkOrder.Quantize, _ inputs: Inputs, _ models: EngineModels) {
        self.order = order
        self.inputs = inputs
        self.models = models
    }

    func callAsFunction(_ candidate: Candidate, seconds: Double) throws -> Result {
        if let foreignness = order.recipe.target.foreignness { return Result(absence: foreignness) }
        let cold = try cold(candidate)
        let fp32 = try load(inputs.referencePath)
        let int8 = try load(candidate.path)
        let latency = try Race(order, inputs, models).run(candidate.path, budget: seconds)
        return Result(
            latency: latency,
            load: Report.Load(
                fp32Ms: fp32.load, int8Ms: int8.load, fp32FirstRunMs: fp32.first, int8FirstRunMs: int8.first,
                fp32ColdMs: cold.fp32, int8ColdMs: cold.int8, coldAbsence: cold.absence))
    }

    /// Milliseconds from files that are on disk only to sessions.
    private func cold(_ candidate: Candidate) throws -> (fp32: Double?, int8: Double?, absence: String?) {
        func time(_ files: [String], _ directory: String) throws -> Double {
            let file = try ColdFile(files, from: directory, below: order.scratch)
            defer { file.remove() }
            let start = LatencyMeter.monotonic()
            _ = try models.engine.makeSession(.path(file.path), Race.options(order.threads))
            return Double(LatencyMeter.monotonic() - start) / 1e6
        }
        do {
            let name = String(candidate.path.split(separator: "/").last ?? "")
            let fp32 =
                inputs.imported == nil
                ? try time([order.model.file] + inputs.loaded.summary.externalData, order.model.directory)
                : try time([String(inputs.referencePath.split(separator: "/").last ?? "")], order.scratch)
            return (fp32, try time([name], order.scratch), nil)
        } catch ColdFile.Absence.because(let reason) {
            return (nil, nil, reason)
        } catch let error as CocoaError {
            // A full disk, above all: no reason to lose the job.
            return (nil, nil, "the files could not be copied: \(error.localizedDescription)")
        }
    }

    /// Milliseconds from file to session and for the first run; the file is in the page cache.
    private func load(_ path: String) throws -> (load: Double, first: Double) {
        let start = LatencyMeter.monotonic()
        let session = try models.engine.makeSession(.path(path), Race.options(order.threads))
        let loaded = LatencyMeter.monotonic()
        let sample = try inputs.evaluation.sample(0)
        let ready = LatencyMeter.monotonic()
        _ = try session.run(sample, outputs: session.outputs.map(\.name))
        let done = LatencyMeter.monotonic()
        return (Double(loaded - start) / 1e6, Double(done - ready) / 1e6)
    }
}
