import Domain
import Foundation
import Testing

@testable import Optimizer

/// The report as a page.
@Suite struct ReportHTMLTests {
    private func page(_ edit: (inout Report) -> Void = { _ in }) throws -> String {
        var report = try SampleReport.make()
        report.verdict = .judge(report)
        edit(&report)
        return ReportHTML.render(report)
    }

    @Test func everythingTheReportSaysIsThere() throws {
        let html = try page()
        for words in [
            "71.2 %", "24.1", "p95", "QLinearConv", "sha256:abab", "#17", "McNemar p 0.607", "What runs in integers",
        ] {
            #expect(html.contains(words), "\(words)")
        }
        #expect(!html.contains("p99"), "a percentile without enough timings is not shown")
    }

    /// Names come from the customer's file.
    @Test func whatNamesSayIsNeverMarkup() throws {
        let hostile = "</title><script>alert(\"1\")</script><img src=x onerror='x'>&\u{0}\u{1b}"
        let html = try page { report in
            report.identity.model.name = hostile
            report.identity.job = hostile
            report.fidelity?.outputs[0].name = hostile
            report.coverage?.floatReasons = [.init(node: hostile, name: hostile, reason: hostile)]
            report.plan?.layers = [
                .init(node: hostile, sqnrDb: 20, accumulatedSqnrDb: 18, place: 1), .init(node: hostile, sqnrDb: 30),
            ]
            report.plan?.ranges = [
                .init(tensor: hostile, low: -1, high: 2), .init(tensor: hostile, low: 0, high: 9),
            ]
            let digest = Digest(bytes: [UInt8](repeating: 1, count: 32))
            report.reproduces = Reproduction(job: hostile, expected: digest, original: .init(engine: hostile))
                .concluded(Digest(bytes: [UInt8](repeating: 2, count: 32)), under: .init(engine: "other"))
            report.load?.coldAbsence = hostile
            report.findings = [Finding(.warning, code: "x", detail: hostile)]
        }
        #expect(!html.contains("<script") && !html.contains("<img") && !html.contains("alert(\""))
        #expect(html.contains("&lt;script&gt;"))
        #expect(!html.unicodeScalars.contains("\u{0}") && !html.unicodeScalars.contains("\u{1b}"))
    }

    @Test func thePageLoadsNothing() throws {
        let html = try page()
        for word in ["http:", "https:", "src=", "url(", "@import", "<link", "<script"] {
            #expect(!html.contains(word), "\(word)")
        }
    }

