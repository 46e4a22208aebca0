import CZlib
import Domain
import Quantization

/// What a calibration pass saw, as a value that can be written down and read again.
///
/// The file: "octavo-s", the version in 4 bytes and the key in 32; then numbers of variable length (LEB128) unless said
/// otherwise; at the end the CRC-32 of everything before it. Floats are the little-endian bytes of IEEE 754.
///
///     samples, tensors
///     0, or 1 and the convergence: tensors, moving, points, of each point samples and two doubles, then 0, or 1 and a double
///     of each tensor: bytes of the name, name, values not finite, then 0 for an empty one, or
///         1, four floats (minimum, maximum, means of the samples' extremes), exponent + 1024, runs,
///         of each run: empty bins before it, its length, its counts
///
/// The same statistics always give the same bytes.
struct CalibrationStatistics: Equatable {
    static let version: UInt32 = 1
    static let magic = Array("octavo-s".utf8)
    static let headLength = magic.count + 4 + 32

    struct Tensor: Equatable {
        var name: String
        var seen: TensorStatistics
    }
    var samples: Int
    var tensors: [Tensor]
    var convergence: Report.CalibrationHealth.Convergence?

    /// By name.
    var table: [String: TensorStatistics] {
        Dictionary(tensors.map { ($0.name, $0.seen) }, uniquingKeysWith: { first, _ in first })
    }

    // MARK: Writing

    func encoded(key: Digest) -> [UInt8] {
        var writer = StatisticsWriter()
        writer.bytes += Self.magic
        writer.fixed(Self.version)
        writer.bytes += key.bytes
        writer.number(samples)
        writer.number(tensors.count)
        writer.write(convergence)
        for tensor in tensors { writer.write(tensor) }
        let sum = writer.bytes.withUnsafeBytes { octavo_crc32(0, $0.baseAddress, $0.count) }
        writer.fixed(sum)
        return writer.bytes
    }
}

private struct StatisticsWriter {
    var bytes: [UInt8] = []

    mutating func fixed<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func number(_ value: Int) { number(UInt64(value)) }

    mutating func number(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func write(_ convergence: Report.CalibrationHealth.Convergence?) {
        number(convergence == nil ? 0 : 1)
        guard let convergence else { return }
        number(convergence.tensors)
        number(convergence.moving)
        number(convergence.points.count)
        for point in convergence.points {
            number(point.samples)
            fixed(point.mean.bitPattern)
            fixed(point.least.bitPattern)
        }
        number(convergence.expectedGrowth == nil ? 0 : 1)
        if let growth = convergence.expectedGrowth { fixed(growth.bitPattern) }
    }

    mutating func write(_ tensor: CalibrationStatistics.Tensor) {
        let name = Array(tensor.name.utf8)
        let seen = tensor.seen
        number(name.count)
        bytes += name
        number(seen.nonFinite)
        number(seen.isEmpty ? 0 : 1)
        guard !seen.isEmpty else { return }
        let means = seen.meanExtremes ?? seen.range
        for value in [seen.minimum, seen.maximum, means.low, means.high] { fixed(value.bitPattern) }
        number(seen.exponent + CalibrationStatistics.exponentBias)
        write(seen.bins)
    }

    private mutating func write(_ bins: [UInt64]) {
        var runs: [Range<Int>] = []
        for place in bins.indices where bins[place] > 0 {
            if let last = runs.last, last.upperBound == place {
                runs[runs.count - 1] = last.lowerBound..<(place + 1)
            } else {
                runs.append(place..<(place + 1))
            }
        }
        number(runs.count)
        var end = 0
        for run in runs {
            number(run.lowerBound - end)
            number(run.count)
            for place in run { number(bins[place]) }
            end = run.upperBound
        }
    }
}

extension CalibrationStatistics {
    /// Keeps exponents, which may be negative, above zero.
    static let exponentBias = 1024
}
