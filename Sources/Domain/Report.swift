package import Foundation

/// What a finished job says about its artifact: `report.json`. Every number was measured or counted in this job; what was
/// not measured is absent, with the reason beside it. Keys are stable within one schema version.
package struct Report: Equatable, Sendable, Codable {
    package static let schemaVersion = "octavo-report/1"

    package var schema: String = Report.schemaVersion
    package var verdict: Verdict
    package var identity: Identity
    package var split: Split
    /// Labelled accuracy; nil when there are no labels or no class scores.
    package var accuracy: Accuracy?
    package var accuracyAbsence: String?
    /// Boxes found by both models; nil for a model that is no detector.
    package var detection: Detection?
    /// Likeness to the FP32 model, which needs no labels.
    package var fidelity: Fidelity?
    package var fidelityAbsence: String?
    package var latency: Latency?
    package var latencyAbsence: String?
    package var gate: Gate?
    package var search: Search?
    package var size: Size
    package var memory: Memory
    package var load: Load?
    package var coverage: Coverage?
    package var plan: Plan?
    package var calibration: CalibrationHealth?
    package var portability: Portability?
    /// For a job that repeats another one.
    package var reproduces: Reproduction?
    package var environment: Environment
    package var stages: [StageTime]
    package var findings: [Finding]

    package init(
        schema: String = Report.schemaVersion, verdict: Verdict, identity: Identity, split: Split,
        accuracy: Accuracy? = nil, accuracyAbsence: String? = nil, detection: Detection? = nil,
        fidelity: Fidelity? = nil,
        fidelityAbsence: String? = nil, latency: Latency? = nil, latencyAbsence: String? = nil, gate: Gate? = nil,
        search: Search? = nil, size: Size, memory: Memory, load: Load? = nil, coverage: Coverage? = nil,
        plan: Plan? = nil,
        calibration: CalibrationHealth? = nil, portability: Portability? = nil, environment: Environment,
        stages: [StageTime], findings: [Finding]
    ) {
        self.schema = schema
        self.verdict = verdict
        self.identity = identity
        self.split = split
        self.accuracy = accuracy
        self.accuracyAbsence = accuracyAbsence
        self.detection = detection
        self.fidelity = fidelity
        self.fidelityAbsence = fidelityAbsence
        self.latency = latency
        self.latencyAbsence = latencyAbsence
        self.gate = gate
        self.search = search
        self.size = size
        self.memory = memory
        self.load = load
        self.coverage = coverage
        self.plan = plan
        self.calibration = calibration
        self.portability = portability
        self.environment = environment
        self.stages = stages
        self.findings = findings
    }
}

extension Report {
    /// The report in one line, and the same as data.
    package struct Verdict: Equatable, Sendable, Codable {
        package enum Speed: String, Sendable, Codable {
            /// The 95 % interval of the speed-up lies above 1 and clears the noise floor.
            case faster
            case slower
            /// The interval includes 1, or the difference is within the noise floor.
            case same
            /// The medians say one thing and the fastest runs another: the machine was busy with other work.
            case unclear
            case unmeasured
        }
        package enum Quality: String, Sendable, Codable {
            /// Judged with labels on evaluation samples.
            case labelled
            /// Judged against FP32 on evaluation samples.
            case fidelity
            /// Judged against FP32 on the samples the artifact was calibrated with.
            case calibrationFidelity = "calibration-fidelity"
            case unmeasured
        }
        /// Plain words for a person.
        package var line: String
        package var speed: Speed
        package var quality: Quality
        /// False when the artifact gains nothing in speed on this machine.
        package var deployForSpeed: Bool

        package init(
            line: String, speed: Speed, quality: Quality, deployForSpeed: Bool
        ) {
            self.line = line
            self.speed = speed
            self.quality = quality
            self.deployForSpeed = deployForSpeed
        }

        /// Stands in the report until the parts are there to be judged.
        package static let pending = Verdict(line: "", speed: .unmeasured, quality: .unmeasured, deployForSpeed: false)
    }

    /// What went in and what came out, by full digest.
    package struct Identity: Equatable, Sendable, Codable {
        package struct File: Equatable, Sendable, Codable {
            package var name: String?
            package var digest: Digest?
            package var bytes: Int64?

            package init(
                name: String? = nil, digest: Digest? = nil, bytes: Int64? = nil
            ) {
                self.name = name
                self.digest = digest
                self.bytes = bytes
            }
        }
        package var job: String
        package var attempt: Int
        package var model: File
        package var calibration: File
        package var evaluation: File?
        package var artifact: File
        package var recipe: Recipe
        package var engine: String
        package var engineVersion: String
        package var octavoVersion: String
        /// The kernels chosen for this processor: "reference", "avx2" or "avx512".
        package var kernels: String
        /// Seed of every random choice (order of runs, resampling).
        package var seed: UInt64
        package var created: Date

        package init(
            job: String, attempt: Int, model: File, calibration: File, evaluation: File? = nil, artifact: File,
            recipe: Recipe, engine: String, engineVersion: String, octavoVersion: String, kernels: String,
            seed: UInt64, created: Date
        ) {
            self.job = job
            self.attempt = attempt
            self.model = model
            self.calibration = calibration
            self.evaluation = evaluation
            self.artifact = artifact
            self.recipe = recipe
            self.engine = engine
            self.engineVersion = engineVersion
            self.octavoVersion = octavoVersion
            self.kernels = kernels
            self.seed = seed
            self.created = created
        }
    }

