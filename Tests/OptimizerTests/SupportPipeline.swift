import Domain
import Foundation
import Inference
import ModelGraph
import Quantization
import Synchronization
import TestGraphs
import Testing

@testable import Optimizer

/// Arrays of samples, axis 0 counting them.
struct SampleArrays {
    enum Values {
        case floats([Float])
        case integers([Int64])
    }
    private(set) var arrays: [(name: String, shape: [Int], values: Values)] = []

    init() {}

    /// `count` random samples of `shape` for the input `name`.
    init(_ name: String, _ shape: [Int], count: Int = 4, seed: UInt64 = 7, range: ClosedRange<Float> = -1...1) {
        add(name, shape, count: count, seed: seed, range: range)
    }

    mutating func add(
        _ name: String, _ shape: [Int], count: Int = 4, seed: UInt64 = 7, range: ClosedRange<Float> = -1...1
    ) {
        var numbers = SeededNumbers(seed)
        let all = [count] + shape
        arrays.append((name, all, .floats(numbers.floats(all.reduce(1, *), range))))
    }

    mutating func add(_ name: String, floats: [Float], _ shape: [Int]) {
        arrays.append((name, shape, .floats(floats)))
    }

    mutating func add(_ name: String, integers: [Int64], _ shape: [Int]) {
        arrays.append((name, shape, .integers(integers)))
    }

    /// The same samples in another order.
    func reordered(_ order: [Int]) -> SampleArrays {
        var result = SampleArrays()
        for (name, shape, values) in arrays {
            let size = shape.dropFirst().reduce(1, *)
            func pick<T>(_ all: [T]) -> [T] { order.flatMap { all[($0 * size)..<(($0 + 1) * size)] } }
            switch values {
            case .floats(let floats): result.add(name, floats: pick(floats), shape)
            case .integers(let integers): result.add(name, integers: pick(integers), shape)
            }
        }
        return result
    }

    var npz: [UInt8] {
        var writer = ZipWriter()
        for (name, shape, values) in arrays {
            let bytes =
                switch values {
                case .floats(let floats): NPY.floats(shape, floats)
                case .integers(let integers): NPY.array("<i8", shape, integers)
                }
            writer.members.append(.init(name + ".npy", bytes))
        }
        return writer.bytes
    }
}

/// One conversion of a model made in memory.
struct Conversions {
    let scratch: ScratchDirectory
    var recipe = Recipe()
    var threads = 1
    var budget = Pipeline.Budget(decision: 0, report: 0.01)
    /// Stands for that of every input.
    var digest: Digest?
    /// Stands for that of the artifact.
    var artifactDigest: Digest?
    var reproduces: Reproduction?
    /// Whether every file has a digest of its own.
    var namesFiles = false
    /// Files of statistics that may be used.
    var statistics: [String] = []
    var preprocessing = Preprocessing.identity
    var quiet = Quiet()

    init() throws { scratch = try ScratchDirectory() }

    struct Outcome {
        var results: WorkEvent.Results
        var bytes: [UInt8]
        var artifact: Model
        var plan: PlanDocument
        var report: Report
        var log: [String]

        func fate(of op: String) -> [String] { plan.operations.filter { $0.op == op }.map(\.fate) }
        var graph: Graph { artifact.graph }
    }

    /// Converts `model`; throws the pipeline's `Failure`.
    func callAsFunction(
        _ model: Model, _ samples: SampleArrays, evaluation: SampleArrays? = nil
    ) throws -> Outcome {
        let order = try order(model.bytes(), samples, evaluation)
        let log = Mutex<[String]>([])
        let engine = try #require(RealEngine.shared)
        let constant = artifactDigest.map { digest -> Pipeline.FileDigest in { _ in digest } }
        let fingerprint: Pipeline.FileDigest = { try Self.fingerprint($0) }
        let hash = namesFiles ? fingerprint : constant
        let results = try Pipeline(order, engine: engine, budget: budget, digest: hash, quiet: quiet) { event in
            if case .log(let line) = event { log.withLock { $0.append(line) } }
        }.run()
        let bytes = try scratch.read(results.artifact)
        return Outcome(
            results: results, bytes: bytes, artifact: try Model.read(bytes: bytes),
            plan: try JSON.decode(PlanDocument.self, from: scratch.read(results.plan)),
            report: try JSON.decode(Report.self, from: scratch.read(results.report)), log: log.withLock { $0 })
    }

    /// Stands in for SHA-256, which this half has no library for.
    private static func fingerprint(_ path: String) throws -> Digest {
        var hash = XXH64()
        try Data(contentsOf: URL(fileURLWithPath: path)).withUnsafeBytes { hash.update($0) }
        let sum = withUnsafeBytes(of: hash.finish()) { Array($0) }
        return Digest(bytes: sum + sum + sum + sum)
    }

    /// The failure that converting `model` ends with.
    func failure(
        _ model: Model, _ samples: SampleArrays, evaluation: SampleArrays? = nil
    ) throws -> Failure {
        do {
            _ = try self(model, samples, evaluation: evaluation)
        } catch let failure as Failure {
            return failure
        }
        throw Unexpected(what: "the conversion succeeded")
    }

    struct Unexpected: Error { var what: String }

    /// The model after folding and rewriting, before anything is quantized.
    func prepare(_ model: Model, _ samples: SampleArrays) throws -> PreparedModel {
        let inputs = try Inputs(order(model.bytes(), samples, nil))
        let models = EngineModels(engine: try #require(RealEngine.shared), directory: scratch.path)
        let prepared = try Prepare(
            models: models, feed: inputs.calibration, batchOnly: inputs.batchOnly, batchIsOpen: inputs.batchIsOpen,
            exclude: recipe.options.exclude)(inputs.loaded.model)
        return try Balance(models: models, feed: inputs.calibration, options: recipe.options)(
            prepared, samples: inputs.used)
    }

    /// What the engine runs of the artifact, in order, after its own optimization.
    func profile(_ outcome: Outcome, _ inputs: [String: TensorValue]) throws -> [String] {
        let models = EngineModels(engine: try #require(RealEngine.shared), directory: scratch.path)
        return try Profile(
            scratch.path + "/" + outcome.results.artifact, in: models, inputs: inputs,
            outputs: outcome.graph.outputs.map(\.name)
        ).steps.map(\.op)
    }

    private func order(
        _ model: [UInt8], _ samples: SampleArrays, _ evaluation: SampleArrays?
    ) throws -> WorkOrder.Quantize {
        try scratch.write(model, "model.onnx")
        try scratch.write(samples.npz, "samples.npz")
        if let evaluation { try scratch.write(evaluation.npz, "evaluation.npz") }
        func staged(_ name: String) -> StagedSamples {
            StagedSamples(path: scratch.path + "/" + name, digest: digest, preprocessing: preprocessing)
        }
        return WorkOrder.Quantize(
            job: "test", attempt: 1, model: StagedModel(directory: scratch.path, file: "model.onnx", digest: digest),
            calibration: staged("samples.npz"), evaluation: evaluation.map { _ in staged("evaluation.npz") },
            recipe: recipe, scratch: scratch.path, threads: threads, reproduces: reproduces, statistics: statistics)
    }
}

/// Random float inputs for a model whose float inputs have the given shapes.
func randomInputs(_ shapes: [String: [Int]], seed: UInt64 = 99) throws -> [String: TensorValue] {
    var numbers = SeededNumbers(seed)
    var values: [String: TensorValue] = [:]
    for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
        values[name] = try TensorValue(floats: numbers.floats(shape.reduce(1, *)), shape: shape)
    }
    return values
}
