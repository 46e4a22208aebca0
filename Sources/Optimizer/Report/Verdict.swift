package import Domain
import Pages

extension Report.Verdict {
    /// A labelled loss whose whole 95 % interval lies beyond this is called a clear one.
    static let clearLoss = 0.02
    /// A smaller relative difference in speed is no reason to deploy, or not to, however surely it was measured.
    static let leastDifference = 0.02
    /// Below this an output has little in common with FP32's.
    static let poorDecibels = 10.0

    /// Judges a report whose other parts are complete.
    package static func judge(_ report: Report) -> Report.Verdict {
        let speed = speed(report.latency)
        let quality = quality(report)
        let parts = [
            gate(report), broken(report), speedWords(report, speed), sizeWords(report.size), qualityWords(report),
        ]
        let line = parts.compactMap { $0 }.joined(separator: ", ")
        return Report.Verdict(
            line: line.prefix(1).uppercased() + line.dropFirst(), speed: speed, quality: quality,
            deployForSpeed: speed == .faster && broken(report) == nil && report.gate?.met != false)
    }

    /// Faster or slower only when the interval excludes 1, the fastest runs agree, and the difference is more than FP32 shows
    /// against itself, and more than `leastDifference`.
    static func speed(_ latency: Report.Latency?) -> Speed {
        guard let latency, latency.rounds >= LatencyMeter.fewestRounds else { return .unmeasured }
        let margin = 1 + max(latency.noiseFloor, leastDifference)
        let isFaster = latency.speedupInterval.low > 1 && latency.speedup > margin
        let isSlower = latency.speedupInterval.high < 1 && 1 / latency.speedup > margin
        guard isFaster || isSlower else { return .same }
        // The fastest runs need not show as much, but they must show something.
        let clear = 1 + leastDifference / 2
        if isFaster { return latency.fastestSpeedup > clear ? .faster : .unclear }
        return 1 / latency.fastestSpeedup > clear ? .slower : .unclear
    }

    private static func quality(_ report: Report) -> Quality {
        if report.accuracy != nil || report.detection?.labelled != nil, report.split.heldOut { return .labelled }
        guard report.fidelity != nil || report.accuracy != nil else { return .unmeasured }
        return report.split.heldOut ? .fidelity : .calibrationFidelity
    }

    private static func gate(_ report: Report) -> String? {
        guard let gate = report.gate, !gate.met else { return nil }
        return "gate not met (\(gate.detail)): do not deploy"
    }

    private static func broken(_ report: Report) -> String? {
        guard let worst = report.fidelity?.outputs.map(\.broken).max(), worst > 0 else { return nil }
        return
            "broken: NaN or infinity for \(worst) of "
            + "\(Number.count(report.fidelity?.samples ?? 0, "sample")), do not deploy"
    }

    private static func speedWords(_ report: Report, _ speed: Speed) -> String {
        guard let latency = report.latency, speed != .unmeasured else {
            return "speed not measured" + (report.latencyAbsence.map { " (\($0))" } ?? "")
        }
        let decimals = Number.factorDecimals(latency.speedup)
        func fixed(_ value: Double) -> String { Number.fixed(value, decimals) }
        let interval =
            "95 % \(fixed(latency.speedupInterval.low))–\(fixed(latency.speedupInterval.high))"
            + (latency.conditions.neighbours?.wereStill == false ? ", not measured alone" : "")
        switch speed {
        case .faster: return "\(fixed(latency.speedup))× faster (\(interval))"
        case .slower:
            return
                "slower on this machine (\(fixed(latency.speedup))× the speed of FP32, \(interval)): do not deploy for "
                + "speed"
        case .unclear:
            return
                "speed unclear (\(fixed(latency.speedup))× the speed of FP32 by the medians, \(fixed(latency.fastestSpeedup))× by "
                + "the fastest runs): measure again with nothing beside it"
        default:
            return
                "not faster on this machine (\(fixed(latency.speedup))× the speed of FP32, \(interval)): do not deploy "
                + "for speed"
        }
    }

    private static func sizeWords(_ size: Report.Size) -> String? {
        guard let ratio = size.ratio else { return nil }
        return ratio >= 1.05 ? "\(Number.times(ratio)) smaller" : "not smaller (\(Number.times(ratio)))"
    }

    private static func qualityWords(_ report: Report) -> String {
        let boxes = report.detection.map { DetectionWords(detection: $0).line }
        let words = accuracyWords(report.accuracy) ?? boxes ?? fidelityWords(report.fidelity)
        guard let words else {
            let reason = report.fidelityAbsence ?? report.accuracyAbsence
            return "quality not measured" + (reason.map { " (\($0))" } ?? "")
        }
        guard report.split.heldOut else {
            return words + ", measured on the calibration samples: give an evaluation set to know more"
        }
        guard let shared = report.split.overlap, shared > 0 else { return words }
        return words + ", \(shared) of \(report.split.evaluationSamples) evaluation samples served for calibration too"
    }

    private static func accuracyWords(_ accuracy: Report.Accuracy?) -> String? {
        guard let accuracy else { return nil }
        let interval = accuracy.deltaInterval
        let change =
            "\(Number.points(accuracy.delta)), 95 % \(Number.points(interval.low))…\(Number.points(interval.high))"
        let words =
            "top-1 \(Number.percent(accuracy.fp32Top1.share)) → \(Number.percent(accuracy.int8Top1.share)) (\(change))"
        if accuracy.fp32Top1.interval.low <= 1 / Double(accuracy.classes) {
            return words + ", FP32 itself is no better than guessing: check the preprocessing and the labels"
        }
        return interval.high < -clearLoss ? words + ", a clear loss" : words
    }

    private static func fidelityWords(_ fidelity: Report.Fidelity?) -> String? {
        guard let fidelity, fidelity.samples > 0 else { return nil }
        var words: [String] = []
        if let agreement = fidelity.agreement {
            words.append(
                "same best class as FP32 for \(Number.percent(agreement.top1)) of \(Number.count(agreement.samples, "sample"))"
            )
        }
        if fidelity.agreement == nil, let choices = fidelity.choices {
            words.append(choices.shareWords)
        }
        if let lowest = fidelity.outputs.compactMap(\.sqnrDb).min() {
            words.append("SQNR \(Number.fixed(lowest, 1)) dB" + (lowest < poorDecibels ? ", far from FP32" : ""))
        } else if fidelity.outputs.allSatisfy(\.identical) {
            words.append("the same outputs as FP32")
        }
        words.append("no labels")
        return words.joined(separator: ", ")
    }
}
