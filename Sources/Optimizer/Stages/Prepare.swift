import Domain
import Foundation
import Inference
import ModelGraph
import Quantization
import Synchronization

/// A float model that computes what the customer's computes, in the form that quantizes best, and what is known of it.
struct PreparedModel {
    var model: Model
    var topology: Topology
    /// How often each rewrite was applied.
    var rewrites: [String: Int]
    /// The same before those rewrites that pay in integers only; nil where none was applied.
    var inFloat: (topology: Topology, rewrites: [String: Int])?

    /// What an artifact of `form` is made from.
    func basis(of form: Quantized.Form) -> PreparedModel {
        guard form != .integer, let inFloat else { return self }
        var basis = self
        basis.model.graph = inFloat.topology.graph
        (basis.topology, basis.rewrites, basis.inFloat) = (inFloat.topology, inFloat.rewrites, nil)
        return basis
    }
}

/// Brings a model into shape: operator set 13 or later, constants and BatchNorms folded by the engine, exact rewrites.
struct Prepare {
    let models: EngineModels
    let feed: SampleFeed
    /// Whether every model input varies in its first axis at most.
    let batchOnly: Bool
    /// Whether the first axis of some input is open.
    let batchIsOpen: Bool
    /// Patterns of the names of nodes that stay float.
    var exclude: [String] = []
    /// What the model knew of its quantization when it came.
    var trained = TrainedQuantization()

    func callAsFunction(_ original: Model) throws -> PreparedModel {
        var model = original
        model.graph.dropInitializersFromInputs()
        model.graph.moveConstantsToInitializers()
        model.graph.trimOutputs()
        if (model.opset("") ?? 0) < 13 { try upgrade(&model) }
        model = try fold(model)
        model.graph.nameNodes()
        var topology = try describe(model.graph, of: model)
        let folded = model
        func describeAgain(_ graph: Graph) throws -> Topology { try describe(graph, of: folded) }
        let rewrites = try Rewrite.run(Rewrite.all, on: &topology, describe: describeAgain)
        let inFloat = (topology, rewrites)
        let more = try Rewrite.run(
            Rewrite.integerOnly(keepFloat: topology.graph.excluded(by: exclude)), on: &topology, describe: describeAgain
        )
        model.graph = topology.graph
        return PreparedModel(
            model: model, topology: topology, rewrites: rewrites.merging(more) { $0 + $1 },
            inFloat: more.isEmpty ? nil : inFloat)
    }

    private func upgrade(_ model: inout Model) throws {
        let shapes = try Probe(model.graph, of: model, in: models)(sample(repeated: 1)).shapes
        do {
            try OpsetUpgrade.upgrade(&model, to: 13) { shapes[$0]?.count }
        } catch let error as ModelError {
            throw Failure(error, stage: .prepare)
        }
    }

    /// Lets the engine fold constants, BatchNorm, Pad and dead branches: the same folds it would do at load, so the
    /// result computes the same. A fold that blows tables up is given up.
    private func fold(_ model: Model) throws -> Model {
        let folded = models.directory + "/folded.onnx"
        var options = SessionOptions()
        options.optimization = .basic
        options.optimizedModelPath = folded
        _ = try models.session(model.graph, of: model, named: "unfolded", options)
        var result = try Model.read(path: folded, externalDirectory: models.directory)
        // The engine makes them of Constant nodes with sparse values.
        try result.graph.densifySparseInitializers()
        guard result.graph.weightBytes <= 2 * model.graph.weightBytes + 1 << 20 else { return model }
        result.metadata = model.metadata
        result.declareDomains()
        return result
    }

    /// Shapes and types of all tensors, from runs at batch 1, 2 and 3 where the batch is free.
    private func describe(_ graph: Graph, of model: Model) throws -> Topology {
        let probe = try Probe(graph, of: model, in: models)
        let first = try probe(sample(repeated: 1))
        var shapes = [first.shapes]
        var settled = first.values
        if batchOnly, batchIsOpen {
            for batch in [2, 3] {
                guard let more = try? probe(sample(repeated: batch)) else { break }
                shapes.append(more.shapes)
                settled = settled.filter { more.values[$0.key] == $0.value }
            }
        }
        let known = batchOnly && (!batchIsOpen || shapes.count == 3)
        var topology = Topology(
            graph: graph, types: first.types, shapesByBatch: shapes, isStaticBeyondBatch: known,
            settled: settled.mapValues(\.tensor))
        topology.trained = trained
        return topology
    }
}

