import Domain
import Foundation
import Storage

// The JSON shapes of openapi.yaml. Names become snake_case when they are encoded.

struct ModelPayload: Encodable {
    struct External: Encodable {
        var name: String
        var digest: Digest
        var size: Int64
    }
    private struct Identity: Encodable {
        var id: Digest
        var name: String?
        var file: String
        var size: Int64
        var storedSize: Int64
        var external: [External]
        var created: Date
    }
    private let identity: Identity
    private let summary: ModelSummary

    init(_ row: ModelRow) {
        identity = Identity(
            id: row.id, name: row.name, file: row.file, size: row.size, storedSize: row.storedSize,
            external: row.external.map { External(name: $0.name, digest: $0.digest, size: $0.size) },
            created: row.created)
        summary = row.summary
    }

    /// One flat object: who it is, and what is in it.
    func encode(to encoder: any Encoder) throws {
        try summary.encode(to: encoder)
        try identity.encode(to: encoder)
    }
}

struct SampleSetPayload: Encodable {
    private struct Identity: Encodable {
        var id: Digest
        var name: String
        var version: Int
        /// "name@version".
        var reference: String
        var role: SampleSetRow.Role
        var size: Int64
        var created: Date
    }
    private let identity: Identity
    private let summary: SampleSetSummary

    init(_ row: SampleSetRow) {
        identity = Identity(
            id: row.id, name: row.name, version: row.version, reference: "\(row.name)@\(row.version)", role: row.role,
            size: row.size, created: row.created)
        summary = row.summary
    }

    func encode(to encoder: any Encoder) throws {
        try summary.encode(to: encoder)
        try identity.encode(to: encoder)
    }
}

struct JobPayload: Encodable {
    struct Artifact: Encodable {
        var kind: ArtifactRow.Kind
        var name: String
        var mediaType: String
        var digest: Digest
        var size: Int64
        var href: String
    }
    /// A range, since a single number would lie.
    struct Estimate: Encodable {
        var low: Int
        var high: Int
    }
    var id: String
    var state: JobState
    var model: Digest
    var calibrationSet: Digest
    var evaluationSet: Digest?
    var targets: [Target]
    var scheme: Scheme
    var options: Recipe.Options
    var gate: Recipe.Gate?
    var objective: Objective?
    var deadlineSeconds: Double?
    var phase: Stage?
    var progress: Double
    var queuePosition: Int?
    var etaSeconds: Estimate?
    var attempt: Int
    var maxAttempts: Int
    var created: Date
    var started: Date?
    var finished: Date?
    var cancelRequested: Bool
    var verdict: String?
    var failure: Failure?
    var reproduces: Reproduction?
    var artifacts: [Artifact]

    init(_ row: JobRow, live: JobNews.Live?, queuePosition: Int?, now: Date = Date()) {
        id = row.id
        state = row.state
        model = row.model
        calibrationSet = row.calibration
        evaluationSet = row.evaluation
        targets = [row.recipe.target]
        scheme = row.recipe.scheme
        options = row.recipe.options
        gate = row.recipe.gate
        objective = row.recipe.objective
        deadlineSeconds = row.deadlineSeconds
        let running = row.state == .running ? live : nil
        phase = running?.phase ?? row.phase
        progress = row.state == .succeeded ? 1 : max(running?.progress ?? 0, row.state == .queued ? 0 : row.progress)
        self.queuePosition = queuePosition
        etaSeconds = running.flatMap { Self.estimate($0, now) }
        attempt = row.attempt
        maxAttempts = row.maxAttempts
        created = row.created
        started = row.started
        finished = row.finished
        cancelRequested = row.cancelRequested
        verdict = row.verdict
        failure = row.failure
        reproduces = row.reproduces
        artifacts = row.artifacts.map { Artifact($0, job: row.id) }
    }

    /// The rest takes as long per unit of progress as what is done, give or take a half.
    private static func estimate(_ live: JobNews.Live, _ now: Date) -> Estimate? {
        guard live.progress >= 0.02 else { return nil }
        let rest = now.timeIntervalSince(live.since) * (1 - live.progress) / live.progress
        guard let low = Int(exactly: (rest * 0.7).rounded(.down)), let high = Int(exactly: (rest * 1.5).rounded(.up))
        else { return nil }
        return Estimate(low: max(0, low), high: max(1, high))
    }

    /// Changes when anything but the estimate does.
    var tag: String {
        get throws {
            var stable = self
            stable.etaSeconds = nil
            return "\"\(try Digest(sha256: JSON.encode(stable)).hex.prefix(32))\""
        }
    }
}

extension JobPayload.Artifact {
    init(_ row: ArtifactRow, job: String) {
        let tail =
            switch row.kind {
            case .artifact: "artifact"
            case .report: "report.json"
            case .reportText: "report.txt"
            case .reportHTML: "report.html"
            case .plan: "plan"
            case .log: "log"
            case .provenance: "provenance"
            }
        self.init(
            kind: row.kind, name: row.name, mediaType: row.mediaType, digest: row.digest, size: row.size,
            href: "/v1/jobs/\(job)/\(tail)")
    }
}

/// The answer to a dry run.
struct AdmissionPayload: Encodable {
    struct Binding: Encodable {
        var input: String
        var array: String
        /// Whether each sample is a whole input, rather than one row of a batch.
        var wholeInputs: Bool
        var sampleShape: [Int]
    }
    struct Set: Encodable {
        var id: Digest
        var samples: Int
        var bindings: [Binding]
    }
    struct Prediction: Encodable {
        /// Passes through the model: calibration once, evaluation in FP32 and in INT8.
        var samplePasses: Int
        var inputBytes: Int64
        var memoryLimitBytes: Int64
    }
    var model: Digest
    var calibrationSet: Set
    var evaluationSet: Set?
    var targets: [Target]
    var scheme: Scheme
    var options: Recipe.Options
    var gate: Recipe.Gate?
    var objective: Objective?
    var deadlineSeconds: Double?
    var findings: [Finding]
    var predicted: Prediction
    var queueLength: Int

    init(
        _ admission: Admission, recipe: Recipe, deadlineSeconds: Double?, queueLength: Int,
        configuration: ServiceConfiguration
    ) {
        model = admission.model.id
        calibrationSet = Set(admission.calibration, admission.calibrationFit)
        evaluationSet = admission.evaluation.flatMap { row in admission.evaluationFit.map { Set(row, $0) } }
        targets = [recipe.target]
        scheme = recipe.scheme
        options = recipe.options
        gate = recipe.gate
        objective = recipe.objective
        self.deadlineSeconds = deadlineSeconds
        findings = admission.findings
        let calibrated = min(recipe.options.maxSamples ?? .max, admission.calibrationFit.samples)
        predicted = Prediction(
            samplePasses: calibrated + 2 * (admission.evaluationFit?.samples ?? 0), inputBytes: admission.inputBytes,
            memoryLimitBytes: Admission.addressSpace(inputs: admission.inputBytes, configuration))
        self.queueLength = queueLength
    }
}

extension AdmissionPayload.Set {
    init(_ row: SampleSetRow, _ fit: Fit) {
        id = row.id
        samples = fit.samples
        bindings = fit.bindings.map {
            .init(
                input: $0.input.name, array: $0.array.name, wholeInputs: $0.wholeInputs, sampleShape: $0.sampleShape)
        }
    }
}

struct ListPayload<Item: Encodable>: Encodable {
    var items: [Item]
    /// Cursor of the rest.
    var next: String?
}

struct DeletionPayload: Encodable {
    var id: String
    var freedBytes: Int64
}
