import Domain
import Inference
import ModelGraph
import Quantization
import Synchronization

/// Runs samples through instrumented graphs, each worker thread with state of its own.
struct SampleRuns {
    let feed: SampleFeed
    let threads: Int
    let outputs: [String]

    /// Runs the samples `indices` through `session`, spread over the threads; `context` gives the pointer that observers
    /// see for the n-th sample on a given thread. Calls `progress` with the share done. Stops at the first error.
    func run(
        _ indices: [Int], through session: any Session,
        context: @Sendable (_ position: Int, _ thread: Int) -> UnsafeMutableRawPointer,
        progress: @Sendable (Double) -> Void
    ) throws {
        let done = Atomic(0)
        try shareOut(indices.count, over: threads) { position, thread in
            _ = try session.run(
                try feed.sample(indices[position]), outputs: outputs, context: context(position, thread))
            progress(Double(done.add(1, ordering: .relaxed).newValue) / Double(indices.count))
        }
    }
}

/// One streaming pass over the calibration samples: extremes and histograms of the tensors a placement quantizes.
struct Calibrate {
    let models: EngineModels
    let runs: SampleRuns

    func callAsFunction(
        _ prepared: PreparedModel, _ subject: CalibrationSubject, progress: @Sendable (Double) -> Void
    ) throws -> CalibrationStatistics {
        let session = try observed(subject.tensors.map(\.name), of: prepared)
        let shares = subject.tensors.map(\.share)
        let checkpoints = SampleHealth.checkpoints(subject.samples.count)
        let watches = try (0..<max(1, runs.threads)).map { _ in
            RangeWatch(try Self.makeBank(shares), checkpoints: checkpoints)
        }
        try runs.run(
            subject.samples, through: session,
            context: { position, thread in
                watches[thread].starts(position)
                return Unmanaged.passUnretained(watches[thread].bank).toOpaque()
            }, progress: progress)
        return withExtendedLifetime(watches) {
            let convergence = RangeCourse(checkpoints: checkpoints, watches).report
            for watch in watches.dropFirst() { watches[0].bank.merge(watch.bank) }
            let tensors = subject.tensors.enumerated().map { slot, tensor in
                CalibrationStatistics.Tensor(name: tensor.name, seen: watches[0].bank.statistics(slot))
            }
            return CalibrationStatistics(samples: subject.samples.count, tensors: tensors, convergence: convergence)
        }
    }

    /// The engine optimizes the graph with observers beside its tensors, which keeps every fusion that leaves the tensors
    /// there; then they are put in line with what it made. In line from the start they would cost a change of layout on
    /// either side, a fifth of a MobileNet's time.
    private func observed(_ tensors: [String], of prepared: PreparedModel) throws -> any Session {
        let watched = try Instrumentation.watch(tensors, in: prepared.topology.graph)
        let optimized = models.directory + "/optimized.onnx"
        var options = SessionOptions(observer: RangeObserver())
        options.optimizedModelPath = optimized
        _ = try models.session(watched, of: prepared.model, named: "watched", options)
        let model = try Model.read(path: optimized, externalDirectory: models.directory)
        return try models.session(
            Instrumentation.settle(model.graph), of: model, named: "observed",
            SessionOptions(optimization: .none, observer: RangeObserver()))
    }

    private static func makeBank(_ shares: [StatisticsBank.Share]) throws -> StatisticsBank {
        guard let bank = StatisticsBank(shares) else {
            throw Failure(
                .outOfMemory, stage: .calibrate, detail: "No memory for the statistics of \(shares.count) tensors.")
        }
        return bank
    }
}

/// A pointer to state that one thread uses at a time; who may use it when is the business of `SampleRuns`.
struct SendablePointer: @unchecked Sendable {
    let raw: UnsafeMutableRawPointer
    init(_ raw: UnsafeMutableRawPointer) { self.raw = raw }
}

/// Feeds observed float tensors into the bank that the run's context points to.
private final class RangeObserver: TensorObserver {
    func observe(slot: Int, context: UnsafeMutableRawPointer?, values: [ObservedTensor]) {
        guard let context, let floats = values.first?.floats else { return }
        let bank = Unmanaged<StatisticsBank>.fromOpaque(context).takeUnretainedValue()
        bank.observe(slot, floats)
    }
}
