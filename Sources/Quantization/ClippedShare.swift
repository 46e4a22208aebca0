extension TensorStatistics {
    /// Share of the values seen that lie beyond `grid` by more than half a step: those change by more than rounding changes
    /// any value. Within a bin that an end cuts through, values are taken to be spread evenly. Nil before the first value.
    package func clippedShare(by grid: Affine) -> Double? {
        let slack = Double(grid.scale) / 2
        let (low, high) = (Double(grid.range.low) - slack, Double(grid.range.high) + slack)
        let total = bins.reduce(0, +)
        guard !isEmpty, total > 0 else { return nil }
        guard Double(minimum) < low || Double(maximum) > high else { return 0 }
        var clipped = 0.0
        for (place, count) in bins.enumerated() where count > 0 {
            // Nothing was seen outside the extremes, so the outermost bins end there.
            let from = max(Double(place - Self.half) * binWidth, Double(minimum))
            let to = min(Double(place + 1 - Self.half) * binWidth, Double(maximum))
            clipped += Double(count) * Self.part(of: from...max(from, to), outside: low...high)
        }
        return clipped / Double(total)
    }

    private static func part(of bin: ClosedRange<Double>, outside range: ClosedRange<Double>) -> Double {
        let width = bin.upperBound - bin.lowerBound
        guard width > 0 else { return range.contains(bin.lowerBound) ? 0 : 1 }
        let inside = min(bin.upperBound, range.upperBound) - max(bin.lowerBound, range.lowerBound)
        return 1 - max(0, inside) / width
    }
}
