import Domain
import Pages

/// The plots of the page. Each one's words say what matters in it, and a table beside or below it has the numbers.
extension ReportHTML {
    /// How often which latency was seen, of both models on one axis.
    static func distribution(_ latency: Report.Latency, _ page: inout Markup) {
        guard let shown = latency.distribution else { return }
        let end = shown.fromMs + shown.binMs * Double(max(shown.fp32.count, shown.int8.count))
        let most = Double((shown.fp32 + shown.int8).max() ?? 1)
        func words(_ name: String, _ series: Report.Latency.Series, _ above: Int) -> String {
            let middle = series.p50Ms.map { ", median \(Number.short($0)) ms" } ?? ""
            return "\(name): \(series.timings) timings\(middle), \(above) beyond the right end."
        }
        Plot(
            title: "How often which latency was seen",
            words: words("FP32", latency.fp32, shown.fp32Above) + " " + words("INT8", latency.int8, shown.int8Above),
            x: .linear("milliseconds", from: shown.fromMs, to: end),
            y: .linear("timings", from: 0, to: most, ticks: 3, whole: true),
            key: [("fp32", "FP32"), ("int8", "INT8")],
            shapes: [
                .steps(shown.fp32.map(Double.init), start: shown.fromMs, width: shown.binMs, kind: "fp32"),
                .steps(shown.int8.map(Double.init), start: shown.fromMs, width: shown.binMs, kind: "int8"),
            ]
        ).draw(into: &page)
    }

    /// Each layer's noise by itself, and what all of it has added up to there, in the model's order.
    static func noise(_ layers: [Report.Plan.Layer], _ page: inout Markup) {
        let ordered = layers.sorted { ($0.place ?? .max, $0.node) < ($1.place ?? .max, $1.node) }
        guard ordered.count > 1 else { return }
        let alone = ordered.enumerated().map { (x: Double($0), y: $1.sqnrDb) }
        let summed = ordered.enumerated().compactMap { place, layer in
            layer.accumulatedSqnrDb.map { (x: Double(place), y: $0) }
        }
        let values = alone.map(\.y) + summed.map(\.y)
        let (low, high) = (min(0, values.min() ?? 0), min(80, values.max() ?? 60))
        var words = "\(ordered.count) layers"
        if let worst = layers.min(by: { $0.sqnrDb < $1.sqnrDb }) {
            words += "; the noisiest alone is \(worst.node) with \(Number.fixed(worst.sqnrDb, 1)) dB"
        }
        if let last = ordered.last(where: { $0.accumulatedSqnrDb != nil }), let sum = last.accumulatedSqnrDb {
            words += "; with all in integers \(Number.fixed(sum, 1)) dB are left at the last, \(last.node)"
        }
        Plot(
            title: "Signal over noise of each layer's output", words: words + ".",
            x: .linear("layers in order", from: 0, to: Double(ordered.count - 1), whole: true),
            y: .linear("dB", from: low, to: high, ticks: 4),
            key: [("int8", "this layer alone in integers")]
                + (summed.isEmpty ? [] : [("fp32", "all layers in integers")]),
            shapes: [.line(summed, kind: "fp32"), .dots(alone, kind: "int8")]
        ).draw(into: &page)
        page.folded(
            "The same as a table",
            [["layer", "alone, dB", "accumulated, dB", "weight, dB"]]
                + ordered.prefix(1000).map { layer in
                    [layer.node, Number.fixed(layer.sqnrDb, 1)]
                        + [layer.accumulatedSqnrDb, layer.weightSqnrDb].map { $0.map { Number.fixed($0, 1) } ?? "–" }
                })
    }

    /// What each quantized tensor can hold, in the model's order.
    static func ranges(_ ranges: [Report.Plan.Range], _ page: inout Markup) {
        guard ranges.count > 1, let low = ranges.map(\.low).min(), let high = ranges.map(\.high).max() else { return }
        let widest = ranges.max { $0.high - $0.low < $1.high - $1.low }
        let words = widest.map { "the widest is \($0.tensor), \(Number.short($0.low)) to \(Number.short($0.high))" }
        Plot(
            title: "Ranges of the quantized activations", words: "\(ranges.count) tensors; \(words ?? "").",
            x: .linear("tensors in order", from: 0, to: Double(ranges.count - 1), whole: true),
            y: .symmetricLogarithm("value", from: low, to: high),
            shapes: [
                .spans(ranges.enumerated().map { (x: Double($0), low: $1.low, high: $1.high) }, kind: "int8")
            ]
        ).draw(into: &page)
        page.folded(
            "The same as a table",
            [["tensor", "low", "high", "clipped"]]
                + ranges.prefix(1000).map {
                    [
                        $0.tensor, Number.short($0.low), Number.short($0.high),
                        $0.clippedShare.map(Report.Plan.percent) ?? "–",
                    ]
                })
    }

    /// Speed against loss of the artifacts that were tried for the gate.
    static func frontier(_ search: Report.Search, _ gate: Report.Gate?, _ page: inout Markup) {
        let timed = search.candidates.compactMap { candidate in candidate.speedup.map { (candidate, $0) } }
        guard timed.count > 1 else { return }
        func points(_ isShown: (Report.Search.Candidate) -> Bool) -> [(x: Double, y: Double)] {
            timed.filter { isShown($0.0) }.map { (x: $0.1, y: $0.0.drop * 100) }
        }
        let drops = timed.map { $0.0.drop * 100 } + [0, (gate?.maxDrop ?? 0) * 100]
        let speeds = timed.map(\.1) + [1]
        let (slow, fast) = (speeds.min() ?? 1, speeds.max() ?? 1)
        let chosen = timed.first { $0.0.chosen }
        var shapes: [Plot.Shape] = []
        if let gate {
            let bound = gate.maxDrop * 100
            shapes.append(.line([(x: slow, y: bound), (x: fast, y: bound)], kind: "fp32"))
        }
        shapes += [
            .dots(points { !$0.met }, kind: "bad"), .dots(points { $0.met && !$0.chosen }, kind: "int8"),
            .dots(points { $0.chosen }, kind: "good"),
        ]
        if let chosen { shapes.append(.label("delivered", x: chosen.1, y: chosen.0.drop * 100)) }
        let delivered = chosen.map {
            " The delivered one runs at \(Number.times($0.1)) and drops by \(Number.percent($0.0.drop, 2))."
        }
        Plot(
            title: "Speed against loss of the artifacts that were tried",
            words: "\(timed.count) artifacts, \(timed.count { $0.0.met }) of them meet the gate.\(delivered ?? "")",
            x: .linear("speed-up", from: slow, to: fast),
            y: .linear("drop, %", from: drops.min() ?? 0, to: drops.max() ?? 1, ticks: 4),
            key: [("bad", "misses the gate"), ("int8", "meets it"), ("good", "delivered"), ("fp32", "the gate")],
            shapes: shapes
        ).draw(into: &page)
    }
}
