package import Domain
import Pages
import Synchronization

/// The machine for this worker alone while it measures, where there is a server to ask: its other workers are held still
/// meanwhile. Without a server nobody is asked and nothing is known of others.
package final class Quiet: Sendable {
    /// Tells the server `event` and waits for its answer; nil when none comes.
    package typealias Ask = @Sendable (_ event: WorkEvent) -> WorkAnswer?

    /// Measurements so far, and those beside which somebody ran.
    struct Tally {
        var measurements = 0
        var disturbed = 0
    }

    private let ask: Ask?
    private let state = Mutex(Tally())

    package init(_ ask: Ask? = nil) { self.ask = ask }

    var tally: Tally { state.withLock { $0 } }

    /// Runs `body`, which does nothing but measure. Measurements do not nest.
    func during<T>(_ body: () throws -> T) throws -> (result: T, neighbours: Neighbours?) {
        guard let ask else { return (try body(), nil) }
        _ = ask(.measuring)
        let result = Result { try body() }
        guard case .neighbours(let neighbours)? = ask(.measured) else { return (try result.get(), nil) }
        state.withLock { tally in
            tally.measurements += 1
            if !neighbours.wereStill { tally.disturbed += 1 }
        }
        return (try result.get(), neighbours)
    }
}

extension Quiet {
    /// What to say when the artifact was chosen by timings beside which somebody ran; asked before the report's own figures
    /// are measured.
    var finding: Finding? {
        let tally = tally
        guard tally.disturbed > 0 else { return nil }
        return Finding(
            .warning, code: "choice-disturbed",
            detail: "\(tally.disturbed) of the \(tally.measurements) timings that decided what runs in integers were "
                + "not taken alone: other workers of this server ran meanwhile. Run the job again when less is going on to be "
                + "sure.")
    }
}

extension Neighbours {
    /// Of two measurements, the most; their waits add up.
    static func most(_ a: Neighbours?, _ b: Neighbours?) -> Neighbours? {
        guard let a, let b else { return a ?? b }
        return Neighbours(
            conversions: max(a.conversions, b.conversions), inspections: max(a.inspections, b.inspections),
            waitedSeconds: a.waitedSeconds + b.waitedSeconds)
    }

    /// "1 other conversion and 2 inspections"
    private var others: String {
        let parts = [(conversions, "other conversion"), (inspections, "inspection")].compactMap { count, name in
            count == 0 ? nil : "\(count) \(name)\(count == 1 ? "" : "s")"
        }
        return parts.joined(separator: " and ")
    }

    var words: String {
        guard wereStill else { return "\(others) of this server ran meanwhile" }
        return "held still" + (waitedSeconds >= 0.1 ? ", after a wait of \(Number.fixed(waitedSeconds, 1)) s" : "")
    }
}

extension Report.Latency {
    /// Says who ran beside the measurement. What was disturbed is not called stable.
    mutating func add(_ neighbours: Neighbours?) {
        guard let neighbours else { return }
        conditions.neighbours = .most(conditions.neighbours, neighbours)
        guard !neighbours.wereStill else { return }
        notes.append("Not measured alone: \(neighbours.words).")
        if stability != .unstable { stability = .disturbed }
    }
}
