import Domain
import Foundation
import Inference
import ModelGraph
import Pages
import Quantization

/// A quantized model on disk, and why this one was delivered.
struct Candidate {
    var quantized: Quantized
    var path: String
    var decisions: [Finding]
    /// Nodes that were put back to float for speed or for the gate.
    var floating: [String: Reason] = [:]
    /// How it met the recipe's gate.
    var gate: Report.Gate?
    /// The layers that the gate made us look at, most disturbing first.
    var sensitive: [Report.Search.Layer] = []
    /// What it was weighed against.
    var search: Report.Search?
    /// What calibration came to; nil when nothing was calibrated.
    var calibration: Calibration.Result?
    /// SQNR in dB of each layer's output with all layers in integers, by label; empty where it was not measured.
    var accumulated: [String: Double] = [:]
}

/// Calibration and quantization: builds the integer form, the weight-only form where integers do not pay, and others where
/// the recipe's gate asks for them.
struct Conversion {
    let order: WorkOrder.Quantize
    let inputs: Inputs
    let models: EngineModels
    let prepared: PreparedModel
    let clock: StageClock
    let decisionSeconds: Double
    private let digest: Pipeline.FileDigest?
    private let runs: SampleRuns

    init(
        _ order: WorkOrder.Quantize, _ inputs: Inputs, _ models: EngineModels, _ prepared: PreparedModel,
        _ clock: StageClock, decisionSeconds: Double, digest: Pipeline.FileDigest?
    ) {
        self.digest = digest
        self.order = order
        self.inputs = inputs
        self.models = models
        self.prepared = prepared
        self.clock = clock
        // Only `auto` lets a clock decide, and only one that runs on the target's kind of machine; 16 bits are asked for in
        // spite of what a machine makes of them.
        let isTimed =
            order.recipe.scheme == .auto && order.recipe.target.foreignness == nil
            && order.recipe.options.activations == .int8
        self.decisionSeconds = isTimed ? decisionSeconds : 0
        runs = SampleRuns(
            feed: inputs.calibration, threads: order.threads, outputs: prepared.model.graph.outputs.map(\.name))
    }

    func best() throws -> Candidate {
        let excluded = prepared.topology.graph.excluded(by: order.recipe.options.exclude)
        var recipe = order.recipe
        if objective == .size { recipe.options.embeddings = .int8 }
        let quantize = Quantize(
            models: models, runs: runs, recipe: recipe, samples: inputs.used)
        let observed = try observe(excluded)
        let contest = contest(quantize.reviewSamples)
        let forms = Forms(
            prepared: prepared, quantize: quantize, excluded: excluded, statistics: observed?.statistics.table,
            directory: order.scratch, contest: contest)
        var best = try clock.time(.quantize) {
            let best = try withRequests(
                withOwnQuantization(withUnmatchedPatterns(untimed(choice(forms))), quantize.reviewSamples))
            try timeTheRest(contest)
            return best
        }
        best.search = contest.report(chosen: best, layers: best.sensitive)
        best.calibration = observed
        return best
    }

    /// What calibration saw of every tensor that may be quantized; nil when nothing can run in integers.
    private func observe(_ excluded: [String: Reason]) throws -> Calibration.Result? {
        guard order.recipe.scheme.calibrates, !Placement(prepared.topology, keepFloat: excluded).isEmpty else {
            return nil
        }
        // What is excluded is watched as well: a tensor's range is then the same whatever its neighbours do.
        let whole = Placement(prepared.topology, keepFloat: [:])
        let tensors = Planner(prepared.topology, rule: order.recipe.options.rule).tensorsToObserve(whole)
        return try clock.time(.calibrate) {
            try Calibration(
                order: order, inputs: inputs, models: models, runs: runs, clock: clock, digest: digest)(
                    prepared, tensors: tensors)
        }
    }

    var objective: Objective { order.recipe.objective ?? .latency }

    private func choice(_ forms: Forms) throws -> Candidate {
        if objective == .size, let smallest = try smallest(forms) { return smallest }
        return try gated(fastest(forms), forms)
    }

    /// How noisy a layer may be that runs in integers.
    var tolerance: Quantize.Tolerance {
        order.recipe.options.minLayerSqnr.map(Quantize.Tolerance.init(decibels:)) ?? .usual
    }

