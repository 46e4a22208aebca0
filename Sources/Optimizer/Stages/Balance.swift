import Domain
import Inference
import ModelGraph
import Quantization
import Synchronization

/// Exact changes of the float weights that even out channels before anything is quantized, where the recipe asks for them.
struct Balance {
    let models: EngineModels
    let feed: SampleFeed
    let options: Recipe.Options

    func callAsFunction(_ prepared: PreparedModel, samples: [Int]) throws -> PreparedModel {
        var result = prepared
        if options.equalize {
            let equalization = Equalization(result.topology)
            if equalization.count > 0 { result.adopt(try equalization.equalized()) }
            result.rewrites["cross-layer equalization"] = equalization.count
        }
        if options.smooth {
            let smoothing = Smoothing(result.topology)
            if !smoothing.sites.isEmpty {
                result.adopt(try smoothing.smoothed(maxima(smoothing.sites, result, samples)))
            }
            result.rewrites["SmoothQuant"] = smoothing.sites.count
        }
        return result
    }

    /// The largest magnitude of each channel of each site: the same whatever the order of the samples.
    private func maxima(
        _ sites: [Smoothing.Site], _ prepared: PreparedModel, _ samples: [Int]
    ) throws -> [[Float]] {
        let graph = try Instrumentation.watch(sites.map(\.tensor), in: prepared.topology.graph)
        let outputs = prepared.model.graph.outputs.map(\.name)
        let observer = ChannelObserver(channels: sites.map(\.channels))
        let engine = try models.session(
            graph, of: prepared.model, named: "channels", SessionOptions(observer: observer))
        for index in samples { _ = try engine.run(feed.sample(index), outputs: outputs) }
        return observer.maxima
    }
}

extension PreparedModel {
    /// Takes a graph that computes the same with other constants; they are those of all forms then.
    fileprivate mutating func adopt(_ graph: Graph) {
        inFloat = nil
        topology.replaceConstants(from: graph)
        model.graph = graph
    }
}

/// Keeps the largest magnitude of each channel, along the last axis, of what it sees.
private final class ChannelObserver: TensorObserver {
    private let channels: [Int]
    private let table: Mutex<[[Float]]>

    init(channels: [Int]) {
        self.channels = channels
        table = Mutex(channels.map { Array(repeating: 0, count: $0) })
    }

    var maxima: [[Float]] { table.withLock { $0 } }

    func observe(slot: Int, context: UnsafeMutableRawPointer?, values: [ObservedTensor]) {
        guard channels.indices.contains(slot), let tensor = values.first, let floats = tensor.floats,
            tensor.shape.last == channels[slot]
        else { return }
        var own = [Float](repeating: 0, count: channels[slot])
        for (place, value) in floats.enumerated() where value.isFinite {
            let channel = place % channels[slot]
            own[channel] = max(own[channel], abs(value))
        }
        table.withLock { table in
            for channel in own.indices { table[slot][channel] = max(table[slot][channel], own[channel]) }
        }
    }
}
