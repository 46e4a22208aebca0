import CZlib
import Domain
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Statistics written down: the same bytes for the same statistics, and nothing believed that is not as it must be.
@Suite struct StatisticsFileTests {
    private static let key = Digest(bytes: (0..<32).map { UInt8($0) })
    private static let shape = [4, 6, 6]
    private static let samples = 5

    private static func subject(_ names: [String] = ["x", "ünnamed", "never", "odd"]) -> CalibrationSubject {
        var g = GraphBuilder()
        for name in names where name != "odd" { g.output(g.relu(g.input(name, [1] + shape))) }
        let topology = Topology(
            graph: g.graph, types: g.types, shapesByBatch: [g.shapes], isStaticBeyondBatch: true)
        return CalibrationSubject(names, in: topology, samples: Array(0..<samples))
    }

    private static func statistics() throws -> CalibrationStatistics {
        var numbers = SeededNumbers(2)
        let bank = try #require(StatisticsBank(Array(repeating: .all, count: 4)))
        for sample in 0..<samples {
            for (slot, values) in [
                (0, numbers.floats(144)), (1, numbers.floats(144, 0...1e-9)),
                (3, [.nan, 3, -1e30] + numbers.floats(sample)),
            ] {
                values.withUnsafeBufferPointer { bank.observe(slot, $0) }
            }
        }
        return CalibrationStatistics(
            samples: samples,
            tensors: subject().tensors.enumerated().map { .init(name: $1.name, seen: bank.statistics($0)) },
            convergence: .init(
                tensors: 3,
                points: [.init(samples: 1, mean: 0.5, least: 0.25), .init(samples: 5, mean: 1, least: 1)], moving: 1,
                expectedGrowth: 0.125))
    }

    private func read(
        _ bytes: [UInt8], key: Digest = Self.key, of subject: CalibrationSubject = Self.subject()
    ) throws -> CalibrationStatistics {
        try CalibrationStatistics(bytes, key: key, of: subject)
    }

    private func sealed(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        let body = Array(bytes)
        let sum = body.withUnsafeBytes { octavo_crc32(0, $0.baseAddress, $0.count) }
        return body + withUnsafeBytes(of: sum.littleEndian) { Array($0) }
    }

    @Test func whatWasWrittenIsRead() throws {
        var statistics = try Self.statistics()
        let bytes = statistics.encoded(key: Self.key)
        #expect(try read(bytes) == statistics)
        #expect(try CalibrationStatistics.key(ofHead: bytes) == Self.key)
        #expect(bytes == statistics.encoded(key: Self.key))
        #expect(bytes.count < 4000)
        statistics.convergence?.expectedGrowth = nil
        #expect(try read(statistics.encoded(key: Self.key)) == statistics)
        statistics.convergence = nil
        #expect(try read(statistics.encoded(key: Self.key)) == statistics)
    }

    @Test func aFileOfAnotherPassIsRefused() throws {
        let bytes = try Self.statistics().encoded(key: Self.key)
        let other = Digest(bytes: (0..<32).map { _ in UInt8(7) })
        #expect(throws: CalibrationStatistics.Refusal("it has the key of another pass")) { try read(bytes, key: other) }
        let names = CalibrationStatistics.Refusal("it is of other tensors")
        #expect(throws: names) { try read(bytes, of: Self.subject(["x", "ünnamed", "Never", "odd"])) }
        #expect(throws: names) { try read(bytes, of: Self.subject(["x"])) }
        #expect(throws: CalibrationStatistics.Refusal("it is no file of statistics")) {
            try CalibrationStatistics.key(ofHead: Array("something else entirely that is long enough to be".utf8))
        }
    }

    /// A tensor of 144 values in each of 5 samples has 720, not 719.
    @Test func countsThatAreNotTheModelsAreRefused() throws {
        var statistics = try Self.statistics()
        let place = try #require(statistics.tensors[0].seen.bins.firstIndex { $0 > 1 })
        statistics.tensors[0].seen.bins[place] -= 1
        #expect(
            throws: CalibrationStatistics.Refusal("the counts of 'x' are not those of the model's tensor")
        ) { try read(statistics.encoded(key: Self.key)) }
    }

    @Test func everyTruncationAndEveryFlippedBitIsRefused() throws {
        let bytes = try Self.statistics().encoded(key: Self.key)
        for length in bytes.indices {
            #expect(throws: CalibrationStatistics.Refusal.self) { try read(Array(bytes[..<length])) }
        }
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 1 << UInt8(place % 8)
            #expect(throws: CalibrationStatistics.Refusal.self) { try read(damaged) }
        }
    }

    /// With a right checksum: refused, or a value that can be worked with; never a trap.
    @Test func forgedFilesDoNoHarm() throws {
        let bytes = try Array(Self.statistics().encoded(key: Self.key).dropLast(4))
        for length in CalibrationStatistics.headLength..<bytes.count {
            #expect(throws: CalibrationStatistics.Refusal.self) { try read(sealed(bytes[..<length])) }
        }
        var numbers = SeededNumbers(77)
        for _ in 0..<3000 {
            var forged = bytes
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                let place = Int.random(in: CalibrationStatistics.headLength..<bytes.count, using: &numbers)
                forged[place] =
                    [0, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &numbers)][
                        Int.random(in: 0..<5, using: &numbers)]
            }
            guard let believed = try? read(sealed(forged)) else { continue }
            let merged = believed.tensors.reduce(into: TensorStatistics()) { $0.merge($1.seen) }
            for rule in [RangeRule.minMax, .meanMinMax, .percentile(99), .leastError, .entropy, .auto] {
                _ = Affine.unsigned(merged.choose(rule).range)
            }
        }
    }

    @Test func theDocumentSaysWhatWasSeen() throws {
        let document = StatisticsDocument(try Self.statistics(), key: Self.key)
        #expect(document.tensors.map(\.name) == ["x", "ünnamed", "never", "odd"])
        #expect(document.tensors.map(\.values) == [720, 720, 0, 20] && document.tensors[3].notFinite == 5)
        #expect(document.tensors[2].minimum == nil && document.tensors[3].meanMinimum == Double(Float(-1e30)))
    }
}