    private func fastest(_ forms: Forms) throws -> Candidate {
        if let form = order.recipe.scheme.pinnedForm { return try pinned(form, forms) }
        if let usual = try forms.integer(tolerance) {
            let chosen = try stricter(usual, forms)
            let integer = try orDynamic(tuned(chosen, forms), forms)
            if let instead = try inPlaceOfUseless(integer, forms) { return instead }
            let kept = try neverSlower(integer, forms)
            guard chosen.name != usual.name, kept.quantized.form == .weightOnly,
                try forms.contest.sqnr(of: usual) >= Report.Verdict.poorDecibels
            else { return kept }
            // More layers in float cost all that integers gained.
            return try neverSlower(usual, forms)
        }
        if let dynamic = try dynamicAlone(forms) { return try neverSlower(dynamic, forms) }
        try checkWeights(forms.excluded)
        if order.recipe.scheme == .int8Static {
            throw Failure(
                .nothingToQuantize, stage: .quantize,
                detail: "No operator of this model can run in integers here. Ask for the scheme int8-weights, or auto.")
        }
        return with(
            try forms.weightOnly(), "nothing-integer",
            "No operator of this model can run in integers here; its weights are stored in 8 bits.")
    }

    /// `candidate`, or what meets the recipe's gate in its place. Throws `Failure(.gateNotMet)`.
    func gated(_ candidate: Candidate, _ forms: Forms) throws -> Candidate {
        guard let gate = order.recipe.gate else { return candidate }
        if candidate.quantized.form == .dynamic, order.recipe.scheme == .auto {
            let keeper = try Gatekeeper(gate, order, inputs, models)
            let drop = try keeper.drop(of: candidate.path, progress: clock.progress)
            if !keeper.passes(drop), let integer = try forms.integer(.usual, named: "gated") {
                return try gated(integer, forms)
            }
        }
        return try GateSearch(
            keeper: Gatekeeper(gate, order, inputs, models), contest: forms.contest, objective: objective,
            build: { try forms.integer(like: candidate, floating: $0, named: $1) },
            weightOnly: order.recipe.scheme == .auto ? forms.weightOnly : nil,
            effects: { try effects($0, forms) },
            time: { candidate in
                guard decisionSeconds > 0, forms.contest.speedup(of: candidate) == nil else { return }
                let race = try Race(order, inputs, models).run(candidate.path, budget: decisionSeconds / 2)
                forms.contest.timed(candidate.name, race)
            }, clock: clock)(candidate)
    }

    private func effects(_ candidate: Candidate, _ forms: Forms) throws -> [LayerEffect] {
        let simulation = try candidate.quantized.switched()
        return try Sensitivity(
            models: models, feed: inputs.calibration, outputs: prepared.topology.judged, threads: order.threads)(
                simulation, of: prepared, samples: forms.quantize.reviewSamples, progress: clock.progress)
    }

    /// Throws when no weight can be stored in 8 bits either: the artifact would be the model itself.
    func checkWeights(_ excluded: [String: Reason]) throws {
        let topology = prepared.basis(of: .weightOnly).topology
        let placement = Placement(weightOnly: topology, keepFloat: excluded)
        guard placement.isEmpty else { return }
        let reasons = zip(topology.graph.nodes, placement.verdicts).compactMap { node, verdict in
            if OperatorRule.of(node) == .anchor, case .float(let reason) = verdict {
                "\(node.label): \(reason.text)"
            } else {
                nil
            }
        }
        let isHalf = prepared.topology.graph.initializers.contains { $0.type == .float16 || $0.type == .bfloat16 }
        let advice = isHalf ? " Its weights are 16-bit floats: export it in float32." : ""
        let why = reasons.isEmpty ? "all of its Conv, Gemm and MatMul are in branches or loops" : reasons[0]
        let more = reasons.count > 1 ? " (and \(reasons.count - 1) more)" : ""
        throw Failure(
            .nothingToQuantize, stage: .quantize,
            detail: "Nothing in this model can be stored in 8 bits: \(why)\(more).\(advice)")
    }

    func with(_ candidate: Candidate, _ code: String, _ detail: String) -> Candidate {
        var edited = candidate
        edited.decisions.append(Finding(.warning, code: code, detail: detail))
        return edited
    }

