/// What a worker process is asked to do: one JSON document on its fd 0. Paths are absolute and were made by the server
/// (or by the command line); no part of a path ever comes from a request.
package enum WorkOrder: Equatable, Sendable, Codable {
    case inspectModel(StagedModel)
    case inspectSamples(StagedSamples)
    case lintModel(StagedModel, target: Target)
    case quantize(Quantize)

    /// Inputs, options and the place for results of one conversion.
    package struct Quantize: Equatable, Sendable, Codable {
        package var job: String
        package var attempt: Int
        package var model: StagedModel
        package var calibration: StagedSamples
        package var evaluation: StagedSamples?
        package var recipe: Recipe
        /// An existing directory only this worker uses; results are written here too.
        package var scratch: String
        /// Engine threads.
        package var threads: Int
        /// Seconds spent on the latency figures of the report.
        package var measureSeconds: Double
        /// The job that this one repeats.
        package var reproduces: Reproduction?
        /// Files of calibration statistics that may save the calibration pass, the likeliest first. The worker takes the first
        /// whose key is that of its own pass, and measures when there is none.
        package var statistics: [String]

        package init(
            job: String, attempt: Int, model: StagedModel, calibration: StagedSamples, evaluation: StagedSamples?,
            recipe: Recipe, scratch: String, threads: Int, measureSeconds: Double = 3,
            reproduces: Reproduction? = nil, statistics: [String] = []
        ) {
            self.job = job
            self.attempt = attempt
            self.model = model
            self.calibration = calibration
            self.evaluation = evaluation
            self.recipe = recipe
            self.scratch = scratch
            self.threads = threads
            self.measureSeconds = measureSeconds
            self.reproduces = reproduces
            self.statistics = statistics
        }
    }
}

/// A model file on disk. External tensor data is looked up in `directory` by plain file name, never by path.
package struct StagedModel: Equatable, Sendable, Codable {
    package var directory: String
    package var file: String
    package var digest: Digest?
    package init(directory: String, file: String, digest: Digest?) {
        self.directory = directory
        self.file = file
        self.digest = digest
    }
    package var path: String { directory + "/" + file }
}

/// A sample archive on disk and how to read it.
package struct StagedSamples: Equatable, Sendable, Codable {
    /// Chooses between the parts of a data set that has several.
    package enum Purpose: String, Equatable, Sendable, Codable { case calibration, evaluation }
    package var path: String
    package var digest: Digest?
    package var preprocessing: Preprocessing
    package var purpose: Purpose
    package init(
        path: String, digest: Digest?, preprocessing: Preprocessing, purpose: Purpose = .calibration
    ) {
        self.path = path
        self.digest = digest
        self.preprocessing = preprocessing
        self.purpose = purpose
    }
}

/// What a worker tells: one JSON line each on its fd 3. The last one is `finished`, `inspected…`,
/// `lintedModel` or `failed`.
package enum WorkEvent: Equatable, Sendable, Codable {
    /// `fraction` of the whole job, 0...1, from real work counts.
    case progress(stage: Stage, fraction: Double)
    case log(String)
    /// The worker is about to measure and wants its neighbours still. It waits for `WorkAnswer.begin`.
    case measuring
    /// The measurement is over. The worker waits for `WorkAnswer.neighbours`.
    case measured
    /// A calibration pass has been made; what it saw is worth keeping, however the job ends.
    case measuredStatistics(StatisticsFiles)
    case inspectedModel(ModelSummary)
    case inspectedSamples(SampleSetSummary)
    case lintedModel(LintReport)
    case finished(Results)
    case failed(Failure)

    /// Files in the scratch directory, by plain name.
    package struct Results: Equatable, Sendable, Codable {
        package var artifact: String
        /// A good name for the download, such as "mobilenet.int8.onnx".
        package var artifactName: String
        package var report: String
        package var reportText: String
        package var reportHtml: String
        package var plan: String
        /// The verdict line, repeated in the job's body.
        package var verdict: String

        package init(
            artifact: String, artifactName: String, report: String, reportText: String, reportHtml: String,
            plan: String, verdict: String
        ) {
            self.artifact = artifact
            self.artifactName = artifactName
            self.report = report
            self.reportText = reportText
            self.reportHtml = reportHtml
            self.plan = plan
            self.verdict = verdict
        }
    }
}

/// What a worker that asked is told: one JSON line each on its fd 0, behind the order.
package enum WorkAnswer: Equatable, Sendable, Codable {
    /// To `measuring`: the neighbours are still, or it was no use to wait longer. Which of them shows in the end.
    case begin
    /// To `measured`.
    case neighbours(Neighbours)
}

/// Other processes of the same server beside one that measured.
package struct Neighbours: Equatable, Sendable, Codable {
    /// Conversions that ran at any time of the measurement; 0 when all of them were held still throughout.
    package var conversions: Int
    /// Inspections of uploads, and lints, that did.
    package var inspections: Int
    /// Seconds that the measurement waited for its turn.
    package var waitedSeconds: Double

    package init(conversions: Int = 0, inspections: Int = 0, waitedSeconds: Double = 0) {
        self.conversions = conversions
        self.inspections = inspections
        self.waitedSeconds = waitedSeconds
    }

    package var wereStill: Bool { conversions == 0 && inspections == 0 }
}
