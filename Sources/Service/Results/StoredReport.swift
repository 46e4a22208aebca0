import Domain
import Foundation
import Storage

/// What the server reads of a stored `report.json`. A section that another version wrote otherwise is absent, not an error:
/// the report as a whole is still there to be fetched.
struct StoredReport: Decodable, Sendable {
    var verdict: Report.Verdict?
    var identity: Report.Identity?
    var split: Report.Split?
    var accuracy: Report.Accuracy?
    var detection: Report.Detection?
    var fidelity: Report.Fidelity?
    var latency: Report.Latency?
    var gate: Report.Gate?
    var size: Report.Size?
    var coverage: Report.Coverage?
    var plan: Report.Plan?
    var environment: Report.Environment?

    /// Larger reports are not read: the server holds them in memory.
    static let limit: Int64 = 8 << 20

    private enum Section: String, CodingKey {
        case verdict, identity, split, accuracy, detection, fidelity, latency, gate, size, coverage, plan, environment
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Section.self)
        func section<T: Decodable>(_ name: Section) -> T? { try? fields.decodeIfPresent(T.self, forKey: name) }
        verdict = section(.verdict)
        identity = section(.identity)
        split = section(.split)
        accuracy = section(.accuracy)
        detection = section(.detection)
        fidelity = section(.fidelity)
        latency = section(.latency)
        gate = section(.gate)
        size = section(.size)
        coverage = section(.coverage)
        plan = section(.plan)
        environment = section(.environment)
    }

    /// What the run's bytes may depend on besides its inputs and its recipe.
    var conditions: Reproduction.Conditions {
        .init(
            octavoVersion: identity?.octavoVersion, engine: identity?.engine, engineVersion: identity?.engineVersion,
            kernels: identity?.kernels, processor: environment?.processor)
    }
}

extension Shelf {
    /// A stored JSON document; nil when it is larger than `limit`, or something else. Read and decoded on `desk`.
    func document<D: Decodable & Sendable>(
        _ type: D.Type, _ digest: Digest, limit: Int64, on desk: Desk
    ) async throws -> D? {
        try await desk.run { [store] in
            let reader = try store.reader(digest)
            guard reader.size <= limit else { return nil }
            let content = reader.bytes(0..<reader.size)
            var bytes: [UInt8] = []
            while let part = try content.next() { bytes += part }
            return try? JSON.decode(type, from: bytes)
        }
    }

    /// The report with this digest; nil when it is too large, or no report.
    func report(_ digest: Digest, on desk: Desk) async throws -> StoredReport? {
        try await document(StoredReport.self, digest, limit: StoredReport.limit, on: desk)
    }
}
