import Domain
import Foundation
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
        let before = try fidelity(usual, forms.quantize.reviewSamples)
        guard before < Self.poorFidelity, let strict = try forms.integer(.strict, named: "strict") else { return usual }
        let after = try fidelity(strict, forms.quantize.reviewSamples)
        clock.log("with more layers in float: \(Number.fixed(before, 1)) dB -> \(Number.fixed(after, 1)) dB")
        return after >= before + Self.clearGain ? strict : usual
    }

    /// Lowest SQNR of the candidate's judged tensors against FP32, in dB.
    func fidelity(_ candidate: Candidate, _ samples: [Int]) throws -> Double {
        // A Clip that has no effect is left out of the artifact, and its tensor with it.
        let made = Set(candidate.quantized.model.graph.nodes.flatMap(\.outputs))
        let tensors = prepared.topology.judged.filter(made.contains)
        guard !tensors.isEmpty else { return .infinity }
        let sessions = try [
            ("judged-float", prepared.model, prepared.topology.graph),
            ("judged", candidate.quantized.model, candidate.quantized.model.graph),
        ].map { name, model, graph in
            try models.session(graph.giving(tensors), of: model, named: name, Race.options(order.threads))
        }
        return try likeness(of: sessions[1], to: sessions[0], tensors, samples) ?? .infinity
    }

    /// Lowest SQNR of `tensors` on calibration samples, in dB; nil where none differs.
    func likeness(
        of candidate: any Session, to reference: any Session, _ tensors: [String], _ samples: [Int]
    ) throws -> Double? {
        var meter = FidelityMeter(outputs: tensors)
        for index in samples {
            let sample = try inputs.calibration.sample(index)
            try meter.add(
                sample: index, reference: reference.run(sample, outputs: tensors),
                candidate: candidate.run(sample, outputs: tensors))
        }
        return meter.result().outputs.compactMap(\.sqnrDb).min()
    }

    /// Times the integer form against FP32. Where it is slower beyond the noise, or no faster and a larger file, the
    /// weight-only form takes its place.
    func neverSlower(_ integer: Candidate, _ forms: Forms) throws -> Candidate {
        guard decisionSeconds > 0 else { return integer }
        let speed = try Race(order, inputs, models).speedup(of: integer.path, seconds: decisionSeconds)
        clock.log("integer form: \(Number.times(speed.ratio)) the speed of FP32")
        if speed.interval.high < 1 {
            return with(
                try forms.weightOnly(), "integers-slower",
                "In integers this model ran at \(Number.times(speed.ratio)) the speed of "
                    + "FP32 on this machine, so only its weights are stored in 8 bits: the file shrinks, the speed "
                    + "stays.")
        }
        guard speed.interval.low <= 1 + Report.Verdict.leastDifference else { return integer }
        let weightOnly = try forms.weightOnly()
        guard try Self.bytes(weightOnly) < Self.bytes(integer) else { return integer }
        return with(
            weightOnly, "integers-no-faster",
            "In integers this model ran at \(Number.times(speed.ratio)) the speed of FP32 on this machine, which is no clear "
                + "gain, and in a larger file; so only its weights are stored in 8 bits.")
    }

    private static func bytes(_ candidate: Candidate) throws -> Int64 {
        try FileManager.default.attributesOfItem(atPath: candidate.path)[.size] as? Int64 ?? .max
    }

    /// `integer`, or what runs faster on this machine.
    func tuned(_ integer: Candidate, _ forms: Forms) throws -> Candidate {
        guard decisionSeconds > 0 else { return integer }
        return try Tuning(order, inputs, models, prepared, clock, seconds: decisionSeconds)(integer, forms)
    }
}
