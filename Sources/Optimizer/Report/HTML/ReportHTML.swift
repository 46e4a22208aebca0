package import Domain
import Pages

/// The report as one self-contained page: no script, nothing loaded, readable on a phone, in the dark and on paper.
package struct ReportHTML {
    private let report: Report
    private var page = Markup()

    /// The whole document.
    package static func render(_ report: Report) -> String {
        HTMLPage(title: "Octavo report: \(report.identity.model.name ?? "model")").render { main in
            var inner = ReportHTML(report: report)
            inner.sections()
            main.append(inner.page)
        }
    }

    private init(report: Report) { self.report = report }

    private mutating func sections() {
        verdict()
        section("Quality", Self.quality)
        section("Speed", Self.speed)
        section("What runs in integers", Self.coverage)
        section("Layers", Self.layers)
        section("Candidates", Self.search)
        section("Size and memory", Self.size)
        section("Calibration", Self.calibration)
        section("Other processors", Self.portability)
        section("Machine and identity", Self.machine)
        section("Reproduction", Self.reproduction)
        section("Findings", Self.findings)
    }

    /// A section, left out when it has nothing to say.
    private mutating func section(_ title: String, _ write: (Report, inout Markup) -> Void) {
        var body = Markup()
        write(report, &body)
        guard !body.html.isEmpty else { return }
        page.element("section") { section in
            section.element("h2", title)
            section.append(body)
        }
    }

    private mutating func verdict() {
        page.element("p", ["class": "kicker"], "Octavo report · \(report.identity.job)")
        page.element("h1", report.verdict.line)
        if let gate = report.gate {
            page.element("p", ["class": gate.met ? "good" : "bad"]) {
                $0.text("Gate \(gate.metric.rawValue): \(gate.met ? "met" : "not met"), \(gate.detail)")
            }
        }
        let tiles = self.tiles
        page.element("ul", ["class": "tiles"]) { list in
            for (value, label) in tiles {
                list.element("li") { tile in
                    tile.element("b", value)
                    tile.element("span", label)
                }
            }
        }
    }

    private var tiles: [(String, String)] {
        var tiles: [(String, String)] = []
        if let latency = report.latency {
            tiles.append(
                (
                    Number.fixed(latency.speedup, 2) + "×",
                    "speed of FP32, \(latency.threads) thread\(latency.threads == 1 ? "" : "s")"
                ))
        }
        if let ratio = report.size.ratio { tiles.append((Number.times(ratio), "smaller file")) }
        if let accuracy = report.accuracy {
            tiles.append(
                (Number.points(accuracy.delta), "points of top-1, \(Number.count(accuracy.samples, "sample"))"))
        } else if let labelled = report.detection?.labelled {
            tiles.append(
                (DetectionWords.signed(labelled.delta), "mAP 50–95, \(Number.count(labelled.objects, "object"))"))
        } else if let agreement = report.fidelity?.agreement {
            tiles.append((Number.percent(agreement.top1), "same best class as FP32"))
        } else if let lowest = report.fidelity?.outputs.compactMap(\.sqnrDb).min() {
            tiles.append((Number.fixed(lowest, 1) + " dB", "SQNR against FP32"))
        }
        if let share = report.coverage?.macShare {
            tiles.append((Number.percent(share), "of multiply-accumulates in integers"))
        }
        return tiles
    }
}
