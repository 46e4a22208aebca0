/// The runtime and processor an artifact is made for.
package enum Target: String, Codable, Sendable, CaseIterable {
    /// U8 activations, S8 weights.
    case onnxruntimeX64 = "onnxruntime-x64"
    /// The same for processors that may lack VNNI: layers whose sums could saturate there have 7-bit weights.
    case onnxruntimeX64AVX2 = "onnxruntime-x64-avx2"
    /// S8 activations, S8 weights.
    case onnxruntimeARM = "onnxruntime-arm"
}

/// How values are represented in the artifact.
package enum Scheme: String, Codable, Sendable, CaseIterable {
    /// What is faster on the measuring machine, operator by operator: a choice that timing makes, and the report records.
    case auto
    /// U8 activations, S8 weights, ranges from calibration; nothing is decided by timing, so that the same input gives the
    /// same bytes again.
    case int8Static = "int8-static"
    /// Weights in 8 bits, restored at load; arithmetic stays float. Nothing is decided by timing.
    case int8Weights = "int8-weights"
    /// MatMul, Gemm and LSTM in integers with activation ranges found in every run; no calibration, nothing timed.
    case int8Dynamic = "int8-dynamic"
    /// Weights of MatMul and Gemm in blocks of 8 or 4 bits, each block with a scale of its own; nothing timed.
    case int8Blockwise = "int8-blockwise"
    case int4Blockwise = "int4-blockwise"

    /// Whether activations get their ranges from calibration.
    package var calibrates: Bool { self == .auto || self == .int8Static }
}

/// How a range is chosen from a tensor's statistics.
package enum Calibrator: String, Codable, Sendable, CaseIterable {
    /// Per tensor the choice with the least expected error.
    case auto
    case minMax = "min-max"
    /// The mean over the samples of each one's extremes: one wild sample moves it by its share only.
    case meanMinMax = "mean-min-max"
    case percentile
    case mse
    case entropy
}

/// How weights become integers.
package enum Rounding: String, Codable, Sendable, CaseIterable {
    /// By the covariance of the inputs in the layers where that leaves clearly less noise, to nearest in the others.
    case auto
    case nearest
}

/// How activations are represented.
package enum Activations: String, Codable, Sendable, CaseIterable {
    /// 8 bits, which integer kernels take.
    case int8
    /// 16 bits, unsigned: for targets that compute with them. ONNX Runtime's own kernels run such layers in float.
    case int16
}

/// What a choice between several forms is made by, among those that keep accuracy.
package enum Objective: String, Codable, Sendable, CaseIterable {
    /// The fastest on the measuring machine.
    case latency
    /// The smallest file that is not slower than FP32 there.
    case size
}

/// How tables are stored that are only looked up in: the rows that a Gather takes.
package enum Embeddings: String, Codable, Sendable, CaseIterable {
    /// 8 bits where the tables are a good part of the model.
    case auto
    case float
    /// 8 bits and one scale for each row.
    case int8
}

/// Everything a job asks for beyond the model and the samples. The same recipe on the same bytes gives the same artifact.
package struct Recipe: Equatable, Sendable, Codable {
    package var target: Target = .onnxruntimeX64
    package var scheme: Scheme = .auto
    package var options = Options()
    package var gate: Gate?
    /// What `auto` chooses by; nil: latency.
    package var objective: Objective?

    package struct Options: Equatable, Sendable, Codable {
        package var calibrator: Calibrator = .auto
        /// For `percentile`: share of the values kept, in percent, 50 < p <= 100.
        package var percentile: Double = 99.99
        package var rounding: Rounding = .auto
        /// A layer that alone in integers keeps less than this of its signal over its noise, in dB, stays float. Nil: 24, or
        /// 28 where the model follows FP32 poorly and gains by it.
        package var minLayerSqnr: Double?
        package var activations: Activations = .int8
        /// SmoothQuant: part of the spread between the channels of what a MatMul or Gemm reads moves into its weights.
        package var smooth = false
        /// Cross-layer equalization: Convs with no more than a Relu between them share out their channels' ranges.
        package var equalize = false
        /// Inputs that share a scale under the block-wise schemes: 16, 32, 64, 128 or 256; nil: 32.
        package var blockSize: Int?
        package var embeddings: Embeddings = .auto
        /// Node names or patterns with `*` that stay float.
        package var exclude: [String] = []
        /// At most this many samples are used for calibration; nil means all.
        package var maxSamples: Int?
        /// How a detector's outputs are read; nil recognises it from their shapes and values.
        package var head: DetectionHead?
        /// Engine threads for calibration and measurement; nil leaves it to the server.
        package var threads: Int?

        package init() {}

        /// What an older version stored lacks the options that came later: they have their defaults.
        package init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            calibrator = try fields.decodeIfPresent(Calibrator.self, forKey: .calibrator) ?? calibrator
            percentile = try fields.decodeIfPresent(Double.self, forKey: .percentile) ?? percentile
            rounding = try fields.decodeIfPresent(Rounding.self, forKey: .rounding) ?? rounding
            minLayerSqnr = try fields.decodeIfPresent(Double.self, forKey: .minLayerSqnr)
            activations = try fields.decodeIfPresent(Activations.self, forKey: .activations) ?? activations
            smooth = try fields.decodeIfPresent(Bool.self, forKey: .smooth) ?? smooth
            equalize = try fields.decodeIfPresent(Bool.self, forKey: .equalize) ?? equalize
            blockSize = try fields.decodeIfPresent(Int.self, forKey: .blockSize)
            embeddings = try fields.decodeIfPresent(Embeddings.self, forKey: .embeddings) ?? embeddings
            exclude = try fields.decodeIfPresent([String].self, forKey: .exclude) ?? exclude
            maxSamples = try fields.decodeIfPresent(Int.self, forKey: .maxSamples)
            head = try fields.decodeIfPresent(DetectionHead.self, forKey: .head)
            threads = try fields.decodeIfPresent(Int.self, forKey: .threads)
        }
    }

    /// What the artifact must keep, checked on the evaluation samples.
    package struct Gate: Equatable, Sendable, Codable {
        package enum Metric: String, Codable, Sendable, CaseIterable {
            /// Labelled top-1 accuracy; the drop is FP32 minus INT8.
            case top1
            /// Share of samples on which FP32 and INT8 agree; the drop is 1 minus the share.
            case agreement = "top1-agreement"
            /// Cosine between the outputs of FP32 and INT8, of the output where it is lowest; the drop is 1 minus that.
            case cosine
            /// Labelled mean average precision of a detector (COCO's, IoU 0.50 to 0.95); the drop is FP32 minus INT8.
            case map
            /// The same with FP32's confident detections in the place of labels; the drop is 1 minus that.
            case mapAgreement = "map-agreement"
        }
        package var metric: Metric
        package var maxDrop: Double

        package init(metric: Metric, maxDrop: Double) {
            self.metric = metric
            self.maxDrop = maxDrop
        }
    }

    package init() {}
}
