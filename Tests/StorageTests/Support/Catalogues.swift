import Domain
import Foundation
import Storage
import Synchronization
import Testing

/// The implementations that the one conformance suite runs against.
enum Catalogues {
    static let available = [
        CatalogueBackend(name: "SQLite") { directory, clock in
            try SQLiteCatalogue(path: directory("catalogue.sqlite"), clock: { clock.now })
        }
    ]
}

struct CatalogueBackend: Sendable, CustomTestStringConvertible {
    let name: String
    let open: @Sendable (TemporaryDirectory, TestClock) throws -> any Catalogue
    var testDescription: String { name }
}

/// Time that moves when it is told to.
final class TestClock: Sendable {
    private let time = Mutex(Date(timeIntervalSince1970: 1_800_000_000))
    var now: Date { time.withLock { $0 } }
    func advance(by seconds: Double) { time.withLock { $0 += seconds } }
}

/// A fresh catalogue with a model and a sample set to make jobs of.
struct Bench {
    let directory: TemporaryDirectory
    let clock = TestClock()
    let catalogue: any Catalogue

    init(_ backend: CatalogueBackend) throws {
        directory = try TemporaryDirectory()
        catalogue = try backend.open(directory, clock)
    }

    static func stocked(_ backend: CatalogueBackend) async throws -> Bench {
        let bench = try Bench(backend)
        _ = try await bench.catalogue.addModel(bench.model("m"))
        _ = try await bench.catalogue.addSampleSet(bench.sampleSet("s"))
        return bench
    }

    func model(_ content: String, name: String? = nil, external: [String] = []) -> ModelRow {
        ModelRow(
            id: digest("model " + content), name: name, size: 4_000_000_000, storedSize: 3_999_999_999,
            blob: digest(content), file: "model.onnx",
            external: external.map { .init(name: $0 + ".data", digest: digest($0), size: 7) },
            summary: ModelSummary(
                irVersion: 8, opsets: ["ai.onnx": 17, "com.microsoft": 1], producer: nil,
                inputs: [
                    .init(name: "x", type: .float32, shape: [.symbolic("batch_size"), .fixed(3)]),
                    .init(name: "y", type: .int64, shape: nil),
                ], outputs: [], parameters: 12, weightBytes: 48,
                operators: ["Conv": 2, "GlobalAveragePool": 1, "com.microsoft::Some_Op": 1], externalData: [],
                quantized: false, findings: [Finding(.warning, code: "odd", detail: "“ünïcode” / \\ \u{0}")]),
            created: clock.now)
    }

    func sampleSet(_ content: String, name: String = "set", role: SampleSetRow.Role = .calibration) -> SampleSetRow {
        SampleSetRow(
            id: digest("set " + content), name: name, role: role, blob: digest(content), size: 100,
            summary: SampleSetSummary(
                format: .npz, samples: 4,
                arrays: [.init(name: "x", type: .uint8, shape: [4, 3], minimum: 0, maximum: 255)], labelled: true,
                preprocessing: Preprocessing(scale: 1.0 / 255, mean: [0.1, 0.2], layout: .nhwcToNCHW), findings: []),
            created: clock.now)
    }

    func statistics(_ key: String, _ content: String, model: String = "m", set: String = "s") -> StatisticsRow {
        StatisticsRow(
            key: digest("key " + key), model: digest("model " + model), calibration: digest("set " + set),
            content: digest(content), summary: digest(content + " summary"), size: 1000, samples: 4, tensors: 9,
            created: clock.now)
    }

    func job(_ model: String = "m", set: String = "s", maxAttempts: Int = 3, deadline: Double? = nil) -> JobRow {
        var recipe = Recipe()
        recipe.options.exclude = ["/head/*"]
        recipe.gate = .init(metric: .agreement, maxDrop: 0.01)
        return JobRow(
            id: JobRow.makeID(at: clock.now), model: digest("model " + model), calibration: digest("set " + set),
            recipe: recipe, deadlineSeconds: deadline, maxAttempts: maxAttempts, created: clock.now)
    }

    /// Stores a queued job, a second after the one before.
    func enqueue(_ job: JobRow? = nil) async throws -> JobRow {
        let job = job ?? self.job()
        clock.advance(by: 1)
        guard case .created(let row) = try await catalogue.enqueue(job, key: nil) else {
            throw StorageError.unknownReference("the job was not new")
        }
        return row
    }

    func claim(_ lease: Duration = .seconds(30)) async throws -> Claim {
        try #require(try await catalogue.claim(by: "worker", lease: lease))
    }
}

func digest(_ text: String) -> Digest {
    guard let digest = try? Digest(sha256: Array(text.utf8)) else { preconditionFailure("no SHA-256") }
    return digest
}

func artifact(_ content: String, _ kind: ArtifactRow.Kind = .artifact) -> ArtifactRow {
    ArtifactRow(
        kind: kind, name: "\(kind).bin", mediaType: "application/octet-stream", digest: digest(content), size: 3)
}
