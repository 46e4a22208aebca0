import Foundation
import Testing

@testable import Service

/// What reaches the inspection of a model on its way to the store.
@Suite struct WeightSieveTests {
    private let large = [UInt8](repeating: 7, count: Int(WeightSieve.leastWeight))

    private func varint(_ value: Int) -> [UInt8] {
        var rest = UInt64(value)
        var bytes: [UInt8] = []
        repeat {
            bytes.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
        return bytes
    }

    private func field(_ number: Int, _ payload: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(payload.count) + payload
    }

    private func number(_ number: Int, _ value: Int) -> [UInt8] { varint(number << 3) + varint(value) }

    private func tensor(_ name: String, _ data: [UInt8]) -> [UInt8] {
        number(1, data.count) + number(2, 2) + field(8, Array(name.utf8)) + field(9, data) + varint(7 << 3 | 5)
            + [1, 2, 3, 4]
    }

    /// A model with two large tensors, small ones between them, and fields behind each message.
    private func model() -> [UInt8] {
        let graph =
            field(1, field(1, Array("x".utf8))) + field(5, tensor("a", large)) + field(5, tensor("b", [1, 2]))
            + field(5, []) + field(2, Array("net".utf8)) + field(5, tensor("c", large + [7])) + field(11, [])
        return number(1, 8) + field(7, graph) + varint(3 << 3 | 1) + [UInt8](repeating: 5, count: 8)
            + field(8, number(2, 17))
    }

    /// The bytes with zeros where nothing was kept, when they come in pieces of at most `piece`.
    private func sifted(_ bytes: [UInt8], piece: Int) -> [UInt8] {
        var sieve = WeightSieve()
        var result = [UInt8](repeating: 0, count: bytes.count)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            let chunk = Array(bytes[start..<min(start + piece, bytes.count)])
            var end = 0
            for range in chunk.withUnsafeBytes({ sieve.sift($0) }) {
                #expect(range.lowerBound >= end && range.upperBound <= chunk.count && !range.isEmpty)
                end = range.upperBound
                for index in range { result[start + index] = chunk[index] }
            }
        }
        return result
    }

    @Test(arguments: [1, 3, 1000, 1 << 20]) func onlyTheDataOfLargeInitializersIsLeftOut(_ piece: Int) {
        let bytes = model()
        var expected = bytes
        // No other field holds as many equal bytes.
        let count = large.count + 1
        for (data, size) in [(field(9, large), large.count), (field(9, large + [7]), count)] {
            let place = Data(expected).firstRange(of: Data(data))!
            expected.replaceSubrange(
                (place.upperBound - size)..<place.upperBound, with: repeatElement(0, count: size))
        }
        #expect(sifted(bytes, piece: piece) == expected)
    }

    @Test func whatLiesElsewhereIsKept() {
        let cases = [
            // Large, but no raw data; raw data, but of no initializer; an initializer, but of no graph.
            field(7, field(5, field(4, large))), field(7, field(1, field(9, large))), field(5, field(9, large)),
            field(9, large), field(8, field(5, field(9, large))), field(7, field(9, large)),
            field(7, field(5, field(9, Array(large.dropLast())))),
        ]
        for bytes in cases { #expect(sifted(bytes, piece: 4096) == bytes) }
    }

    @Test func fromBrokenFramingOnEverythingIsKept() {
        let longest = [UInt8](repeating: 0xFF, count: 9) + [1]
        let broken = [
            [UInt8](repeating: 0xFF, count: 11), varint(1 << 3 | 3), varint(1 << 3 | 7),
            // A tensor longer than its graph, a graph that ends within a key, a number that ends behind its message.
            varint(7 << 3 | 2) + varint(10) + varint(5 << 3 | 2) + varint(1 << 20),
            field(7, [0x80]), field(7, varint(1 << 3) + [0x80]),
            // Lengths at the end of what 64 bits hold, of the graph and of another field.
            varint(7 << 3 | 2) + longest, varint(7 << 3 | 2) + [0xFE] + longest.dropFirst(),
            varint(8 << 3 | 2) + longest,
        ]
        for start in broken {
            let bytes = start + model()
            #expect(sifted(bytes, piece: 1000) == bytes, "\(start)")
        }
    }

    @Test func anythingCanCome() {
        var random = SystemRandomNumberGenerator()
        let good = Array(model().prefix(4096))
        for _ in 0..<300 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...20) {
                bytes[Int.random(in: 0..<60, using: &random)] = .random(in: 0...255, using: &random)
            }
            let kept = sifted(bytes, piece: Int.random(in: 1...100, using: &random))
            #expect(zip(kept, bytes).allSatisfy { $0 == $1 || $0 == 0 })
        }
    }
}
