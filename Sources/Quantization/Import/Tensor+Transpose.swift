import ModelGraph

extension Tensor {
    /// The same values with axes in the order `order`, as ONNX's Transpose does.
    func transposed(_ order: [Int]) throws -> Tensor {
        guard order.sorted() == Array(dims.indices), type.byteWidth > 0 else {
            throw QuantizationError.unquantizable(tensor: name, why: "its axes cannot be put in the order \(order)")
        }
        var strides = [Int](repeating: 1, count: dims.count)
        for axis in dims.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * dims[axis + 1] }
        let (newDims, newStrides) = (order.map { dims[$0] }, order.map { strides[$0] })
        let width = type.byteWidth
        let bytes = try withBytes { source in
            var result: [UInt8] = []
            result.reserveCapacity(source.count)
            var place = [Int](repeating: 0, count: dims.count)
            var from = 0
            for _ in 0..<count {
                for byte in 0..<width { result.append(source[from * width + byte]) }
                for axis in newDims.indices.reversed() {
                    place[axis] += 1
                    from += newStrides[axis]
                    guard place[axis] == newDims[axis] else { break }
                    from -= newStrides[axis] * newDims[axis]
                    place[axis] = 0
                }
            }
            return result
        }
        return Tensor(name: name, type: type, dims: newDims, bytes: bytes)
    }
}
