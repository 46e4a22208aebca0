import Domain
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
            report.plan?.layers = [.init(node: hostile, sqnrDb: 20)]
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
