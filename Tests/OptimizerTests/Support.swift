import TestGraphs

extension GraphBuilder {
    /// The sum of two Convs of 32 channels, of which the first is `factor` times as large as the others in one of them.
    mutating func uneven(_ x: String, by factor: Float) -> String {
        let scales = [factor] + [Float](repeating: 1, count: 31)
        let wide = add("Mul", [conv(x, 32), constant(scales, [32, 1, 1])])
        return add("Add", [wide, conv(x, 32)])
    }
}