    /// What was asked for and does nothing here is said.
    private func withRequests(_ candidate: Candidate) -> Candidate {
        let requests = [
            (
                order.recipe.options.smooth, "smooth", "SmoothQuant",
                "MatMul or Gemm behind a LayerNormalization or a factor"
            ),
            (
                order.recipe.options.equalize, "equalize", "cross-layer equalization",
                "Conv that follows another with no more than a Relu between them"
            ),
        ]
        return requests.reduce(withTables(withWideActivations(candidate))) { candidate, request in
            let (isAsked, option, rewrite, places) = request
            guard isAsked, prepared.rewrites[rewrite] ?? 0 == 0 else { return candidate }
            return with(
                candidate, option + "-unused", "The option \(option) changed nothing: the model has no \(places).")
        }
    }

    private func withTables(_ candidate: Candidate) -> Candidate {
        guard candidate.quantized.tables > 0, order.recipe.options.embeddings == .auto else { return candidate }
        var told = candidate
        told.decisions.append(
            Finding(
                .info, code: "tables-in-8-bits",
                detail:
                    "Tables of embeddings have 8 bits and a scale for each row; what is looked up is restored to float. The "
                    + "option embeddings, set to float, leaves them as they are."))
        return told
    }

    /// Says what 16 bits are on this runtime.
    private func withWideActivations(_ candidate: Candidate) -> Candidate {
        guard order.recipe.options.activations == .int16 else { return candidate }
        guard candidate.quantized.form == .integer else {
            return with(candidate, "int16-unused", "No activation of this artifact is quantized, so none has 16 bits.")
        }
        return with(
            candidate, "int16-in-float",
            "Activations have 16 bits. ONNX Runtime has no CPU kernels for them: between Q and DQ the layers run in float, "
                + "slower than FP32, as the coverage above shows. The artifact is for targets that compute with 16 bits."
        )
    }

    /// Further from a model that came with Q and DQ than this, in dB, an artifact of it deserves a warning.
    private static let poorLikeness = 20.0

    /// What became of the quantization that the model came with, and how close the artifact is to the model as it came.
    private func withOwnQuantization(_ candidate: Candidate, _ samples: [Int]) throws -> Candidate {
        guard let imported = inputs.imported else { return candidate }
        var told = candidate
        told.decisions += imported.findings(candidate.quantized, target: order.recipe.target)
        let own: any Session
        do {
            own = try models.engine.makeSession(.path(order.model.path), Race.options(order.threads))
            if let first = samples.first {
                _ = try own.run(try inputs.calibration.sample(first), outputs: runs.outputs)
            }
        } catch let error as EngineError {
            return with(
                told, "quantization-refused",
                "The runtime does not run the model as it came, Q and DQ included, so the artifact was not compared with it: "
                    + "\(error)")
        }
        let artifact = try models.engine.makeSession(.path(candidate.path), Race.options(order.threads))
        let worst = try likeness(of: artifact, to: own, runs.outputs, samples)
        let isFar = worst.map { $0 < Self.poorLikeness } ?? false
        told.decisions.append(
            Finding(
                isFar ? .warning : .info, code: "quantization-likeness",
                detail: "Against the model as it came, Q and DQ included, the artifact's outputs keep "
                    + "\(worst.map { Number.fixed($0, 1) + " dB" } ?? "every value") on "
                    + "\(Number.count(samples.count, "sample"))."
                    + (isFar
                        ? " That is another function: compare both on labelled samples before one is deployed." : "")
            ))
        return told
    }

    /// `auto` promises a choice by timing, which another kind of machine cannot make.
    private func untimed(_ candidate: Candidate) -> Candidate {
        guard order.recipe.scheme == .auto, let foreignness = order.recipe.target.foreignness else { return candidate }
        var edited = candidate
        edited.decisions.append(
            Finding(.info, code: "not-timed", detail: "Nothing was decided by timing: \(foreignness)."))
        return edited
    }

    /// Patterns that name no node are most often mistakes, or nodes that folding took away.
    private func withUnmatchedPatterns(_ candidate: Candidate) -> Candidate {
        order.recipe.options.exclude.reduce(candidate) { candidate, pattern in
            if prepared.topology.graph.nodes.contains(where: { $0.isNamed(pattern) }) { return candidate }
            return with(
                candidate, "exclude-unmatched",
                "The pattern '\(pattern)' in options.exclude matches no node of the model once constants are folded; "
                    + "the plan lists the names there are.")
        }
    }
}
