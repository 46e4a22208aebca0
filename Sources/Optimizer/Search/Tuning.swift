import Domain
import Inference
import Pages
import Quantization

/// Puts operators back to float where this machine runs them faster so, each time only when that wins a race beyond the
/// noise. What was decided stands in the plan, node by node, and can be given as `options.exclude`.
struct Tuning {
    private let order: WorkOrder.Quantize
    private let inputs: Inputs
    private let models: EngineModels
    private let prepared: PreparedModel
    private let clock: StageClock
    /// Seconds for each race.
    private let seconds: Double

    init(
        _ order: WorkOrder.Quantize, _ inputs: Inputs, _ models: EngineModels, _ prepared: PreparedModel,
        _ clock: StageClock, seconds: Double
    ) {
        self.order = order
        self.inputs = inputs
        self.models = models
        self.prepared = prepared
        self.clock = clock
        self.seconds = seconds
    }

    func callAsFunction(_ integer: Candidate, _ forms: Forms) throws -> Candidate {
        let activated = try withFloatSiLU(integer, forms)
        let chosen = try withoutSlowLayers(activated, forms)
        let floats = chosen.floating.count
        guard floats > 0 else { return chosen }
        var told = chosen
        told.decisions.append(
            Finding(
                .info, code: "timed-placement",
                detail:
                    "\(Number.count(floats, "operator")) stayed in float, which is faster on this machine; the plan "
                    + "has the names. "
                    + "The report's plan.record is the recipe that makes the same artifact again."
            ))
        return told
    }

    /// x * Sigmoid(x) between integer layers: one float kernel and two conversions against two kernels on integers. Which
    /// is faster depends on the processor (0.27 against 0.40 ns a value on a Zen 5, no difference on a Xeon).
    private func withFloatSiLU(_ integer: Candidate, _ forms: Forms) throws -> Candidate {
        let names = prepared.topology.integerSiLU(integer.quantized.plan.placement)
        let reason = Reason("SiLU is faster in float on this machine")
        return try raced(integer, names.reduce(into: [:]) { $0[$1] = reason }, "float-silu", forms)
    }

    /// Layers that the engine's profile shows to be slower in integers.
    private func withoutSlowLayers(_ integer: Candidate, _ forms: Forms) throws -> Candidate {
        let float = try models.write(prepared.topology.graph, of: prepared.model, named: "prepared")
        let outputs = inputs.loaded.summary.outputs.map(\.name)
        let sample = try inputs.evaluation.sample(0)
        let profiles = try models.quiet.during {
            try [float, integer.path].map {
                try Profile($0, in: models, inputs: sample, outputs: outputs, threads: order.threads, runs: 11)
            }
        }.result
        var timed = TimedPlacement(prepared.topology, integer.quantized.plan.placement, threads: order.threads)
        return try raced(integer, timed.slowInIntegers(float: profiles[0], integer: profiles[1]), "mixed", forms)
    }

    /// The candidate with `floating` in float too when it is faster beyond the noise, or else `candidate`.
    private func raced(
        _ candidate: Candidate, _ floating: [String: Reason], _ name: String, _ forms: Forms
    ) throws -> Candidate {
        guard !floating.isEmpty, let other = try forms.integer(like: candidate, floating: floating, named: name) else {
            return candidate
        }
        let race = try Race(order, inputs, models).run(candidate.path, against: other.path, budget: seconds)
        clock.log(
            "\(name), \(Number.count(floating.count, "operator")) in float: \(Number.times(race.speedup)) the speed")
        forms.contest.say(other.name, race.words(over: "'\(candidate.name)'"))
        return race.credibleSpeedup.low > 1 + Report.Verdict.leastDifference / 2 ? other : candidate
    }
}
