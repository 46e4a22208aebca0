import Domain
import Foundation
import Pages

/// A comparison for people: the same rows as a table of text and as a page.
struct ComparisonPages {
    let comparison: Comparison

    /// Jobs are called by letters, since their identifiers are too long for the head of a column.
    private static let letters = Array("ABCDEFGH").map(String.init)
    private var letters: [String] { Array(Self.letters.prefix(comparison.jobs.count)) }
    private var title: String { "Comparison of \(comparison.jobs.count) jobs" }
    private var subject: String { comparison.model.name ?? comparison.model.id.description }

    // MARK: Rows

    private func row(_ label: String, _ value: (Comparison.Column) -> String?) -> [String]? {
        let values = comparison.jobs.map(value)
        return values.contains { $0 != nil } ? [label] + values.map { $0 ?? "–" } : nil
    }

    private var quality: [[String]] {
        [
            row("top-1 FP32") { $0.accuracy.map { Number.percent($0.fp32Top1.share) } },
            row("top-1 INT8") { $0.accuracy.map { Number.percent($0.int8Top1.share) } },
            row("change, points") { $0.accuracy.map { Number.points($0.delta) } },
            row("  95 %") { $0.accuracy.map { interval($0.deltaInterval, by: 100, 1) } },
            row("lost / gained") { $0.accuracy.map { "\($0.lost) / \($0.gained)" } },
            row("mAP 50–95 FP32") { $0.detection?.labelled.map { Number.fixed($0.fp32.map, 3) } },
            row("mAP 50–95 INT8") { $0.detection?.labelled.map { Number.fixed($0.int8.map, 3) } },
            row("boxes like FP32's") { $0.detection?.agreement.map { Number.fixed($0.map, 3) } },
            row("same best class") { $0.fidelity?.top1Agreement.map { Number.percent($0) } },
            row("same class, places") { $0.fidelity?.sameChoices.map { Number.percent($0) } },
            row("SQNR, dB") { $0.fidelity?.sqnrDb.map { Number.fixed($0, 1) } },
            row("held-out samples") { $0.heldOut.map { $0 ? "yes" : "no" } },
            row("gate") { $0.gate.map { $0.met ? "met" : "not met" } },
        ].compactMap { $0 }
    }

    private var speed: [[String]] {
        [
            row("FP32 p50, ms") { $0.latency?.fp32P50Ms.map(Number.short) },
            row("INT8 p50, ms") { $0.latency?.int8P50Ms.map(Number.short) },
            row("INT8 p99, ms") { $0.latency?.int8P99Ms.map(Number.short) },
            row("speed-up") { $0.latency.map { Number.fixed($0.speedup, 2) + "×" } },
            row("  95 %") { $0.latency.map { interval($0.speedupInterval, by: 1, 2) } },
            row("noise floor") { $0.latency.map { Number.percent($0.noiseFloor) } },
            row("stability") { $0.latency?.stability.rawValue },
        ].compactMap { $0 }
    }

    private var size: [[String]] {
        [
            row("artifact") { $0.size.map { Number.bytes($0.artifactBytes) } },
            row("smaller by") { $0.size?.ratio.map { Number.times($0) } },
        ].compactMap { $0 }
    }

    private var decisions: [[String]] {
        [
            row("form") { $0.plan?.form },
            row("integer MACs") { $0.coverage?.macShare.map { Number.percent($0) } },
            row("weights in 8 bits") { $0.plan?.quantizedWeights.map(String.init) },
            row("layers in float") { $0.plan?.keptFloat.map(String.init) },
        ].compactMap { $0 }
    }

    private var options: [[String]] {
        comparison.options.map { option in [option.name] + option.values.map { $0.map(Self.brief) ?? "–" } }
    }

    /// A digest by its beginning; the whole is in the JSON.
    private static func brief(_ value: String) -> String {
        if value.hasPrefix("sha256:") { return String(value.dropFirst(7).prefix(10)) + "…" }
        return value.count > 24 ? value.prefix(23) + "…" : value
    }

    private func interval(_ interval: Report.Interval, by factor: Double, _ decimals: Int) -> String {
        "\(Number.fixed(interval.low * factor, decimals))…\(Number.fixed(interval.high * factor, decimals))"
    }

    private var sections: [(title: String, rows: [[String]])] {
        [
            ("Quality", quality), ("Speed", speed), ("Size", size), ("What was decided", decisions),
            ("Options that differ", options),
        ].filter { !$0.1.isEmpty }
    }

