import Domain
import Foundation
import Storage

/// Finished jobs of one model side by side. What was measured comes from their reports, what was decided from their plans;
/// nothing is measured or computed anew.
struct Comparison: Encodable, Sendable {
    static let schemaVersion = "octavo-compare/1"
    static let mostJobs = 8

    struct Subject: Encodable, Sendable {
        var id: Digest
        var name: String?
    }
    /// An option with its value in each job, in the order of `jobs`.
    struct Option: Encodable, Sendable {
        var name: String
        var values: [String?]
    }
    var schema = Comparison.schemaVersion
    var model: Subject
    var jobs: [Column]
    /// Only what is not the same in all jobs.
    var options: [Option]
    var plan: PlanComparison?
    /// What must be kept in mind when numbers are put beside each other.
    var notes: [String]

    /// What is read of one job.
    struct Entry: Sendable {
        var row: JobRow
        var report: StoredReport?
        var plan: StoredPlan?
    }

    init(_ model: ModelRow?, _ entries: [Entry]) throws {
        self.model = Subject(id: entries[0].row.model, name: model?.name)
        jobs = entries.map(Column.init)
        options = try Self.options(entries.map(\.row))
        let plans = entries.map(\.plan)
        plan = PlanComparison(plans)
        notes = Self.notes(entries)
    }

    private static func options(_ rows: [JobRow]) throws -> [Option] {
        let all = try rows.map(settings)
        let names = Set(all.flatMap(\.keys)).sorted()
        return names.compactMap { name in
            let values = all.map { $0[name] }
            return Set(values).count > 1 ? Option(name: name, values: values) : nil
        }
    }

    /// Everything that was asked for, by the name that it has in a request.
    private static func settings(_ row: JobRow) throws -> [String: String] {
        var settings = ["calibration_set": row.calibration.description]
        settings["evaluation_set"] = row.evaluation?.description
        settings["reproduces"] = row.reproduces?.job
        guard case .object(let fields) = try JSONDocument(JSON.encode(row.recipe)) else { return settings }
        for field in fields {
            if field.name == "options", case .object(let options) = field.value {
                for option in options { settings["options.\(option.name)"] = option.value.words }
            } else {
                settings[field.name] = field.value.words
            }
        }
        return settings
    }

    private static func notes(_ entries: [Entry]) -> [String] {
        func differ<V: Hashable>(_ value: (Entry) -> V?) -> Bool { Set(entries.compactMap(value)).count > 1 }
        var notes: [String] = []
        if Set(entries.map(\.row.evaluation)).count > 1 {
            notes.append("Quality was judged on different samples: the evaluation sets are not the same.")
        }
        if differ({ $0.report?.environment?.processor }) {
            notes.append("Latency was measured on different processors.")
        }
        if differ({ $0.report?.latency?.threads }) {
            notes.append("Latency was measured with different numbers of threads.")
        }
        if differ({ $0.report?.identity?.engineVersion }) { notes.append("The engine's versions differ.") }
        let unsteady = entries.filter { $0.report?.latency.map { $0.stability != .stable } ?? false }
        if !unsteady.isEmpty {
            let names = unsteady.map(\.row.id).joined(separator: ", ")
            notes.append("The machine was not steady while latency was measured in \(names).")
        }
        for entry in entries where entry.report == nil {
            notes.append("The report of \(entry.row.id) cannot be read here; its numbers are left out.")
        }
        return notes
    }
}

extension JSONDocument {
    /// A text as it is, anything else as JSON.
    fileprivate var words: String {
        if case .string(let text) = self { return text }
        if case .number(let number) = self { return Text.short(number) }
        return canonical
    }
}

extension Comparison {
    /// One job's numbers. What it did not measure is absent.
    struct Column: Encodable, Sendable {
        struct Artifact: Encodable, Sendable {
            var digest: Digest
            var size: Int64
            var href: String
        }
        /// Likeness to FP32, of the output where it is lowest.
        struct Likeness: Encodable, Sendable {
            var samples: Int
            var top1Agreement: Double?
            /// Share of an output's places with the same choice.
            var sameChoices: Double?
            var sqnrDb: Double?
            var cosine: Double?
        }
        struct Latency: Encodable, Sendable {
            var fp32P50Ms: Double?
            var int8P50Ms: Double?
            var fp32P99Ms: Double?
            var int8P99Ms: Double?
            var speedup: Double
            var speedupInterval: Report.Interval
            var noiseFloor: Double
            var stability: Report.Latency.Stability
            var threads: Int
            var processor: String?
        }
        struct Coverage: Encodable, Sendable {
            var macShare: Double?
            var nodeShare: Double?
        }
        struct Plan: Encodable, Sendable {
            /// "integer" or "weight-only".
            var form: String?
            var quantizedActivations: Int?
            var quantizedWeights: Int?
            var keptFloat: Int?
        }
        var id: String
        var href: String
        var finished: Date?
        var verdict: String?
        var target: Target
        var scheme: Scheme
        var artifact: Artifact?
        var heldOut: Bool?
        var accuracy: Report.Accuracy?
        var detection: Report.Detection?
        var fidelity: Likeness?
        var gate: Report.Gate?
        var latency: Latency?
        var size: Report.Size?
        var coverage: Coverage?
        var plan: Plan?

        init(_ entry: Entry) {
            let (row, report) = (entry.row, entry.report)
            id = row.id
            href = "/v1/jobs/\(row.id)"
            finished = row.finished
            verdict = row.verdict
            target = row.recipe.target
            scheme = row.recipe.scheme
            artifact = row.artifacts.first { $0.kind == .artifact }.map {
                Artifact(digest: $0.digest, size: $0.size, href: "/v1/jobs/\(row.id)/artifact")
            }
            heldOut = report?.split?.heldOut
            accuracy = report?.accuracy
            detection = report?.detection
            fidelity = report?.fidelity.map { fidelity in
                Likeness(
                    samples: fidelity.samples, top1Agreement: fidelity.agreement?.top1,
                    sameChoices: fidelity.choices?.same,
                    sqnrDb: fidelity.outputs.compactMap(\.sqnrDb).min(),
                    cosine: fidelity.outputs.compactMap(\.cosine).min())
            }
            gate = report?.gate
            latency = report?.latency.map { latency in
                Latency(
                    fp32P50Ms: latency.fp32.p50Ms, int8P50Ms: latency.int8.p50Ms, fp32P99Ms: latency.fp32.p99Ms,
                    int8P99Ms: latency.int8.p99Ms, speedup: latency.speedup, speedupInterval: latency.speedupInterval,
                    noiseFloor: latency.noiseFloor, stability: latency.stability, threads: latency.threads,
                    processor: report?.environment?.processor)
            }
            size = report?.size
            coverage = report?.coverage.map { Coverage(macShare: $0.macShare, nodeShare: $0.nodeShare) }
            plan = report?.plan.map { plan in
                Plan(
                    form: entry.plan?.form, quantizedActivations: plan.quantizedActivations,
                    quantizedWeights: plan.quantizedWeights, keptFloat: plan.keptFloat.count)
            }
        }
    }
}
