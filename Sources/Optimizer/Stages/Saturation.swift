import Domain
import Inference
import ModelGraph
import Quantization
import Synchronization

/// Finds the grids of a model that came with Q and DQ which do more than round: those that cut off what the float graph
/// without them goes beyond.
struct Saturation {
    let models: EngineModels
    let feed: SampleFeed
    let threads: Int

    /// Samples looked at: whether a Clip was left out shows in every one.
    private static let samples = 8
    /// Share of a tensor's sum of squares in what its grid cuts off (30 dB) from which the cut is part of the model. Ranges
    /// that are chosen to round well lose less: of normally distributed values, the percentile 99.9 cuts off 0.02 %.
    private static let leastShare = 1e-3

    /// Tensors of `imported` whose grids cut, in graph order; `model` is the float one.
    func callAsFunction(of imported: QuantizationImport, _ model: Model, samples: [Int]) throws -> [String] {
        let tensors = imported.saturable
        guard !tensors.isEmpty else { return [] }
        let observer = CutObserver(tensors.compactMap { imported.trained.activations[$0]?.range })
        let session = try models.session(
            Instrumentation.watch(tensors, in: imported.graph), of: model, named: "saturation",
            .simulation(threads: threads, observer: observer))
        let outputs = imported.graph.outputs.map(\.name)
        for index in samples.prefix(Self.samples) { _ = try session.run(feed.sample(index), outputs: outputs) }
        return zip(tensors, observer.shares).filter { $0.1 > Self.leastShare }.map(\.0)
    }
}

/// Sums up the squares of what it sees, and of what of it lies beyond the range of its slot.
private final class CutObserver: TensorObserver {
    private struct Energy {
        var whole = 0.0
        var cut = 0.0
    }
    private let ranges: [ValueRange]
    private let table: Mutex<[Energy]>

    init(_ ranges: [ValueRange]) {
        self.ranges = ranges
        table = Mutex(ranges.map { _ in Energy() })
    }

    /// By slot; 0 for what was never seen.
    var shares: [Double] { table.withLock { $0.map { $0.whole > 0 ? $0.cut / $0.whole : 0 } } }

    func observe(slot: Int, context: UnsafeMutableRawPointer?, values: [ObservedTensor]) {
        guard ranges.indices.contains(slot), let floats = values.first?.floats else { return }
        let (low, high) = (Double(ranges[slot].low), Double(ranges[slot].high))
        var energy = Energy()
        for float in floats where float.isFinite {
            let value = Double(float)
            let beyond = value - min(max(value, low), high)
            energy.whole += value * value
            energy.cut += beyond * beyond
        }
        table.withLock {
            $0[slot].whole += energy.whole
            $0[slot].cut += energy.cut
        }
    }
}