    private var planWords: String? {
        guard let plan = comparison.plan else { return nil }
        guard plan.nodesDiffering + plan.tensorsDiffering > 0 else { return "The plans are the same." }
        return
            "\(plan.nodesDiffering) nodes run otherwise in one job than in another, and \(plan.tensorsDiffering) tensors have "
            + "other ranges."
    }

    private func nodes(_ most: Int) -> [[String]] {
        (comparison.plan?.nodes ?? []).prefix(most).map { ["\($0.op) \($0.node)"] + $0.fates.map { $0 ?? "–" } }
    }

    private func tensors(_ most: Int) -> [[String]] {
        (comparison.plan?.tensors ?? []).prefix(most).map { tensor in
            [tensor.tensor]
                + tensor.ranges.map { range in
                    range.map { "\(Number.short($0.low))…\(Number.short($0.high))" } ?? "float"
                }
        }
    }

    // MARK: Text

    func text(width: Int = 92) -> String {
        var page = TextTable(width: width)
        page.heading(title, subject)
        page.rule()
        for (letter, job) in zip(letters, comparison.jobs) {
            page.field(letter, "\(job.id), \(job.scheme.rawValue)\(job.verdict.map { ": \($0)" } ?? "")")
        }
        for section in sections {
            page.heading(section.title)
            page.columns([[""] + letters] + section.rows)
        }
        if let planWords {
            page.heading("Plans")
            page.sentence(planWords)
            for rows in [nodes(20), tensors(10)] where !rows.isEmpty { page.columns([[""] + letters] + rows) }
        }
        for note in comparison.notes { page.sentence("Note: " + note) }
        return page.text
    }

    // MARK: HTML

    func html() -> String {
        HTMLPage(title: "Octavo: \(title)").render { page in
            page.element("p", ["class": "kicker"], "Octavo comparison · \(subject)")
            page.element("h1", title)
            page.element("dl") { list in
                for (letter, job) in zip(letters, comparison.jobs) {
                    list.element("dt", letter)
                    list.element("dd", "\(job.id), \(job.scheme.rawValue)\(job.verdict.map { ": \($0)" } ?? "")")
                }
            }
            charts(&page)
            for section in sections {
                page.element("section") { part in
                    part.element("h2", section.title)
                    part.table([["job"] + letters] + section.rows)
                }
            }
            plans(&page)
            notes(&page)
        }
    }

    private func charts(_ page: inout Markup) {
        let jobs = zip(letters, comparison.jobs)
        let speed = jobs.compactMap { letter, job in
            job.latency.map { latency in
                BarChart.Bar(
                    letter, latency.speedup, Number.fixed(latency.speedup, 2) + "×", "int8",
                    interval: (latency.speedupInterval.low, latency.speedupInterval.high))
            }
        }
        BarChart(title: "Speed-up over FP32, with its 95 % interval", bars: speed).draw(into: &page)
        let accuracy = jobs.compactMap { letter, job in
            job.accuracy.map { accuracy in
                BarChart.Bar(
                    letter, accuracy.int8Top1.share, Number.percent(accuracy.int8Top1.share), "int8",
                    interval: (accuracy.int8Top1.interval.low, accuracy.int8Top1.interval.high))
            }
        }
        BarChart(title: "Top-1 of INT8, with its 95 % interval", bars: accuracy, limit: 1).draw(into: &page)
        let size = jobs.compactMap { letter, job in
            job.size.map {
                BarChart.Bar(letter, Double($0.artifactBytes), Number.bytes($0.artifactBytes), "int8")
            }
        }
        BarChart(title: "Size of the artifact", bars: size).draw(into: &page)
    }

    private func plans(_ page: inout Markup) {
        guard let planWords else { return }
        page.element("section") { part in
            part.element("h2", "Plans")
            part.element("p", planWords)
            for (caption, rows) in [("Nodes that run otherwise", nodes(100)), ("Ranges that differ", tensors(100))]
            where !rows.isEmpty {
                part.table([["name"] + letters] + rows, caption: caption)
            }
        }
    }

    private func notes(_ page: inout Markup) {
        guard !comparison.notes.isEmpty else { return }
        page.element("ul", ["class": "plain"]) { list in
            for note in comparison.notes { list.element("li", note) }
        }
    }
}
