import Domain
import Pages
import Quantization

/// The objective `size`: the smallest file that keeps accuracy and is not slower than FP32.
///
/// All forms that the model can be given are built, tables of embeddings in 8 bits, and tried from the smallest on. Accuracy is
/// kept when the gate is met; without a gate, when the judged tensors follow FP32 as closely as the static integer form does
/// (8-bit weights where there is none), or with `goodFidelity` at least. A few bytes are not worth much time: of the files
/// within `equalSize` of the smallest the fastest is taken.
extension Conversion {
    /// Share of the smallest file's size within which another one counts as equally small.
    private static let equalSize = 0.02
    /// Inputs of a block of the coarser 4-bit form: 0.54 bytes for each weight, against 0.66 for blocks of 32.
    private static let coarseBlock = 128

    /// Nil when no form is good enough; the objective `latency` then decides.
    func smallest(_ forms: Forms) throws -> Candidate? {
        let (candidates, floor) = try field(forms)
        let keeper = try order.recipe.gate.map { try Gatekeeper($0, order, inputs, models) }
        let contest = forms.contest
        let sorted = candidates.sorted { (contest.bytes(of: $0), $0.name) < (contest.bytes(of: $1), $1.name) }
        var accepted: [Candidate] = []
        for candidate in sorted {
            let bytes = Double(contest.bytes(of: candidate))
            if let least = accepted.first, bytes > Double(contest.bytes(of: least)) * (1 + Self.equalSize) { break }
            let keeps =
                try keeper.map { try keepsGate(candidate, $0, contest) } ?? keepsFidelity(candidate, floor, contest)
            if try keeps && !isSlower(candidate, contest) { accepted.append(candidate) }
        }
        guard var best = accepted.first else { return nil }
        for other in accepted.dropFirst() {
            if let a = contest.speedup(of: best), let b = contest.speedup(of: other), b > a { best = other }
        }
        if let keeper, let drop = contest.drop(of: best) { best.gate = keeper.report(drop) }
        best.decisions.append(
            Finding(
                .info, code: "smallest",
                detail:
                    "The smallest of \(candidates.count) forms that keep what was asked for and are not slower than FP32 "
                    + "on this machine; the report lists them all."))
        return best
    }

    /// Every form of the model, and the likeness to FP32 in dB that is asked of each where there is no gate.
    private func field(_ forms: Forms) throws -> (candidates: [Candidate], floor: Double) {
        var candidates: [Candidate] = []
        if let usual = try forms.integer(tolerance) { candidates.append(try stricter(usual, forms)) }
        if hasStorableWeights(forms.excluded) { candidates.append(try forms.weightOnly()) }
        guard let reference = candidates.first else { return ([], 0) }
        if forms.dynamicShare != nil {
            candidates.append(try forms.uncalibrated(.dynamic))
            if Placement(weightOnly: prepared.topology, keepFloat: forms.excluded).anchors.contains(where: {
                !$0.channelsFirst
            }) {
                candidates.append(try forms.uncalibrated(.blockwise8))
                candidates.append(try forms.uncalibrated(.blockwise4))
                if order.recipe.options.blockSize == nil {
                    candidates.append(try forms.uncalibrated(.blockwise4, blockSize: Self.coarseBlock))
                }
            }
        }
        return (candidates, min(try forms.contest.sqnr(of: reference), Self.goodFidelity))
    }

    private func hasStorableWeights(_ excluded: [String: Reason]) -> Bool {
        !Placement(weightOnly: prepared.basis(of: .weightOnly).topology, keepFloat: excluded).isEmpty
    }

    private func keepsGate(_ candidate: Candidate, _ keeper: Gatekeeper, _ contest: Contest) throws -> Bool {
        let drop = try keeper.drop(of: candidate.path, progress: clock.progress)
        contest.checked(candidate.name, drop: drop, met: keeper.passes(drop))
        if !keeper.passes(drop) {
            contest.say(candidate.name, "drops by \(Number.percent(drop, 2)), more than the gate allows")
        }
        return keeper.passes(drop)
    }

    private func keepsFidelity(_ candidate: Candidate, _ floor: Double, _ contest: Contest) throws -> Bool {
        let decibels = try contest.sqnr(of: candidate)
        if decibels < floor {
            contest.say(candidate.name, "follows FP32 less closely than the \(Number.fixed(floor, 1)) dB asked of it")
        }
        return decibels >= floor
    }

    /// Whether it is clearly slower than FP32; false where nothing is timed.
    private func isSlower(_ candidate: Candidate, _ contest: Contest) throws -> Bool {
        guard decisionSeconds > 0 else { return false }
        let race = try Race(order, inputs, models).run(candidate.path, budget: decisionSeconds)
        contest.timed(candidate.name, race)
        clock.log("\(candidate.name): \(Number.times(race.speedup)) the speed of FP32")
        let noise = max(race.noiseFloor, Report.Verdict.leastDifference / 2)
        guard race.credibleSpeedup.high < 1, race.speedup * (1 + noise) < 1 else { return false }
        contest.say(candidate.name, "slower than FP32")
        return true
    }
}
