package import Domain
package import Foundation

/// A stored model: its main file and the external tensor files that belong to it.
package struct ModelRow: Equatable, Sendable {
    /// A file of external tensor data. `name` is a plain file name, the location written in the model.
    package struct ExternalFile: Equatable, Sendable {
        package var name: String
        package var digest: Digest
        package var size: Int64

        package init(name: String, digest: Digest, size: Int64) {
            self.name = name
            self.digest = digest
            self.size = size
        }
    }
    package var id: Digest
    /// The name the model was first stored under; further names are labels of the catalogue.
    package var name: String?
    /// Identity bytes of all files together.
    package var size: Int64
    /// Bytes on disk of all files together.
    package var storedSize: Int64
    /// The main file's content.
    package var blob: Digest
    /// A good file name for the main file, such as "model.onnx".
    package var file: String
    package var external: [ExternalFile]
    package var summary: ModelSummary
    package var created: Date

    package init(
        id: Digest, name: String?, size: Int64, storedSize: Int64, blob: Digest, file: String,
        external: [ExternalFile], summary: ModelSummary, created: Date
    ) {
        self.id = id
        self.name = name
        self.size = size
        self.storedSize = storedSize
        self.blob = blob
        self.file = file
        self.external = external
        self.summary = summary
        self.created = created
    }

    /// Contents of every file of the model.
    package var blobs: [Digest] { [blob] + external.map(\.digest) }
}

/// A stored set of samples under one name and version.
package struct SampleSetRow: Equatable, Sendable {
    package enum Role: String, Codable, Sendable, CaseIterable { case calibration, evaluation }

    /// Digest of the bytes and the preprocessing together.
    package var id: Digest
    package var name: String
    /// 1, 2, 3… within the name; assigned by the catalogue, never used twice.
    package var version: Int
    package var role: Role
    package var blob: Digest
    package var size: Int64
    package var summary: SampleSetSummary
    package var created: Date

    package init(
        id: Digest, name: String, version: Int = 0, role: Role, blob: Digest, size: Int64,
        summary: SampleSetSummary, created: Date
    ) {
        self.id = id
        self.name = name
        self.version = version
        self.role = role
        self.blob = blob
        self.size = size
        self.summary = summary
        self.created = created
    }
}

/// What one calibration pass saw of a model on a set.
package struct StatisticsRow: Equatable, Sendable {
    /// Digest of everything that the statistics depend on, the same for a set of the same samples in another order.
    package var key: Digest
    package var model: Digest
    package var calibration: Digest
    /// The file that a later job reads.
    package var content: Digest
    /// The same as JSON for a person.
    package var summary: Digest
    /// Identity bytes of the content.
    package var size: Int64
    package var samples: Int
    package var tensors: Int
    package var created: Date

    package init(
        key: Digest, model: Digest, calibration: Digest, content: Digest, summary: Digest, size: Int64, samples: Int,
        tensors: Int, created: Date
    ) {
        self.key = key
        self.model = model
        self.calibration = calibration
        self.content = content
        self.summary = summary
        self.size = size
        self.samples = samples
        self.tensors = tensors
        self.created = created
    }
}

/// A file that a job brought forth.
package struct ArtifactRow: Equatable, Sendable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        case artifact, report
        case reportText = "report-text"
        case reportHTML = "report-html"
        case plan, log
        /// The signed statement of how the artifact was made.
        case provenance
    }
    package var kind: Kind
    package var name: String
    package var mediaType: String
    package var digest: Digest
    package var size: Int64

    package init(kind: Kind, name: String, mediaType: String, digest: Digest, size: Int64) {
        self.kind = kind
        self.name = name
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
    }
}

/// A job as the catalogue keeps it. Times have millisecond resolution.
package struct JobRow: Equatable, Sendable {
    /// "job_" and 26 characters that sort by time.
    package var id: String
    package var state: JobState = .queued
    package var model: Digest
    package var calibration: Digest
    package var evaluation: Digest?
    package var recipe: Recipe
    /// Counted from `created`.
    package var deadlineSeconds: Double?
    package var phase: Stage?
    /// 0...1.
    package var progress: Double = 0
    /// 0 until first claimed, then 1, 2…
    package var attempt: Int = 0
    package var maxAttempts: Int
    package var created: Date
    /// First claim.
    package var started: Date?
    package var finished: Date?
    /// Why it failed; in a queued job, why the last attempt did.
    package var failure: Failure?
    package var verdict: String?
    package var artifacts: [ArtifactRow] = []
    package var cancelRequested: Bool = false
    package var leaseExpires: Date?
    /// Earliest time of the next claim, after a failed attempt.
    package var notBefore: Date?
    /// The job that this one repeats, and what came of it.
    package var reproduces: Reproduction?

    package init(
        id: String, model: Digest, calibration: Digest, evaluation: Digest? = nil, recipe: Recipe,
        deadlineSeconds: Double? = nil, maxAttempts: Int, created: Date
    ) {
        self.id = id
        self.model = model
        self.calibration = calibration
        self.evaluation = evaluation
        self.recipe = recipe
        self.deadlineSeconds = deadlineSeconds
        self.maxAttempts = maxAttempts
        self.created = created
    }

    /// A new identifier: "job_", ten characters of time and sixteen of randomness in Crockford's base 32.
    package static func makeID(at now: Date) -> String {
        let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
        var time = UInt64(max(0, now.timeIntervalSince1970 * 1000))
        var tail: [UInt8] = []
        for _ in 0..<10 {
            tail.append(alphabet[Int(time & 31)])
            time >>= 5
        }
        var generator = SystemRandomNumberGenerator()
        let noise = (0..<16).map { _ in alphabet[Int(generator.next() & 31)] }
        return "job_" + String(decoding: tail.reversed() + noise, as: UTF8.self)
    }

    package var deadline: Date? { deadlineSeconds.map { created.addingTimeInterval($0) } }
}
