import Domain
import Foundation
import Pages
import Quantization

/// Finds the fastest artifact that meets the recipe's gate: when the usual one misses it, the layers that disturb the
/// outputs most for the time they save go back to float, as few as the gate needs.
///
/// The layers are ranked once; then only how many of them return is searched, first in doubling steps and then by halving.
/// Nothing here depends on a clock but the end of patience, so the same job ends with the same layers.
struct GateSearch {
    /// Builds the integer form with more nodes in float; nil when nothing would be left in integers.
    typealias Build = (_ floats: [String: Reason], _ name: String) throws -> Candidate?

    let keeper: Gatekeeper
    /// Is told what was measured.
    let contest: Contest
    let objective: Objective
    let build: Build
    /// The form whose arithmetic is float: what is left when no integer form passes, where the recipe leaves that open.
    let weightOnly: (() throws -> Candidate)?
    let effects: (Candidate) throws -> [LayerEffect]
    /// Races a candidate against FP32 for the report, where anything is timed.
    let time: (Candidate) throws -> Void
    let clock: StageClock
    /// Seconds after which no further candidate is built.
    var patience = 600.0

    /// `first`, or the candidate that takes its place. Throws `Failure(.gateNotMet)` with the best candidate in its words.
    func callAsFunction(_ first: Candidate) throws -> Candidate {
        var trials = Trials(keeper)
        let drop = try measure(first)
        if keeper.passes(drop) { return accepted(first, drop) }
        guard first.quantized.form == .integer else { throw trials.failure(first, drop) }
        trials.add(first, floats: 0, drop: drop)
        let ranked = try effects(first).sorted {
            ($0.noise / $0.cost(objective), $1.name) > ($1.noise / $1.cost(objective), $0.name)
        }
        trials.ranked = ranked
        clock.log("\(Text.miss(keeper, drop)); ranked \(Number.count(ranked.count, "layer")) by their effect")
        try search(ranked, into: &trials)
        guard let best = trials.accepted else {
            guard let last = try weightOnly?() else { throw trials.failure(first, trials.least) }
            let drop = try measure(last)
            trials.add(last, floats: ranked.count, drop: drop)
            guard keeper.passes(drop) else { throw trials.failure(first, trials.least) }
            return chosen(last, drop, trials)
        }
        return chosen(best.candidate, best.drop, trials)
    }

    private func search(_ ranked: [LayerEffect], into trials: inout Trials) throws {
        let end = ContinuousClock.now + .seconds(patience)
        var fails = 0
        var passes: Int?
        while passes == nil, fails < ranked.count, ContinuousClock.now < end {
            let count = min(max(1, 2 * fails), ranked.count)
            if try tried(ranked.prefix(count), &trials) { passes = count } else { fails = count }
        }
        while let known = passes, known - fails > 1, ContinuousClock.now < end {
            let count = (known + fails) / 2
            if try tried(ranked.prefix(count), &trials) { passes = count } else { fails = count }
        }
    }

    /// Whether the candidate with `layers` in float passes.
    private func tried(_ layers: ArraySlice<LayerEffect>, _ trials: inout Trials) throws -> Bool {
        var floats: [String: Reason] = [:]
        for layer in layers { floats[layer.name] = Reason("the gate needs it: \(layer.words)") }
        guard let candidate = try build(floats, "gate-\(layers.count)") else { return false }
        let drop = try measure(candidate)
        clock.log("with \(Number.count(layers.count, "layer")) in float the metric drops by \(Number.percent(drop))")
        trials.add(candidate, floats: layers.count, drop: drop)
        return keeper.passes(drop)
    }

    private func measure(_ candidate: Candidate) throws -> Double {
        let drop = try keeper.drop(of: candidate.path, progress: clock.progress)
        contest.checked(candidate.name, drop: drop, met: keeper.passes(drop))
        try time(candidate)
        return drop
    }

    private func accepted(_ candidate: Candidate, _ drop: Double) -> Candidate {
        var candidate = candidate
        candidate.gate = keeper.report(drop)
        return candidate
    }

    private func chosen(_ candidate: Candidate, _ drop: Double, _ trials: Trials) -> Candidate {
        var result = accepted(candidate, drop)
        result.sensitive = trials.ranked.map(\.report)
        let floats = trials.all.first { $0.candidate.path == candidate.path }?.floats ?? 0
        result.decisions.append(
            Finding(
                .info, code: "gate-search",
                detail: "The gate decided between \(trials.all.count) artifacts on the samples that it is reported on: "
                    + "\(Number.count(floats, "layer")) went back to float."))
        return result
    }
}

/// What was tried so far.
private struct Trials {
    struct Trial {
        var candidate: Candidate
        /// Layers that went back to float.
        var floats: Int
        var drop: Double
    }
    let keeper: Gatekeeper
    var ranked: [LayerEffect] = []
    private(set) var all: [Trial] = []

    init(_ keeper: Gatekeeper) { self.keeper = keeper }

    mutating func add(_ candidate: Candidate, floats: Int, drop: Double) {
        all.append(Trial(candidate: candidate, floats: floats, drop: drop))
    }

    /// Of those that pass, the one with the fewest layers in float.
    var accepted: Trial? { all.filter { keeper.passes($0.drop) }.min { $0.floats < $1.floats } }
    var least: Double { all.map(\.drop).min() ?? .infinity }

    func failure(_ first: Candidate, _ drop: Double) -> Failure {
        let worst = ranked.prefix(5).map { "\($0.name) (\($0.words))" }.joined(separator: ", ")
        let best = all.filter { $0.drop == drop }.min { $0.floats < $1.floats }
        let float = best.map { ", with \(Number.count($0.floats, "layer")) in float" } ?? ""
        let tried = all.count > 1 ? " Of \(all.count) artifacts that was the best\(float)." : ""
        return Failure(
            .gateNotMet, stage: .verify,
            detail: Text.miss(keeper, drop) + "." + tried + (worst.isEmpty ? "" : " Most sensitive: \(worst).")
                + " Allow more, or calibrate with more typical samples.")
    }
}

private enum Text {
    static func miss(_ keeper: Gatekeeper, _ drop: Double) -> String {
        "\(keeper.gate.metric.rawValue) dropped by \(Number.percent(drop)) on \(keeper.samples) held-out samples, more "
            + "than the gate's \(Number.percent(keeper.gate.maxDrop))"
    }
}

extension LayerEffect {
    /// SQNR of the outputs, in dB, with this layer alone in integers; nil when the noise has no finite logarithm.
    var sqnr: Double? { noise > 0 && noise.isFinite ? -10 * log10(noise) : nil }

    var words: String {
        if let sqnr { return "alone in integers it leaves the outputs \(Number.fixed(sqnr, 1)) dB" }
        return noise == 0 ? "alone in integers it changes nothing" : "alone in integers it breaks the outputs"
    }

    var report: Report.Search.Layer { Report.Search.Layer(node: name, outputSqnrDb: sqnr, macs: Int64(macs)) }
}
