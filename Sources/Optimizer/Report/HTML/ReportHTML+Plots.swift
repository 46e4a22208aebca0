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
            return "\(name): \(Number.count(series.timings, "timing"))\(middle), \(above) beyond the right end."
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
        var words = Number.count(ordered.count, "layer")
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
            title: "Ranges of the quantized activations",
            words: "\(Number.count(ranges.count, "tensor")); \(words ?? "").",
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

    /// Speed against loss of the candidates: what the gate measures where there is one, or else noise against FP32.
    static func frontier(_ search: Report.Search, _ gate: Report.Gate?, _ page: inout Markup) {
        let isGated = gate != nil && search.candidates.count(where: { $0.drop != nil && $0.speedup != nil }) > 1
        let points = search.candidates.compactMap { candidate -> FrontierPoint? in
            let loss = isGated ? candidate.drop.map { $0 * 100 } : candidate.sqnrDb.map { -$0 }
            guard let speedup = candidate.speedup, let loss else { return nil }
            return FrontierPoint(candidate: candidate, speedup: speedup, loss: loss)
        }
        guard points.count > 1 else { return }
        func dots(_ isShown: (FrontierPoint) -> Bool) -> [(x: Double, y: Double)] {
            points.filter(isShown).map { (x: $0.speedup, y: isGated ? $0.loss : -$0.loss) }
        }
        let speeds = points.map(\.speedup) + [1]
        let (slow, fast) = (speeds.min() ?? 1, speeds.max() ?? 1)
        let heights = dots { _ in true }.map(\.y) + (isGated ? [0, (gate?.maxDrop ?? 0) * 100] : [])
        var shapes: [Plot.Shape] = []
        if isGated, let bound = gate.map({ $0.maxDrop * 100 }) {
            shapes.append(.line([(x: slow, y: bound), (x: fast, y: bound)], kind: "fp32"))
        }
        shapes += [
            .dots(dots { $0.isMissed }, kind: "bad"),
            .dots(dots { !$0.isMissed && !$0.candidate.chosen }, kind: "int8"),
            .dots(dots(\.candidate.chosen), kind: "good"),
        ]
        shapes += points.map { .label($0.candidate.name, x: $0.speedup, y: isGated ? $0.loss : -$0.loss) }
        let unit = isGated ? "drop, %" : "SQNR, dB"
        Plot(
            title: isGated ? "Speed against loss of the candidates" : "Speed against likeness of the candidates",
            words: "\(Number.count(points.count, "candidate")): " + points.map(\.words).joined(separator: ", ") + ".",
            x: .linear("speed-up", from: slow, to: fast),
            y: .linear(unit, from: heights.min() ?? 0, to: heights.max() ?? 1, ticks: 4),
            key: [("int8", "candidate"), ("good", "delivered")]
                + (isGated ? [("bad", "misses the gate"), ("fp32", "the gate")] : []),
            shapes: shapes
        ).draw(into: &page)
    }
}

/// One candidate in the plot.
private struct FrontierPoint {
    var candidate: Report.Search.Candidate
    var speedup: Double
    /// The less the better.
    var loss: Double

    var isMissed: Bool { candidate.met == false && !candidate.chosen }
    var words: String { "\(candidate.name) at \(Number.fixed(speedup, 2))×" }
}

extension Report.Search {
    /// What the columns mean.
    var note: String {
        "Speed-ups over FP32 in short races of this job, which may differ from the longer measurement above. SQNR: the lowest of "
            + "the judged tensors on \(samples) calibration samples. On the frontier: no other is at least as good in speed, "
            + "size and likeness and better in one of them."
    }
}
