import Domain
import ModelGraph
import Quantization

/// A quantized graph with everything that explains it.
struct Quantized {
    var model: Model
    var form: Form
    var plan: Plan
    var topology: Topology
    /// Layers in the order of their corrected SQNR, worst first.
    var layers: [(name: String, sqnr: Double)]
    var tolerance: Quantize.Tolerance
    /// Output channels that gave one value in all samples of the review, by node; absent for layers that it has not seen.
    let constantChannels: [Int: Int]
    /// What calibration saw; empty in the form that computes in float.
    var statistics: [String: TensorStatistics] = [:]
    /// Layers of the integer form, by node, that compute in float on weights stored in 8 bits.
    var storedFloats: Set<Int> = []
    /// Tables that are stored in 8 bits.
    var tables = 0
    let weights: [Int: QuantizedWeight]
    private let biases: [Int: [Float]]

    init(
        _ model: Model, _ form: Form, _ plan: Plan, _ topology: Topology, _ review: LayerReview,
        _ tolerance: Quantize.Tolerance, weights: [Int: QuantizedWeight], biases: [Int: [Float]]
    ) {
        self.model = model
        self.form = form
        self.plan = plan
        self.topology = topology
        self.tolerance = tolerance
        self.weights = weights
        self.biases = biases
        layers = zip(review.anchors, review.errors)
            .map { (name: topology.graph.nodes[$0.node].label, sqnr: $1.correctedSQNR) }
            .sorted { $0.sqnr < $1.sqnr }
        constantChannels = Dictionary(
            zip(review.anchors, review.errors).compactMap { anchor, error in
                error.constantChannels.map { (anchor.node, $0) }
            }, uniquingKeysWith: { first, _ in first })
    }

    /// Inputs that share a scale; nil where no weight is stored in blocks.
    var blockSize: Int? { weights.values.lazy.compactMap { $0.blocks?.size }.first }

    /// The same arithmetic in float, with a switch for each layer.
    func switched() throws -> SwitchedSimulation {
        try SwitchedSimulation(topology, plan, weights, biases: biases)
    }

    /// What the artifact is.
    enum Form: String {
        /// Integer arithmetic through Q/DQ.
        case integer
        /// Float arithmetic, weights stored in 8 bits and restored at load.
        case weightOnly = "weight-only"
        /// MatMul, Gemm and LSTM in integers on ranges found in every run, other weights stored in 8 bits.
        case dynamic
        /// MatMul and Gemm on weights in blocks of 8 or 4 bits, other weights stored in 8 bits.
        case blockwise8 = "blockwise-8"
        case blockwise4 = "blockwise-4"

        /// Bits of a weight in blocks.
        var blockBits: Int? {
            switch self {
            case .blockwise8: 8
            case .blockwise4: 4
            default: nil
            }
        }

        /// What such a form does to a MatMul or a Gemm, beside storing its weight.
        var computes: Bool { self == .dynamic || blockBits != nil }
    }
}
