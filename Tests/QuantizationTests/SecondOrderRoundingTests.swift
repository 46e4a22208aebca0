import CKernels
import ModelGraph
import TestGraphs
import Testing

@testable import Quantization

/// Rounding by the covariance of the inputs.
@Suite struct SecondOrderRoundingTests {
    /// Rows of `width` values that all follow a few hidden ones: strongly correlated.
    private static func correlated(_ rows: Int, _ width: Int, seed: UInt64) -> [Float] {
        var numbers = SeededNumbers(seed)
        let mixing = numbers.floats(3 * width)
        return (0..<rows).flatMap { _ in
            let hidden = numbers.floats(3)
            let noise = numbers.floats(width, -0.05...0.05)
            return (0..<width).map { k in
                noise[k] + (0..<3).reduce(Float(0)) { $0 + hidden[$1] * mixing[$1 * width + k] }
            }
        }
    }

    private static func gram(_ rows: [Float], _ width: Int, reference: Bool = false) -> (gram: [Double], sums: [Double])
    {
        var gram = [Double](repeating: 0, count: width * width)
        var sums = [Double](repeating: 0, count: width)
        let add = reference ? octavo_gram_f32_reference : octavo_gram_f32
        #expect(add(rows, rows.count / width, width, &gram, &sums))
        return (gram, sums)
    }

    @Test(arguments: [1, 2, 7, 8, 9, 31, 64, 65]) func everyVariantGivesTheSameBits(_ width: Int) {
        for rows in [1, 63, 64, 65, 200] {
            let values = Self.correlated(rows, width, seed: UInt64(rows * 100 + width))
            let (a, b) = (Self.gram(values, width), Self.gram(values, width, reference: true))
            #expect(a.gram == b.gram && a.sums == b.sums)
        }
    }

    @Test func theGramIsTheSumOfProducts() {
        let values = Self.correlated(50, 5, seed: 1)
        let (gram, sums) = Self.gram(values, 5)
        for i in 0..<5 {
            #expect(abs(sums[i] - (0..<50).reduce(0) { $0 + Double(values[$1 * 5 + i]) }) < 1e-4)
            for j in i..<5 {
                let sum = (0..<50).reduce(0.0) { $0 + Double(values[$1 * 5 + i]) * Double(values[$1 * 5 + j]) }
                #expect(abs(gram[i * 5 + j] - sum) < 1e-4)
            }
        }
    }

    /// Every patch of a convolution with padding, stride and dilation, against its definition.
    @Test func patchesAreWhatTheKernelSees() {
        var shape = octavo_patch_shape(
            channels: 2, height: 5, width: 6, kernel_y: 3, kernel_x: 2, stride_y: 2, stride_x: 1, dilation_y: 1,
            dilation_x: 2, pad_top: 1, pad_left: 1, out_height: 3, out_width: 6)
        let x = (0..<60).map { Float($0 + 1) }
        var rows = [Float](repeating: -1, count: 18 * 12)
        octavo_patches_f32(x, &shape, 0, 1, 18, &rows)
        for position in 0..<18 {
            for c in 0..<2 {
                for ky in 0..<3 {
                    for kx in 0..<2 {
                        let (y, column) = (position / 6 * 2 - 1 + ky, position % 6 - 1 + 2 * kx)
                        let inside = (0..<5).contains(y) && (0..<6).contains(column)
                        let expected: Float = inside ? x[c * 30 + y * 6 + column] : 0
                        #expect(rows[position * 12 + c * 6 + ky * 2 + kx] == expected)
                    }
                }
            }
        }
    }

    private func covariance(_ rows: [Float], _ width: Int, biased: Bool = true) throws -> InputCovariance {
        var g = GraphBuilder()
        let x = g.input("x", [rows.count / width, width])
        g.output(biased ? g.gemm(x, 4, transposed: false) : g.matMul(x, 4))
        let topology = g.topology()
        let anchor = try Anchor.find(topology.graph.nodes[0], at: 0, in: topology).get()
        let covariance = try #require(InputCovariance(anchor, in: topology, widest: 640))
        rows.withUnsafeBufferPointer { covariance.add($0, shape: [rows.count / width, width]) }
        return covariance
    }

    /// Mean over outputs of the variance of the error that integer weights make.
    private func noise(_ weight: [Float], _ quantized: QuantizedWeight, _ rows: [Float], _ width: Int) -> Double {
        let outputs = weight.count / width
        let restored = quantized.dequantized()
        let count = rows.count / width
        return (0..<outputs).reduce(0.0) { total, o in
            let errors = (0..<count).map { r in
                (0..<width).reduce(0.0) {
                    $0 + Double(rows[r * width + $1]) * Double(weight[$1 * outputs + o] - restored[$1 * outputs + o])
                }
            }
            let mean = errors.reduce(0, +) / Double(count)
            return total + errors.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        }
    }

