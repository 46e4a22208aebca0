package import ModelGraph

/// A weight matrix in blocks of few bits: along its inputs, every block of an output has a scale and a zero point of its own
/// (com.microsoft.MatMulNBits).
package struct BlockwiseWeight: Sendable, Hashable {
    package let bits: Int
    /// Inputs in one block: 16, 32, 64, 128 or 256.
    package let size: Int
    package let inputs: Int
    package let outputs: Int
    /// One integer after the other, output by output, blocks filled up to their size.
    private(set) var integers: [UInt8]
    private(set) var scales: [Float]
    private(set) var zeroPoints: [UInt8]

    package static let sizes: Set<Int> = [16, 32, 64, 128, 256]

    var blocks: Int { (inputs + size - 1) / size }

    /// Rounds a matrix whose outputs are along `axis`. Of some narrower ranges each block takes the one with the least
    /// squared error: at 4 bits a block's extremes are often not worth their step.
    package init(_ weight: Tensor, axis: Int, bits: Int, size: Int) throws {
        let floats = try weight.floats()
        guard floats.allSatisfy(\.isFinite) else {
            throw QuantizationError.unquantizable(tensor: weight.name, why: "it holds NaN or infinity")
        }
        self.bits = bits
        self.size = size
        outputs = weight.dims[axis]
        inputs = weight.dims[1 - axis]
        let count = (inputs + size - 1) / size
        integers = []
        integers.reserveCapacity(outputs * count * size)
        scales = []
        zeroPoints = []
        let (outputStride, inputStride) = axis == 0 ? (inputs, 1) : (1, outputs)
        for output in 0..<outputs {
            for block in 0..<count {
                let range = (block * size)..<min((block + 1) * size, inputs)
                let values = range.map { floats[output * outputStride + $0 * inputStride] }
                let grid = Self.grid(of: values, bits: bits)
                integers += values.map { UInt8(grid.integer($0)) }
                integers += Array(repeating: UInt8(grid.zeroPoint), count: size - values.count)
                scales.append(grid.scale)
                zeroPoints.append(UInt8(grid.zeroPoint))
            }
        }
    }

    /// The same matrix on the same grids, each output rounded by the covariance of its inputs. Nil where that cannot be
    /// inverted.
    func rounded(_ floats: [Float], axis: Int, by covariance: InputCovariance) -> BlockwiseWeight? {
        guard covariance.groups == 1, covariance.width == inputs, floats.count == inputs * outputs,
            let rounding = SecondOrderRounding(covariance: covariance.moments(0), width: inputs)
        else { return nil }
        var result = self
        let top = Double(1 << bits - 1)
        let (outputStride, inputStride) = axis == 0 ? (inputs, 1) : (1, outputs)
        for output in 0..<outputs {
            let row = (0..<inputs).map { floats[output * outputStride + $0 * inputStride] }
            let rounded: [UInt8] = rounding.integers(row) { place, value in
                let block = output * blocks + place / size
                let (scale, zero) = (Double(scales[block]), Double(zeroPoints[block]))
                let whole = min(max((value / scale).rounded(.toNearestOrEven) + zero, 0), top)
                return (UInt8(whole), (whole - zero) * scale)
            }
            let start = output * blocks * size
            for (place, integer) in rounded.enumerated() { result.integers[start + place] = integer }
        }
        return result
    }

    private static func grid(of values: [Float], bits: Int) -> Affine {
        let top = 1 << bits - 1
        let (low, high) = (values.min() ?? 0, values.max() ?? 0)
        let shares: [Float] = bits < 8 ? [1, 0.95, 0.9, 0.85, 0.8, 0.75] : [1]
        var best = (grid: Affine.unsigned(ValueRange(low: low, high: high), top: top), error: Double.infinity)
        for share in shares {
            let grid = Affine.unsigned(ValueRange(low: low * share, high: high * share), top: top)
            let error = values.reduce(0.0) { sum, value in
                let difference = Double(value) - grid.roundTrip(Double(value))
                return sum + difference * difference
            }
            if error < best.error { best = (grid, error) }
        }
        return best.grid
    }

    /// The float matrix that the kernel really multiplies with, outputs along `axis`.
    func restored(axis: Int) -> [Float] {
        var result = [Float](repeating: 0, count: inputs * outputs)
        let (outputStride, inputStride) = axis == 0 ? (inputs, 1) : (1, outputs)
        for output in 0..<outputs {
            for input in 0..<inputs {
                let block = output * blocks + input / size
                let integer = Int(integers[block * size + input % size]) - Int(zeroPoints[block])
                result[output * outputStride + input * inputStride] = Float(integer) * scales[block]
            }
        }
        return result
    }

    // MARK: As the runtime stores it

    /// [outputs, blocks, bytes of a block], the first of two 4-bit integers in the low half of a byte.
    func packedIntegers(named name: String) -> Tensor {
        let bytes = bits == 8 ? integers : Self.inPairs(integers)
        return Tensor(name: name, uint8s: bytes, dims: [outputs, blocks, size * bits / 8])
    }

    /// Zero points of an output's blocks, filled up to whole bytes.
    func packedZeroPoints(named name: String) -> Tensor {
        guard bits == 4 else { return Tensor(name: name, uint8s: zeroPoints, dims: [outputs, blocks]) }
        let rows = (0..<outputs).map { Array(zeroPoints[($0 * blocks)..<(($0 + 1) * blocks)]) }
        let bytes = rows.flatMap { Self.inPairs($0.count % 2 == 0 ? $0 : $0 + [0]) }
        return Tensor(name: name, uint8s: bytes, dims: [outputs, (blocks + 1) / 2])
    }

    private static func inPairs(_ values: [UInt8]) -> [UInt8] {
        stride(from: 0, to: values.count - 1, by: 2).map { values[$0] | values[$0 + 1] << 4 }
    }
}