    /// Every element that is opened is closed, in order.
    @Test func elementsNest() throws {
        var open: [Substring] = []
        let html = try page { $0.plan?.layers = [.init(node: "conv", sqnrDb: 31.5)] }
        for tag in html.split(separator: "<").dropFirst() {
            let name = tag.drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber }
            if tag.hasPrefix("!") || name == "meta" || tag.prefix(while: { $0 != ">" }).hasSuffix("/") { continue }
            if tag.hasPrefix("/") {
                #expect(open.popLast() == name)
            } else {
                open.append(name)
            }
        }
        #expect(open == [])
    }

    @Test func eachPlotSaysInWordsWhatItShows() throws {
        let html = try page { $0.plan?.layers = [.init(node: "conv", sqnrDb: 31.5)] }
        let plots = html.split(separator: "<svg").dropFirst()
        #expect(plots.count >= 4)
        #expect(plots.allSatisfy { $0.prefix { $0 != ">" }.contains("role=\"img\"") })
        #expect(html.contains("aria-label=\"Signal over noise"))
        #expect(html.contains("conv 31.5 dB"))
    }

    /// A complete report, as a search for a gate leaves it.
    private func full(_ edit: (inout Report) -> Void = { _ in }) throws -> String {
        try page { report in
            report.plan?.layers = [
                .init(node: "last", sqnrDb: 31.5, accumulatedSqnrDb: 21.5, place: 7),
                .init(node: "first", sqnrDb: 40.25, accumulatedSqnrDb: 40, place: 2),
            ]
            report.plan?.ranges = [
                .init(tensor: "a", low: -0.5, high: 6), .init(tensor: "b", low: -120, high: 130),
            ]
            report.latency?.distribution = .init(
                fromMs: 4, binMs: 0.5, fp32: [0, 0, 3, 7], int8: [5, 4, 1, 0], fp32Above: 2, int8Above: 1)
            report.load?.fp32ColdMs = 33.1
            report.load?.int8FirstRunMs = 7.77
            report.latency?.conditions.busyShare = 0.87
            report.gate = .init(
                metric: .top1, maxDrop: 0.01, drop: 0.004, met: true, detail: "top-1 fell by 0.4 points")
            report.search = .init(
                objective: .latency, samples: 16,
                candidates: [
                    .init(
                        name: "integer", form: "integer", bytes: 100, speedup: 2.4, sqnrDb: 20, drop: 0.03, met: false),
                    .init(
                        name: "gate-1", form: "integer", float: ["x"], bytes: 120, speedup: 2.1, sqnrDb: 30,
                        drop: 0.004, met: true, chosen: true, reason: "as few layers as it takes"),
                ], layers: [])
            edit(&report)
        }
    }

    @Test func everyPlotIsThereAndSaysWhatItShows() throws {
        let html = try full()
        for words in [
            // Latency: medians of both, and what the plot leaves out.
            "How often which latency was seen", "median 10.0 ms, 2 beyond the right end",
            // Noise: alone and accumulated, in the model's order, the noisiest named.
            "Signal over noise of each layer&#39;s output", "the noisiest alone is last with 31.5 dB",
            "with all in integers 21.5 dB are left at the last, last",
            "Ranges of the quantized activations. 2 tensors; the widest is b, −120 to 130",
            "Speed against loss of the candidates. 2 candidates: integer at 2.40×, gate-1 at 2.10×",
            "as few layers as it takes",
            // Numbers beside the plots.
            "load, file not in memory", "33.1", "7.77", "87 %, this measurement included",
            "3.0 % of the processor time",
            "at least 99 %, below 99.9 %",
        ] {
            #expect(html.contains(words), "\(words)")
        }
        let plots = html.split(separator: "<svg").dropFirst()
        #expect(plots.count == 9)
        #expect(plots.allSatisfy { $0.prefix { $0 != ">" }.contains("role=\"img\" aria-label=\"") })
        // Numbers of a plot are folded away in a table, which needs no script.
        #expect(html.components(separatedBy: "<details>").count == 4)
        #expect(html.contains("<th scope=\"row\">first</th><td>40.3</td><td>40.0</td>"))
    }

    @Test func theResultOfARepetitionIsShown() throws {
        let digest = Digest(bytes: [UInt8](repeating: 1, count: 32))
        let wish = Reproduction(job: "job_first", expected: digest, original: .init(engineVersion: "1.0"))
        let same = try full { $0.reproduces = wish.concluded(digest, under: .init(engineVersion: "1.0")) }
        #expect(same.contains("The artifact is identical to that of job_first."))
        let other = try full {
            $0.reproduces = wish.concluded(
                Digest(bytes: [UInt8](repeating: 2, count: 32)), under: .init(engineVersion: "2.0"))
        }
        #expect(other.contains("differs from that of job_first."))
        #expect(other.contains("The engine&#39;s version was 1.0 and is 2.0 now."))
    }

    /// Drawing never fails on numbers that a model may well have.
    @Test(arguments: [0, 1, 1e-30, 3.4e38, -3.4e38]) func oddNumbersAreDrawnToo(_ number: Double) throws {
        let html = try full { report in
            report.plan?.ranges = [
                .init(tensor: "a", low: min(0, number), high: max(0, number)),
                .init(tensor: "b", low: -3.4e38, high: number),
            ]
            report.plan?.layers = [.init(node: "a", sqnrDb: number), .init(node: "b", sqnrDb: -number)]
            report.latency?.distribution?.binMs = abs(number)
            report.latency?.distribution?.fp32 = []
        }
        #expect(html.contains("<svg") && !html.contains("nan") && !html.contains("inf\""))
    }

    @Test func aBareReportIsAPageToo() throws {
        let html = try page { report in
            report.accuracy = nil
            report.fidelity = nil
            report.latency = nil
            report.coverage = nil
            report.plan = nil
            report.calibration = nil
        }
        #expect(html.contains("Labelled accuracy was not measured") && html.contains("Not measured"))
    }
}