    /// Which samples were used for what.
    package struct Split: Equatable, Sendable, Codable {
        package var calibrationSamples: Int
        /// Samples the numbers below were measured on.
        package var evaluationSamples: Int
        /// False when no evaluation set was given and calibration samples had to serve.
        package var heldOut: Bool
        /// Evaluation samples whose bytes also occur in the calibration set; nil when there is no evaluation set.
        package var overlap: Int?
        package var labels: Int

        package init(
            calibrationSamples: Int, evaluationSamples: Int, heldOut: Bool, overlap: Int? = nil, labels: Int
        ) {
            self.calibrationSamples = calibrationSamples
            self.evaluationSamples = evaluationSamples
            self.heldOut = heldOut
            self.overlap = overlap
            self.labels = labels
        }
    }

    /// The bound the recipe asked for, and what came out.
    package struct Gate: Equatable, Sendable, Codable {
        package var metric: Recipe.Gate.Metric
        package var maxDrop: Double
        package var drop: Double?
        package var met: Bool
        package var detail: String

        package init(
            metric: Recipe.Gate.Metric, maxDrop: Double, drop: Double? = nil, met: Bool, detail: String
        ) {
            self.metric = metric
            self.maxDrop = maxDrop
            self.drop = drop
            self.met = met
            self.detail = detail
        }
    }

    package struct Size: Equatable, Sendable, Codable {
        package var modelBytes: Int64
        package var artifactBytes: Int64
        /// Model bytes over artifact bytes.
        package var ratio: Double?
        package var modelWeightBytes: Int64?
        package var artifactWeightBytes: Int64?
        /// The artifact as the server's zlib stream: on its disk, and on the wire as `Content-Encoding: deflate`.
        package var artifactStoredBytes: Int64?
        /// The artifact on the wire as `Content-Encoding: gzip`.
        package var artifactGzipBytes: Int64?

        package init(
            modelBytes: Int64, artifactBytes: Int64, modelWeightBytes: Int64? = nil, artifactWeightBytes: Int64? = nil,
            artifactStoredBytes: Int64? = nil, artifactGzipBytes: Int64? = nil
        ) {
            self.modelBytes = modelBytes
            self.artifactBytes = artifactBytes
            self.modelWeightBytes = modelWeightBytes
            self.artifactWeightBytes = artifactWeightBytes
            self.artifactStoredBytes = artifactStoredBytes
            self.artifactGzipBytes = artifactGzipBytes
            ratio = artifactBytes > 0 ? Double(modelBytes) / Double(artifactBytes) : nil
        }
    }

    package struct Memory: Equatable, Sendable, Codable {
        package struct Phase: Equatable, Sendable, Codable {
            package var stage: Stage
            /// Largest resident size of the worker up to the end of this stage.
            package var peakRssBytes: Int64

            package init(
                stage: Stage, peakRssBytes: Int64
            ) {
                self.stage = stage
                self.peakRssBytes = peakRssBytes
            }
        }
        package var peakRssBytes: Int64?
        package var phases: [Phase]
        /// What a session of each model takes, at its peak over loading and the first runs: growth of the resident size.
        package var fp32InferenceBytes: Int64?
        package var int8InferenceBytes: Int64?
        /// Why that was not measured.
        package var inferenceAbsence: String?

        package init(
            peakRssBytes: Int64? = nil, phases: [Phase], fp32InferenceBytes: Int64? = nil,
            int8InferenceBytes: Int64? = nil, inferenceAbsence: String? = nil
        ) {
            self.peakRssBytes = peakRssBytes
            self.phases = phases
            self.fp32InferenceBytes = fp32InferenceBytes
            self.int8InferenceBytes = int8InferenceBytes
            self.inferenceAbsence = inferenceAbsence
        }
    }

    /// Time from file to session, and for the first inference, in milliseconds.
    package struct Load: Equatable, Sendable, Codable {
        package var fp32Ms: Double?
        package var int8Ms: Double?
        package var fp32FirstRunMs: Double?
        package var int8FirstRunMs: Double?
        /// The same for files that are not in memory yet.
        package var fp32ColdMs: Double?
        package var int8ColdMs: Double?
        /// Why that was not measured.
        package var coldAbsence: String?

        package init(
            fp32Ms: Double? = nil, int8Ms: Double? = nil, fp32FirstRunMs: Double? = nil, int8FirstRunMs: Double? = nil,
            fp32ColdMs: Double? = nil, int8ColdMs: Double? = nil, coldAbsence: String? = nil
        ) {
            self.fp32Ms = fp32Ms
            self.int8Ms = int8Ms
            self.fp32FirstRunMs = fp32FirstRunMs
            self.int8FirstRunMs = int8FirstRunMs
            self.fp32ColdMs = fp32ColdMs
            self.int8ColdMs = int8ColdMs
            self.coldAbsence = coldAbsence
        }
    }

    package struct StageTime: Equatable, Sendable, Codable {
        package var stage: Stage
        package var seconds: Double

        package init(
            stage: Stage, seconds: Double
        ) {
            self.stage = stage
            self.seconds = seconds
        }
    }

    /// A 95 % interval.
    package struct Interval: Equatable, Sendable, Codable {
        package var low: Double
        package var high: Double

        package init(
            low: Double, high: Double
        ) {
            self.low = low
            self.high = high
        }
    }
}
