import Domain
import Quantization

/// `statistics.json`: what calibration saw of each tensor, for reading.
struct StatisticsDocument: Codable, Equatable {
    struct Tensor: Codable, Equatable {
        var name: String
        /// Finite values that the histogram stands for.
        var values: UInt64
        /// NaN and infinite values.
        var notFinite: UInt64
        /// Nil where no sample brought the tensor a finite value.
        var minimum: Double?
        var maximum: Double?
        /// Mean over the samples of each one's minimum and maximum.
        var meanMinimum: Double?
        var meanMaximum: Double?
    }
    var schema = "octavo-statistics/1"
    var key: Digest
    var samples: Int
    var tensors: [Tensor]

    init(_ statistics: CalibrationStatistics, key: Digest) {
        self.key = key
        samples = statistics.samples
        tensors = statistics.tensors.map { tensor in
            let seen = tensor.seen
            return Tensor(
                name: tensor.name, values: seen.bins.reduce(0, +), notFinite: seen.nonFinite,
                minimum: seen.isEmpty ? nil : Double(seen.minimum), maximum: seen.isEmpty ? nil : Double(seen.maximum),
                meanMinimum: seen.meanExtremes.map { Double($0.low) },
                meanMaximum: seen.meanExtremes.map { Double($0.high) })
        }
    }
}
