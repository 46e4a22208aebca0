import Domain
import Inference
import ModelGraph
import Pages
import Quantization

/// Which of several forms is the better one: by likeness to FP32, and by the clock.
extension Conversion {
    /// An artifact that follows FP32 less closely than this, in dB, is tried again with more layers in float.
    private static let poorFidelity = 20.0
    /// What that must gain, in dB, to be kept.
    private static let clearGain = 0.3

    /// Nets of many noisy layers, depthwise ones with SiLU above all, lose more in sum than in any one layer.
    func stricter(_ usual: Candidate, _ forms: Forms) throws -> Candidate {
        guard order.recipe.options.calibrator == .auto, order.recipe.options.minLayerSqnr == nil,
            inputs.imported == nil
        else { return usual }
        let before = try forms.contest.sqnr(of: usual)
        guard before < Self.poorFidelity, let strict = try forms.integer(.strict, named: "strict") else { return usual }
        let after = try forms.contest.sqnr(of: strict)
        clock.log("with more layers in float: \(Number.fixed(before, 1)) dB -> \(Number.fixed(after, 1)) dB")
        let gains = after >= before + Self.clearGain
        forms.contest.say(
            gains ? usual.name : strict.name,
            gains ? "follows FP32 less closely than with more layers in float" : "more layers in float gain too little")
        return gains ? strict : usual
    }

    /// 8-bit weights alone, where `integer` has so little in common with FP32 that its speed is worth nothing, and they do not;
    /// nil otherwise. A gate says better what is worth how much.
    func inPlaceOfUseless(_ integer: Candidate, _ forms: Forms) throws -> Candidate? {
        guard order.recipe.scheme == .auto, order.recipe.gate == nil, order.recipe.options.minLayerSqnr == nil,
            inputs.imported == nil
        else { return nil }
        let kept = try forms.contest.sqnr(of: integer)
        guard kept < Report.Verdict.poorDecibels else { return nil }
        let weightOnly = try forms.weightOnly()
        guard try forms.contest.sqnr(of: weightOnly) >= Report.Verdict.poorDecibels else {
            forms.contest.say(weightOnly.name, "follows FP32 as little")
            return nil
        }
        let words = kept.isFinite ? "\(Number.fixed(kept, 1)) dB" : "no finite numbers"
        forms.contest.say(integer.name, "has too little in common with FP32")
        return with(
            weightOnly, "integers-too-far",
            "In integers this model keeps \(words) of its outputs on calibration samples, which is too little to be of use; so "
                + "only its weights are stored in 8 bits: the file shrinks, the speed stays. Samples that show the model "
                + "what it is made for may change that, as may a gate, which puts back into float what it needs to; the "
                + "scheme int8-static gives the integers as they are.")
    }

    /// Lowest SQNR of `tensors` on calibration samples, in dB; nil where none differs.
    func likeness(
        of candidate: any Session, to reference: any Session, _ tensors: [String], _ samples: [Int]
    ) throws -> Double? {
        var meter = FidelityMeter(outputs: tensors, readsChoices: false)
        for index in samples {
            let sample = try inputs.calibration.sample(index)
            try meter.add(
                sample: index, reference: reference.run(sample, outputs: tensors),
                candidate: candidate.run(sample, outputs: tensors))
        }
        return meter.result().outputs.compactMap(\.sqnrDb).min()
    }

    /// A speed-up up to which a file of so small a share of the bytes is worth more.
    private static let (smallGain, muchSmaller) = (1.08, 0.8)

    /// Times the integer form against FP32. Where it is slower beyond the noise, or no faster and a larger file, or hardly
    /// faster and a much larger file, the weight-only form takes its place.
    func neverSlower(_ integer: Candidate, _ forms: Forms) throws -> Candidate {
        guard decisionSeconds > 0 else { return integer }
        // A search for what keeps a gate compares speeds with each other, and wants them as exact as can be.
        let race = try Race(order, inputs, models).run(
            integer.path, budget: decisionSeconds, clearRatio: order.recipe.gate == nil ? Race.clearRatio : nil)
        let speed = (ratio: race.speedup, interval: race.credibleSpeedup)
        forms.contest.timed(integer.name, race)
        clock.log("integer form: \(Number.times(speed.ratio)) the speed of FP32")
        if speed.interval.high < 1 {
            forms.contest.say(integer.name, "slower than FP32")
            return with(
                try forms.weightOnly(), "integers-slower",
                "In integers this model ran at \(Number.times(speed.ratio)) the speed of "
                    + "FP32 on this machine, so only its weights are stored in 8 bits: the file shrinks, the speed "
                    + "stays.")
        }
        return try instead(ofLittleGain: integer, race, forms) ?? integer
    }

    /// 8-bit weights alone where `integer` is hardly faster than FP32 and its file larger for it; nil otherwise.
    private func instead(ofLittleGain integer: Candidate, _ race: Report.Latency, _ forms: Forms) throws -> Candidate? {
        // On a busy machine no interval is narrow: medians and fastest runs that both say so by far are gain enough.
        let surely = race.credibleSpeedup.low
        guard surely <= Self.smallGain, min(race.speedup, race.fastestSpeedup) <= Race.clearRatio else { return nil }
        let weightOnly = try forms.weightOnly()
        let share = Double(forms.contest.bytes(of: weightOnly)) / Double(forms.contest.bytes(of: integer))
        let isFaster = surely > 1 + Report.Verdict.leastDifference
        guard share < (isFaster ? Self.muchSmaller : 1) else {
            forms.contest.say(weightOnly.name, isFaster ? "hardly smaller than the other" : "no smaller than the other")
            return nil
        }
        forms.contest.say(
            integer.name,
            "not \(isFaster ? "much" : "clearly") faster than FP32, and a larger file than with 8-bit weights alone")
        return with(
            weightOnly, "integers-no-faster",
            "In integers this model ran at \(Number.times(race.speedup)) the speed of FP32 on this machine"
                + "\(race.contradiction), which is \(isFaster ? "little" : "no clear") "
                + "gain, and in a larger file; so only its weights are stored in 8 bits.")
    }

    /// Where all candidates are entered. Each is held against FP32 by the tensors that quality is judged by.
    func contest(_ reviewSamples: [Int]) -> Contest {
        Contest(
            objective, isOpen: order.recipe.scheme == .auto,
            likeness: Likeness(
                models: models, prepared: prepared, feed: inputs.calibration, threads: order.threads,
                samples: Likeness.affordable(reviewSamples, in: prepared.topology)))
    }

    /// Short races of those that were only raced against each other, so that all have a speed in one unit.
    func timeTheRest(_ contest: Contest) throws {
        guard decisionSeconds > 0 else { return }
        for (name, path) in contest.untimed {
            contest.timed(name, try Race(order, inputs, models).run(path, budget: decisionSeconds / 4))
        }
    }

    /// `integer`, or what runs faster on this machine.
    func tuned(_ integer: Candidate, _ forms: Forms) throws -> Candidate {
        guard decisionSeconds > 0 else { return integer }
        return try Tuning(order, inputs, models, prepared, clock, seconds: decisionSeconds)(integer, forms)
    }
}
