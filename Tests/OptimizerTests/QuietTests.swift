import Domain
import Synchronization
import TestGraphs
import Testing

@testable import Optimizer

/// A server that answers, and remembers what it was told.
private final class Server: Sendable {
    private let answers: Mutex<[Neighbours]>
    private let heard = Mutex<[WorkEvent]>([])

    /// Gives `neighbours` one after the other, and then the last one again.
    init(_ neighbours: [Neighbours]) { answers = Mutex(neighbours) }

    var events: [WorkEvent] { heard.withLock { $0 } }

    var quiet: Quiet {
        Quiet { event in
            self.heard.withLock { $0.append(event) }
            guard event == .measured else { return .begin }
            return .neighbours(self.answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] })
        }
    }
}

@Suite struct QuietTests {
    private struct Broken: Error {}

    @Test func aMeasurementThatFailsIsOverToo() throws {
        let server = Server([Neighbours()])
        #expect(throws: Broken.self) { try server.quiet.during { throw Broken() } }
        #expect(server.events == [.measuring, .measured])
    }

    @Test func withoutAServerNothingIsKnownOfOthers() throws {
        let (result, neighbours) = try Quiet().during { 7 }
        #expect(result == 7 && neighbours == nil)
    }

    @Test func disturbedChoicesAreTold() throws {
        let quiet = Server([Neighbours(), Neighbours(conversions: 1)]).quiet
        _ = try quiet.during {}
        #expect(quiet.finding == nil)
        _ = try quiet.during {}
        #expect(quiet.finding?.detail.hasPrefix("1 of the 2 timings") == true)
    }

    @Test func ofSeveralMeasurementsTheReportHasTheMost() {
        let most = Neighbours.most(
            Neighbours(conversions: 2, inspections: 0, waitedSeconds: 1),
            Neighbours(conversions: 1, inspections: 3, waitedSeconds: 0.5))
        #expect(most == Neighbours(conversions: 2, inspections: 3, waitedSeconds: 1.5))
        #expect(Neighbours.most(nil, most) == most && Neighbours.most(nil, nil) == nil)
    }

    @Test func whatWasNotMeasuredAloneIsNotStableAndSaidEverywhere() throws {
        var report = try SampleReport.make()
        report.latency?.add(Neighbours(waitedSeconds: 2.04))
        #expect(report.latency?.stability == .stable)
        #expect(ReportText.render(report).contains("held still, after a wait of 2.0 s"))
        #expect(ReportHTML.render(report).contains("held still, after a wait of 2.0 s"))
        #expect(!Report.Verdict.judge(report).line.contains("not measured alone"))

        report.latency?.add(Neighbours(conversions: 1, inspections: 2))
        #expect(report.latency?.stability == .disturbed)
        #expect(Report.Verdict.judge(report).line.contains("not measured alone"))
        let words = "1 other conversion and 2 inspections of this server ran meanwhile"
        #expect(ReportText.render(report, width: 200).contains("Not measured alone: \(words)."))
        #expect(ReportHTML.render(report).contains("Not measured alone: \(words)."))

        report.latency?.stability = .unstable
        report.latency?.add(Neighbours(conversions: 1))
        #expect(report.latency?.stability == .unstable)
    }

    /// Everything that is timed for the report or for a choice is timed in quiet, and nothing is left open.
    @Test(.enabled(if: RealEngine.isInstalled, RealEngine.absence))
    func aConversionMeasuresInQuiet() throws {
        var g = GraphBuilder(seed: 8)
        let x = g.input("x", [1, 8, 8, 8])
        g.output(g.conv(g.relu(g.conv(x, 32)), 16))
        let server = Server([Neighbours(conversions: 1)])
        var convert = try Conversions()
        convert.budget = Pipeline.Budget(decision: 0.01, report: 0.01)
        convert.quiet = server.quiet
        let report = try convert(g.model(), SampleArrays("x", [8, 8, 8])).report
        let pairs = server.events.count / 2
        #expect(server.events == (0..<pairs).flatMap { _ in [WorkEvent.measuring, .measured] })
        // Two cold loads or none, two warm ones together, the race; before that the profiles and the race that decide.
        #expect(pairs >= 4)
        #expect(report.latency?.conditions.neighbours?.conversions == 1)
        #expect(report.latency.map { $0.stability == .disturbed || $0.stability == .unstable } == true)
        #expect(report.findings.contains { $0.code == "choice-disturbed" })
    }
}
