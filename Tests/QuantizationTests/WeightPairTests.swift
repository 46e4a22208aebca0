import ModelGraph
import TestGraphs
import Testing

@testable import Quantization

/// Sums of two products in 16 bits, as processors without VNNI add them.
@Suite struct WeightPairTests {
    private static let conv = Node(op: "Conv", inputs: [], outputs: [])
    private static let gemm = Node(op: "Gemm", inputs: [], outputs: [], attributes: [.int("transB", 1)])

    /// The bound against its definition, for every pair of weights and the activations that matter: a sum of products is
    /// largest and smallest where each activation is 0 or 255.
    @Test func aPairIsFoundExactlyWhenSomeInputSaturatesIt() throws {
        for a in -127...127 {
            let values = (-127...127).flatMap { [Int8(a), Int8($0)] }
            let pairs = try #require(WeightPairs(values, dims: [255, 2], axis: 0, of: Self.gemm))
            let saturating = pairs.saturating
            for b in -127...127 {
                let sums = [0, 255].flatMap { x in [0, 255].map { y in a * x + b * y } }
                let fits = sums.allSatisfy { (-32768...32767).contains($0) }
                #expect(saturating.contains(b + 127) == !fits, "\(a) \(b)")
            }
        }
    }

    @Test func neighboursAreThoseOfTheKernel() throws {
        // [2, 2, 1, 2]: of output 0 both channels at position 0 are 100, of output 1 both positions of channel 0.
        let values: [Int8] = [100, 0, 100, 0, 100, 100, 0, 0]
        let pairs = try #require(WeightPairs(values, dims: [2, 2, 1, 2], axis: 0, of: Self.conv))
        #expect(pairs.saturating == [0] && pairs.perChannel == 2)
        // A column of a [K, N] matrix is one output.
        let columns = try #require(
            WeightPairs([100, 1, 100, 1], dims: [2, 2], axis: 1, of: Node(op: "MatMul", inputs: [], outputs: [])))
        #expect(columns.saturating == [0])
        // The last of an odd number has no neighbour.
        let odd = try #require(WeightPairs([1, 1, 127], dims: [1, 3], axis: 0, of: Self.gemm))
        #expect(odd.saturating.isEmpty && odd.perChannel == 1)
    }

    @Test func depthwiseConvolutionsNeverMultiplyInPairs() {
        let values = [Int8](repeating: 127, count: 4 * 9)
        let depthwise = Node(op: "Conv", inputs: [], outputs: [], attributes: [.int("group", 4)])
        #expect(WeightPairs(values, dims: [4, 1, 3, 3], axis: 0, of: depthwise) == nil)
        #expect(WeightPairs(values, dims: [4, 1, 3, 3], axis: 0, of: Self.conv) != nil)
        #expect(WeightPairs([], dims: [0, 1, 3, 3], axis: 0, of: Self.conv) == nil)
    }

    @Test func theExpectedShareFollowsTheHistogram() throws {
        let grid = Affine(scale: 1, zeroPoint: 0)
        let pairs = try #require(WeightPairs([100, 100, 100, -100], dims: [2, 2], axis: 0, of: Self.gemm))
        func share(_ values: [Float]) throws -> Double {
            pairs.expectedShare(try #require(try ActivationLevels(TensorStatistics(of: values), on: grid)))
        }
        #expect(try share([255, 255, 255]) == 0.5)
        #expect(try share([100, 100]) == 0)
        // Both neighbours must be 255: a quarter of the pairs of one output of two.
        #expect(abs(try share([255, 0]) - 0.125) < 1e-9)
        #expect(ActivationLevels(TensorStatistics(), on: grid) == nil)
    }

    @Test func onlyChannelsThatCanSaturateAreMadeNarrow() throws {
        let floats: [Float] = [1, 1, 0.5, -0.5]
        let weight = Tensor(name: "w", floats: floats, dims: [2, 2])
        let wide = try QuantizedWeight(weight, axis: 0)
        let risky = try #require(WeightPairs(wide, of: Self.gemm)).saturating
        #expect(risky == [0])
        let narrow = try QuantizedWeight(weight, axis: 0, narrow: risky)
        #expect(narrow.limits == [63, 127])
        #expect(narrow.values == [63, 63, 127, -127])
        #expect(narrow.scales[1] == wide.scales[1])
        #expect(try #require(WeightPairs(narrow, of: Self.gemm)).saturating.isEmpty)
        #expect(zip(narrow.dequantized(), floats).allSatisfy { abs($0 - $1) < 0.01 })
    }

    /// Rounding by covariance may move a value by many steps, but not out of 7 bits.
    @Test func narrowChannelsStayNarrowWhateverTheRounding() throws {
        let width = 8
        var numbers = SeededNumbers(4)
        let floats = numbers.floats(width * 3)
        let weight = try QuantizedWeight(
            Tensor(name: "w", floats: floats, dims: [3, width]), axis: 0, narrow: [0, 2])
        let covariance = (0..<width * width).map { $0 % (width + 1) == 0 ? 1.0 : 0.97 }
        let rounding = try #require(SecondOrderRounding(covariance: covariance, width: width))
        for channel in [0, 2] {
            let row = Array(floats[(channel * width)..<((channel + 1) * width)])
            let rounded = rounding.rounded(row, scale: weight.scales[channel], limit: weight.limits[channel])
            #expect(rounded.allSatisfy { abs(Int($0)) <= 63 })
        }
        let other = try QuantizedWeight(Tensor(name: "w", floats: floats.map { -$0 }, dims: [3, width]), axis: 0)
        let mixed = weight.replacing([1], from: other)
        #expect(mixed.values[..<width] == weight.values[..<width])
        #expect(mixed.values[width..<(2 * width)] == other.values[width..<(2 * width)])
    }

    /// The same grid, shifted: what S8 artifacts hold is what U8 ones hold, less 128.
    @Test func signedArtifactsAreUnsignedOnesShifted() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let sum = g.add("Add", [g.relu(g.conv(x, 8)), g.floats([8, 1, 1])])
        g.output(g.conv(sum, 8))
        let planned = try Planned(g)
        let (u8, s8) = try (planned.emit(), planned.emit(.arm))
        #expect(u8.nodes.map(\.op) == s8.nodes.map(\.op) && s8.structuralProblems() == [])
        var shifted = 0
        for (a, b) in zip(u8.initializers, s8.initializers) {
            guard a.type == .uint8 else {
                #expect(a == b)
                continue
            }
            shifted += 1
            #expect(b.type == .int8 && b.dims == a.dims)
            #expect(try a.int64s().map { $0 - 128 } == b.int64s())
        }
        #expect(shifted > 3)
        #expect(!s8.initializers.contains { $0.type == .uint8 })
    }
}