    @Test func correlatedInputsLoseFarLess() throws {
        let width = 24
        let rows = Self.correlated(400, width, seed: 3)
        var numbers = SeededNumbers(9)
        let weight = numbers.floats(width * 4)
        let nearest = try QuantizedWeight(Tensor(name: "w", floats: weight, dims: [width, 4]), axis: 1)
        let rounded = try #require(nearest.rounded(weight, by: covariance(rows, width)))
        #expect(rounded.scales == nearest.scales && rounded.values != nearest.values)
        let (before, after) = (noise(weight, nearest, rows, width), noise(weight, rounded, rows, width))
        #expect(after < before / 4, "\(before) -> \(after)")
    }

    @Test(arguments: [(4, 16), (4, 32), (8, 16)]) func blocksLoseFarLessToo(_ bits: Int, _ size: Int) throws {
        let width = 40
        let rows = Self.correlated(400, width, seed: 3)
        var numbers = SeededNumbers(9)
        let weight = numbers.floats(width * 4)
        let tensor = Tensor(name: "w", floats: weight, dims: [width, 4])
        let nearest = try QuantizedWeight(blocks: tensor, axis: 1, bits: bits, size: size)
        let rounded = try #require(nearest.rounded(weight, by: covariance(rows, width)))
        #expect(rounded.blocks?.scales == nearest.blocks?.scales && rounded != nearest)
        let largest = rounded.blocks?.integers.max() ?? 255
        #expect(Int(largest) < 1 << bits)
        let (before, after) = (noise(weight, nearest, rows, width), noise(weight, rounded, rows, width))
        #expect(after < before / 3, "\(before) -> \(after)")
        // What fills up the last block still stands for zero.
        let blocks = try #require(rounded.blocks)
        for output in 0..<4 {
            let last = output * blocks.blocks + blocks.blocks - 1
            let padding = blocks.integers[(last * size + width % size)..<((last + 1) * size)]
            #expect(padding.allSatisfy { $0 == blocks.zeroPoints[last] })
        }
    }

    /// What a bias cannot take away again must not arise: on a constant input the errors of the weights cancel.
    @Test func aProductWithoutABiasIsRoundedByItsMeansToo() throws {
        let width = 24
        let rows = [Float](repeating: 3, count: 40 * width)
        var numbers = SeededNumbers(9)
        let weight = numbers.floats(width * 4)
        let nearest = try QuantizedWeight(Tensor(name: "w", floats: weight, dims: [width, 4]), axis: 1)
        let rounded = try #require(nearest.rounded(weight, by: covariance(rows, width, biased: false)))
        func drift(_ quantized: QuantizedWeight) -> Float {
            let restored = quantized.dequantized()
            return (0..<4).map { o in
                abs((0..<width).reduce(0) { $0 + weight[$1 * 4 + o] - restored[$1 * 4 + o] }) / quantized.scales[o]
            }.max() ?? 0
        }
        #expect(drift(rounded) < 0.6 && drift(nearest) > drift(rounded), "\(drift(nearest)) -> \(drift(rounded))")
    }

    @Test func uncorrelatedInputsAreRoundedToNearest() throws {
        let width = 8
        var covariance = [Double](repeating: 0, count: width * width)
        for i in 0..<width { covariance[i * width + i] = Double(i + 1) }
        var numbers = SeededNumbers(2)
        let weights = numbers.floats(width)
        let rounding = try #require(SecondOrderRounding(covariance: covariance, width: width))
        let nearest = weights.map { Int8(max(-127, min(127, ($0 / 0.01).rounded()))) }
        #expect(rounding.rounded(weights, scale: 0.01) == nearest)
    }

    @Test func whatCannotBeInvertedIsLeftAlone() throws {
        #expect(SecondOrderRounding(covariance: [0, 0, 0, 0], width: 2) == nil)
        #expect(SecondOrderRounding(covariance: [1, .nan, .nan, 1], width: 2) == nil)
        #expect(SecondOrderRounding(covariance: [1, 0, 0, -9], width: 2) == nil)
        #expect(SecondOrderRounding(covariance: [], width: 0) == nil)
        let silent = try covariance([Float](repeating: 3, count: 40), 4)
        let weight = try QuantizedWeight(Tensor(name: "w", floats: [1, 2, 3, 4], dims: [4, 1]), axis: 1)
        #expect(weight.rounded([1, 2, 3, 4], by: silent) == nil, "a constant input has no covariance")
    }
}
