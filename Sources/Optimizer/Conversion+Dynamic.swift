import Domain
import Pages
import Quantization

/// The forms that calibration has no part in: asked for, or where they win.
extension Conversion {
    /// Share of the work that must lie in MatMul, Gemm and LSTM for the dynamic form to be tried.
    static let leastDynamicShare = 0.5
    /// Speed of the dynamic form over the fixed one from which it is worth ranges that are found anew in every run.
    private static let clearlyFaster = 1.05
    /// Above this likeness to FP32, in dB, two candidates count as equally good.
    static let goodFidelity = 30.0
    /// Below it, the dynamic form is worth so much of the speed where it follows FP32 closer by so many dB.
    private static let muchCloser = (decibels: 6.0, speed: 0.9)

    /// The form that the recipe's scheme names.
    func pinned(_ form: Quantized.Form, _ forms: Forms) throws -> Candidate {
        if form == .weightOnly {
            try checkWeights(forms.excluded)
        } else if forms.dynamicShare == nil {
            let lstm = form == .dynamic ? ", Gemm or LSTM" : " or Gemm"
            throw Failure(
                .nothingToQuantize, stage: .quantize,
                detail:
                    "The scheme \(order.recipe.scheme.rawValue) is for models with MatMul\(lstm) on constant weights; this "
                    + "one has none that may be quantized. Ask for int8-static or int8-weights, or auto.")
        }
        return try forms.uncalibrated(form)
    }

    /// `integer`, or the dynamic form where a model of products or LSTMs runs faster so beyond the noise and answers as well,
    /// or hardly slower and answers much better.
    func orDynamic(_ integer: Candidate, _ forms: Forms) throws -> Candidate {
        guard decisionSeconds > 0, forms.dynamicShare ?? 0 >= Self.leastDynamicShare else { return integer }
        var dynamic = try forms.uncalibrated(.dynamic)
        let race = try Race(order, inputs, models).run(integer.path, against: dynamic.path, budget: decisionSeconds)
        clock.log("dynamic ranges: \(Number.times(race.speedup)) the speed of fixed ones")
        forms.contest.say(dynamic.name, race.words(over: "'\(integer.name)'"))
        let speed = race.credibleSpeedup.low
        guard speed > Self.muchCloser.speed else { return integer }
        let (fixed, free) = try (forms.contest.sqnr(of: integer), forms.contest.sqnr(of: dynamic))
        let isCloser = fixed < Self.goodFidelity && free >= fixed + Self.muchCloser.decibels
        if speed > Self.clearlyFaster, free < min(fixed, Self.goodFidelity) {
            forms.contest.say(dynamic.name, "follows FP32 less closely")
        }
        guard isCloser || speed > Self.clearlyFaster && free >= min(fixed, Self.goodFidelity) else { return integer }
        if isCloser { forms.contest.say(integer.name, "follows FP32 less closely") }
        let gain = (free - fixed).isFinite ? "by \(Number.fixed(free - fixed, 0)) dB" : "by far"
        dynamic.decisions.append(
            Finding(
                .info, code: isCloser ? "dynamic-closer" : "dynamic-faster",
                detail:
                    "With ranges found in every run the products of this model ran \(Number.times(race.speedup)) as fast "
                    + "as with fixed ones on this machine"
                    + (isCloser ? ", and follow FP32 closer \(gain)." : ".")))
        return dynamic
    }

    /// The dynamic form of a model that has no other integer one; nil when it has none either, or nothing is timed.
    func dynamicAlone(_ forms: Forms) throws -> Candidate? {
        guard decisionSeconds > 0, forms.dynamicShare ?? 0 >= Self.leastDynamicShare else { return nil }
        return try forms.uncalibrated(.dynamic)
    }
}

extension Scheme {
    /// The form that a scheme without calibration names.
    var pinnedForm: Quantized.Form? {
        switch self {
        case .auto, .int8Static: nil
        case .int8Weights: .weightOnly
        case .int8Dynamic: .dynamic
        case .int8Blockwise: .blockwise8
        case .int4Blockwise: .blockwise4
        }
    }
}
