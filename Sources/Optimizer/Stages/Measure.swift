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

    /// The ratio from which on a decision is clear: none turns on more than a fraction of it.
    static let clearRatio = 1.1

    /// Interleaved timings of both models, for about `budget` seconds, or less where `clearRatio` is given and one of them is
    /// faster by more than that. `before` ran beside what was measured before and belongs to the same figures.
    func run(
        _ path: String, budget: Double, clearRatio: Double? = nil, beside before: Neighbours? = nil
    ) throws -> Report.Latency {
        try measure(fp32.bind(sample), binding(path), budget, clearRatio, beside: before)
    }

    /// Interleaved timings of two candidates, the first in FP32's place, for as long as it takes to tell them apart.
    func run(_ first: String, against second: String, budget: Double) throws -> Report.Latency {
        try measure(binding(first), binding(second), budget, Self.clearRatio)
    }

    private func binding(_ path: String) throws -> any Binding {
        try models.engine.makeSession(.path(path), Self.options(order.threads)).bind(sample)
    }

    private func measure(
        _ fp32: any Binding, _ int8: any Binding, _ budget: Double, _ clearRatio: Double?,
        beside before: Neighbours? = nil
    ) throws -> Report.Latency {
        var settings = LatencyMeter.Settings()
        settings.budget = budget
        settings.clearRatio = clearRatio
        settings.threads = order.threads
        let meter = LatencyMeter(settings: settings)
        var (latency, neighbours) = try models.quiet.during {
            try meter.measure(fp32: { try fp32.run() }, int8: { try int8.run() })
        }
        latency.add(.most(before, neighbours))
        return latency
    }
}

/// Latency of both models, the time to load them, and the memory that they take.
struct Measure {
    struct Result {
        var latency: Report.Latency?
        /// Why there is none.
        var absence: String?
        var load: Report.Load?
        var memory = Memory()
    }
    struct Memory {
        var fp32: Int64?
        var int8: Int64?
        /// Why there is none.
        var absence: String?
    }
    private let order: WorkOrder.Quantize
    private let inputs: Inputs
    private let models: EngineModels

    private let clock: StageClock

    init(_ order: WorkOrder.Quantize, _ inputs: Inputs, _ models: EngineModels, _ clock: StageClock) {
        self.order = order
        self.inputs = inputs
        self.models = models
        self.clock = clock
    }

    func callAsFunction(_ candidate: Candidate, seconds: Double) throws -> Result {
        if let foreignness = order.recipe.target.foreignness {
            return Result(absence: foreignness, memory: Memory(absence: foreignness))
        }
        let cold = try cold(candidate)
        let ((fp32, int8), beside) = try models.quiet.during {
            (try load(inputs.referencePath), try load(candidate.path))
        }
        let latency = try Race(order, inputs, models).run(
            candidate.path, budget: seconds, beside: .most(cold.beside, beside))
        return Result(
            latency: latency,
            load: Report.Load(
                fp32Ms: fp32.load, int8Ms: int8.load, fp32FirstRunMs: fp32.first, int8FirstRunMs: int8.first,
                fp32ColdMs: cold.fp32, int8ColdMs: cold.int8, coldAbsence: cold.absence),
            memory: try memory(candidate))
    }

    private func memory(_ candidate: Candidate) throws -> Memory {
        clock.peak()
        let sample = try inputs.evaluation.sample(0)
        func growth(_ path: String) throws -> Int64 {
            try InferenceMemory().growth {
                let session = try models.engine.makeSession(.path(path), Race.options(order.threads))
                let outputs = session.outputs.map(\.name)
                for _ in 0..<InferenceMemory.runs { _ = try session.run(sample, outputs: outputs) }
            }
        }
        do {
            return Memory(fp32: try growth(inputs.referencePath), int8: try growth(candidate.path))
        } catch InferenceMemory.Absence.because(let reason) {
            return Memory(absence: reason)
        }
    }

    private struct Cold {
        var fp32: Double?
        var int8: Double?
        var absence: String?
        var beside: Neighbours?
    }

    /// Milliseconds from files that are on disk only to sessions.
    private func cold(_ candidate: Candidate) throws -> Cold {
        var cold = Cold()
        func time(_ files: [String], _ directory: String) throws -> Double {
            let file = try ColdFile(files, from: directory, below: order.scratch)
            defer { file.remove() }
            let (nanoseconds, beside) = try models.quiet.during {
                let start = LatencyMeter.monotonic()
                _ = try models.engine.makeSession(.path(file.path), Race.options(order.threads))
                return LatencyMeter.monotonic() - start
            }
            cold.beside = .most(cold.beside, beside)
            return Double(nanoseconds) / 1e6
        }
        do {
            let name = String(candidate.path.split(separator: "/").last ?? "")
            cold.fp32 =
                inputs.imported == nil
                ? try time([order.model.file] + inputs.loaded.summary.externalData, order.model.directory)
                : try time([String(inputs.referencePath.split(separator: "/").last ?? "")], order.scratch)
            cold.int8 = try time([name], order.scratch)
            return cold
        } catch ColdFile.Absence.because(let reason) {
            return Cold(absence: reason)
        } catch let error as CocoaError {
            // A full disk, above all: no reason to lose the job.
            return Cold(absence: "the files could not be copied: \(error.localizedDescription)")
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
