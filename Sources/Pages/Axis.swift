import Glibc

/// One side of a plot: which values lie on it, and where the ticks are.
package struct Axis {
    package struct Tick {
        var value: Double
        var label: String
    }
    private enum Scale { case linear, symmetricLogarithm }

    let title: String
    let ticks: [Tick]
    private let ends: (low: Double, high: Double)
    private let scale: Scale

    /// Evenly spaced values, with about `count` ticks at round numbers; at whole ones where only they mean something.
    package static func linear(
        _ title: String, from low: Double, to high: Double, ticks count: Int = 5, whole: Bool = false
    ) -> Axis {
        let (low, high) = ends(low, high)
        let rough = (high - low) / Double(max(1, count))
        let power = pow(10, log10(rough).rounded(.down))
        let fine = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
        let step = whole ? max(1, fine) : fine
        // As many decimals as tell one tick from the next.
        let decimals = Int(max(0, -log10(step).rounded(.down)))
        let first = (low / step).rounded(.up)
        let values = (0...count + 1).map { (first + Double($0)) * step }.filter { $0 <= high + step * 1e-6 }
        return Axis(
            title: title, ticks: values.map { Tick(value: $0, label: Number.fixed($0, min(decimals, 9))) },
            ends: (low, high), scale: .linear)
    }

    /// Values of either sign whose sizes differ by orders of magnitude: linear up to about 1, logarithmic beyond.
    package static func symmetricLogarithm(_ title: String, from low: Double, to high: Double) -> Axis {
        let (low, high) = ends(low, high)
        let powers = [1.0, 10, 100, 1000, 1e4, 1e5, 1e6, 1e9]
        let values = (powers.reversed().map { -$0 } + [0] + powers).filter { (low...high).contains($0) }
        return Axis(
            title: title, ticks: values.map { Tick(value: $0, label: Number.tick($0)) }, ends: (low, high),
            scale: .symmetricLogarithm)
    }

    private static func ends(_ low: Double, _ high: Double) -> (low: Double, high: Double) {
        guard low.isFinite, high.isFinite, (high - low).isFinite else { return (0, 1) }
        return high - low > abs(high) * 1e-9 ? (low, high) : (low, low + 1)
    }

    /// 0 at the lower end, 1 at the upper; values beyond are put at the ends.
    func place(_ value: Double) -> Double {
        let (low, high) = (transformed(ends.low), transformed(ends.high))
        return min(1, max(0, (transformed(value.isFinite ? value : ends.low) - low) / (high - low)))
    }

    private func transformed(_ value: Double) -> Double {
        switch scale {
        case .linear: value
        case .symmetricLogarithm: asinh(value)
        }
    }
}

extension Number {
    /// A tick's label: whole numbers without decimals, large ones short.
    fileprivate static func tick(_ value: Double) -> String {
        let text = abs(value) >= 1e4 ? "1e\(Int(log10(abs(value))))" : fixed(abs(value), 0)
        return value < 0 ? "−" + text : text
    }
}