extension Graph {
    /// Some exporters keep weights in Constant nodes: as initializers they count as the weights that they are.
    mutating func moveConstantsToInitializers() {
        var moved: Set<Int> = []
        for (place, node) in nodes.enumerated() where node.is("Constant") && node.outputs.count == 1 {
            guard var tensor = node.tensor("value") else { continue }
            tensor.name = node.outputs[0]
            initializers.append(tensor)
            moved.insert(place)
        }
        removeNodes(at: moved)
    }

    /// Drops outputs at the end of a node that it does not give: the engine's layout changes trip over them.
    mutating func trimOutputs() {
        for place in nodes.indices {
            while nodes[place].outputs.count > 1, nodes[place].outputs.last == "" { nodes[place].outputs.removeLast() }
        }
    }

    /// Gives every node a name of its own: plans, reports and exclusions speak of nodes by name.
    mutating func nameNodes() {
        var taken: Set<String> = []
        for i in nodes.indices {
            if nodes[i].name.isEmpty || !taken.insert(nodes[i].name).inserted {
                let stem = nodes[i].outputs.first { !$0.isEmpty } ?? nodes[i].op
                nodes[i].name = freshName(stem + "/" + nodes[i].op)
                taken.insert(nodes[i].name)
            }
        }
    }
}

extension Prepare {
    /// The first sample `batch` times over along the first axis of every input.
    private func sample(repeated batch: Int) throws -> [String: TensorValue] {
        try feed.sample(0).mapValues { value in
            guard batch > 1, let first = value.shape.first else { return value }
            let bytes = value.withBytes { Array($0) }
            return try TensorValue(
                type: value.type, shape: [first * batch] + value.shape.dropFirst(),
                bytes: Array(repeatElement(bytes, count: batch).joined()))
        }
    }
}

/// A graph opened once with an observer on every tensor, to be asked for shapes and types at several batch sizes.
private struct Probe {
    private let session: any Session
    private let observer = ShapeObserver()
    private let tensors: [String]
    private let outputs: [String]

    init(_ graph: Graph, of model: Model, in models: EngineModels) throws {
        let probed = try Instrumentation.probe(graph)
        tensors = probed.tensors
        outputs = graph.outputs.map(\.name)
        let options = SessionOptions(optimization: .none, observer: observer)
        session = try models.session(probed.graph, of: model, named: "probe", options)
    }

    /// Shapes, types and, where they are few, values of the tensors that a run on `sample` reached.
    func callAsFunction(_ sample: [String: TensorValue]) throws -> Sight {
        observer.forget()
        _ = try session.run(sample, outputs: outputs)
        let seen = observer.seen
        var sight = Sight()
        for (slot, tensor) in tensors.enumerated() {
            guard let value = seen[slot] else { continue }
            sight.shapes[tensor] = value.shape
            sight.types[tensor] = value.type
            if value.bytes != nil { sight.values[tensor] = value }
        }
        return sight
    }

    struct Sight {
        var shapes: [String: [Int]] = [:]
        var types: [String: ElementType] = [:]
        var values: [String: SeenTensor] = [:]
    }
}

/// What is kept of a tensor that passed by.
private struct SeenTensor: Equatable {
    var shape: [Int]
    var type: ElementType
    /// The elements, for small tensors of the types that sizes are computed in.
    var bytes: [UInt8]?

    private static let mostValues = 64
    private static let kept: Set<ElementType> = [.int64, .int32, .float, .bool]

    init(_ tensor: ObservedTensor) {
        shape = tensor.shape
        type = tensor.type
        guard tensor.count <= Self.mostValues, Self.kept.contains(type), let size = type.byteCount(of: tensor.count)
        else {
            return
        }
        bytes = [UInt8](UnsafeRawBufferPointer(start: tensor.base, count: tensor.base == nil ? 0 : size))
    }

    var tensor: Tensor { Tensor(name: "constant", type: type, dims: shape, bytes: bytes ?? []) }
}

/// Notes what it sees of each tensor.
private final class ShapeObserver: TensorObserver {
    private let table = Mutex<[Int: SeenTensor]>([:])

    var seen: [Int: SeenTensor] { table.withLock { $0 } }

    func forget() { table.withLock { $0 = [:] } }

    func observe(slot: Int, context: UnsafeMutableRawPointer?, values: [ObservedTensor]) {
        guard let value = values.first else { return }
        let seen = SeenTensor(value)
        table.withLock { $0[slot] = seen }
    }
}
