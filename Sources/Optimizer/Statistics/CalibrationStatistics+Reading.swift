import CZlib
import Domain
import Quantization

/// Reading statistics that somebody else has kept: nothing in them is believed before it is checked, and nothing is allocated
/// for more tensors than the model has.
extension CalibrationStatistics {
    /// Why a file cannot be used, as the end of a sentence.
    struct Refusal: Error, Equatable {
        var reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// No file of statistics is larger: some 4,000 tensors with every bin in use.
    static let sizeLimit = 1 << 28
    /// Of one tensor, so that no sum over tensors can overflow.
    static let countLimit: UInt64 = 1 << 44

    /// The key that a file says it belongs to, from its first `headLength` bytes.
    static func key(ofHead head: [UInt8]) throws -> Digest {
        guard head.count >= headLength, head.starts(with: magic) else {
            throw Refusal("it is no file of statistics")
        }
        let found = head[magic.count..<(magic.count + 4)].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard found == version else { throw Refusal("it is of version \(found), not \(version)") }
        return Digest(bytes: head[(headLength - 32)..<headLength])
    }

    /// Throws `Refusal` unless the bytes are the whole and undamaged statistics of exactly this subject.
    init(_ bytes: [UInt8], key: Digest, of subject: CalibrationSubject) throws {
        guard try Self.key(ofHead: Array(bytes.prefix(Self.headLength))) == key else {
            throw Refusal("it has the key of another pass")
        }
        let end = bytes.count - 4
        guard end >= Self.headLength else { throw Refusal("it is cut off") }
        let sum = bytes.withUnsafeBytes { octavo_crc32(0, $0.baseAddress, end) }
        var reader = StatisticsReader(bytes[Self.headLength..<end])
        guard withUnsafeBytes(of: sum.littleEndian, { $0.elementsEqual(bytes[end...]) }) else {
            throw Refusal("its checksum is wrong")
        }
        samples = try reader.int()
        guard samples == subject.samples.count else { throw Refusal("it is of other samples") }
        guard try reader.int() == subject.tensors.count else { throw Refusal("it is of other tensors") }
        convergence = try reader.convergence()
        tensors = []
        for expected in subject.tensors {
            let tensor = try reader.tensor(named: expected.name)
            try Self.check(tensor.seen, expected, samples: samples)
            tensors.append(tensor)
        }
        guard reader.isAtEnd else { throw Refusal("something follows its end") }
    }

    /// The counts must be those of the model's tensor. A histogram of every n-th stretch of 128 values stands for nearly as
    /// many values as there were, n - 1 stretches of a sample more or less. A tensor may also never have been reached.
    private static func check(_ seen: TensorStatistics, _ expected: CalibrationSubject.Tensor, samples: Int) throws {
        let counted = seen.bins.reduce(seen.nonFinite, +)
        guard counted > 0, let values = expected.values else { return }
        let (all, overflow) = values.multipliedReportingOverflow(by: samples)
        let slack = (expected.share.rawValue - 1) * 128 * samples
        guard !overflow, abs(all - Int(counted)) <= slack || seen.nonFinite > 0 else {
            throw Refusal("the counts of '\(expected.name)' are not those of the model's tensor")
        }
    }
}

/// Bounded reading; every error is a `Refusal`.
private struct StatisticsReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    typealias Refusal = CalibrationStatistics.Refusal
    private static let damaged = Refusal("it is damaged")

    var isAtEnd: Bool { rest.isEmpty }

    private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw Self.damaged }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func fixed<T: FixedWidthInteger>(_: T.Type) throws -> T {
        try take(MemoryLayout<T>.size).reversed().reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
    }

    private mutating func number() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 63, by: 7) {
            guard let byte = rest.popFirst() else { throw Self.damaged }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw Self.damaged
    }

    /// At most 2^44, so that small sums and products of it are safe.
    mutating func int() throws -> Int {
        let value = try number()
        guard value <= CalibrationStatistics.countLimit else { throw Self.damaged }
        return Int(value)
    }

    private mutating func flag() throws -> Bool {
        let value = try number()
        guard value <= 1 else { throw Self.damaged }
        return value == 1
    }

    private mutating func float() throws -> Float {
        let value = Float(bitPattern: try fixed(UInt32.self))
        guard value.isFinite else { throw Self.damaged }
        return value
    }

    private mutating func double() throws -> Double {
        let value = Double(bitPattern: try fixed(UInt64.self))
        guard value.isFinite else { throw Self.damaged }
        return value
    }

    mutating func convergence() throws -> Report.CalibrationHealth.Convergence? {
        guard try flag() else { return nil }
        let (tensors, moving) = (try int(), try int())
        let count = try int()
        // Samples double from one point to the next.
        guard count <= 64 else { throw Self.damaged }
        let points = try (0..<count).map { _ in
            Report.CalibrationHealth.Convergence.Point(samples: try int(), mean: try double(), least: try double())
        }
        let growth = try flag() ? try double() : nil
        return .init(tensors: tensors, points: points, moving: moving, expectedGrowth: growth)
    }

    mutating func tensor(named name: String) throws -> CalibrationStatistics.Tensor {
        let found = try take(try int())
        guard found.elementsEqual(name.utf8) else { throw Refusal("it is of other tensors") }
        let nonFinite = UInt64(try int())
        guard try flag() else {
            var empty = TensorStatistics()
            empty.nonFinite = nonFinite
            return .init(name: name, seen: empty)
        }
        let (low, high) = (try float(), try float())
        let means = ValueRange(low: try float(), high: try float())
        let exponent = try int() - CalibrationStatistics.exponentBias
        guard low <= means.low, means.low <= means.high, means.high <= high, StatisticsBank.exponents.contains(exponent)
        else { throw Self.damaged }
        return .init(
            name: name,
            seen: TensorStatistics(
                minimum: low, maximum: high, meanExtremes: means, nonFinite: nonFinite, exponent: exponent,
                bins: try bins()))
    }

    private mutating func bins() throws -> [UInt64] {
        var bins = [UInt64](repeating: 0, count: 2 * TensorStatistics.half)
        var (place, total) = (0, UInt64(0))
        for _ in 0..<(try int()) {
            place += try int()
            let length = try int()
            guard length > 0, length <= bins.count, place <= bins.count - length else { throw Self.damaged }
            for _ in 0..<length {
                let count = try int()
                guard count > 0 else { throw Self.damaged }
                bins[place] = UInt64(count)
                total += UInt64(count)
                place += 1
            }
            guard total <= CalibrationStatistics.countLimit else { throw Self.damaged }
        }
        guard total > 0 else { throw Self.damaged }
        return bins
    }
}
