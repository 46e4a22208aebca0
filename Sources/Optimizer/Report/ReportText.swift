package import Domain
import Pages

/// A report as a page of text for a terminal.
package struct ReportText {
    private let report: Report
    private var page: TextTable

    /// `width` in columns, 80 to 100 for best looks.
    package static func render(_ report: Report, width: Int = 92) -> String {
        var text = ReportText(report: report, page: TextTable(width: width))
        text.verdict()
        text.quality()
        text.outputs()
        text.speed()
        text.sizeAndMemory()
        text.coverage()
        text.keptFloat()
        text.page.search(report.search)
        text.samples()
        text.page.portability(report.portability)
        text.machine()
        text.identity()
        text.findings()
        return text.page.text
    }

    private mutating func verdict() {
        page.heading("Octavo report", report.identity.job)
        page.rule()
        page.sentence(report.verdict.line)
        if let gate = report.gate {
            page.sentence("Gate \(gate.metric.rawValue): \(gate.met ? "met" : "NOT MET"), \(gate.detail)")
        }
    }

    private mutating func quality() {
        page.heading("Quality", qualityRemark)
        if let accuracy = report.accuracy {
            var rows = [["labelled", "FP32", "95 %", "INT8", "95 %"]]
            rows.append(Self.row("top-1", accuracy.fp32Top1, accuracy.int8Top1))
            if let a = accuracy.fp32Top5, let b = accuracy.int8Top5 { rows.append(Self.row("top-5", a, b)) }
            page.columns(rows)
            page.field("change", Self.change(accuracy))
            page.field("kept", accuracy.keptWords)
        } else if let detection = report.detection {
            boxes(DetectionWords(detection: detection))
        } else {
            page.field("labelled", "not measured: " + (report.accuracyAbsence ?? "there are no labels"))
        }
        if let agreement = report.fidelity?.agreement {
            page.field("against FP32", Self.agreement(agreement))
            page.field("close calls", agreement.closeCalls.map { "same best class for " + $0.words })
            if let words = agreement.scoreWords { page.field("scores", words) }
        }
    }

    private mutating func boxes(_ words: DetectionWords) {
        page.columns(words.rows)
        if let change = words.change { page.field("change", change) }
        if let likeness = words.likeness { page.field("boxes like FP32's", likeness) }
        if let unread = words.unread { page.sentence(unread + ".") }
    }

    private var qualityRemark: String {
        let split = report.split
        guard split.heldOut else {
            return "on \(Number.count(split.evaluationSamples, "calibration sample")): too kind"
        }
        let shared = split.overlap.map { $0 == 0 ? ", none of them" : ", \($0) of them also" } ?? ""
        return
            "on \(Number.count(split.evaluationSamples, "evaluation sample"))"
            + (shared.isEmpty ? "" : "\(shared) in the calibration set")
    }

    private static func row(_ name: String, _ fp32: Report.Accuracy.Score, _ int8: Report.Accuracy.Score) -> [String] {
        func interval(_ score: Report.Accuracy.Score) -> String {
            "\(Number.fixed(score.interval.low * 100, 1))–\(Number.fixed(score.interval.high * 100, 1))"
        }
        return [name, Number.percent(fp32.share), interval(fp32), Number.percent(int8.share), interval(int8)]
    }

    private static func change(_ accuracy: Report.Accuracy) -> String {
        let interval = accuracy.deltaInterval
        return
            "\(Number.points(accuracy.delta)) points (95 % \(Number.points(interval.low))…\(Number.points(interval.high))); "
            + "\(Number.count(accuracy.lost, "sample")) lost, \(accuracy.gained) gained, "
            + "McNemar p \(Number.probability(accuracy.mcnemarP))"
    }

    private static func agreement(_ agreement: Report.Fidelity.Agreement) -> String {
        let interval = agreement.top1Interval
        return
            "same best class for \(Number.percent(agreement.top1)) of \(Number.count(agreement.samples, "sample")) (95 % "
            + "\(Number.fixed(interval.low * 100, 1))–\(Number.fixed(interval.high * 100, 1)))"
            + (agreement.top5.map { ", among the best five for \(Number.percent($0))" } ?? "")
    }

    private mutating func outputs() {
        guard let fidelity = report.fidelity else {
            page.field("fidelity", "not measured" + (report.fidelityAbsence.map { ": " + $0 } ?? ""))
            return
        }
        var rows = [["output", "SQNR dB", "cosine", "max error", "mean error"]]
        for output in fidelity.outputs.prefix(12) {
            let decibels = output.identical ? "identical" : output.sqnrDb.map { Number.fixed($0, 1) } ?? "–"
            rows.append([
                output.name, decibels, output.cosine.map { Number.fixed($0, 5) } ?? "–",
                Number.short(output.maxAbsError),
                Number.short(output.meanAbsError),
            ])
        }
        page.columns(rows)
        for words in fidelity.choiceWords + fidelity.valueWords { page.sentence(words) }
        for output in fidelity.outputs where output.broken + output.incomparable > 0 {
            page.sentence(
                "Output '\(output.name)': NaN or infinity only in INT8 for \(Number.count(output.broken, "sample")); "
                    + "\(Number.count(output.incomparable, "sample")) could not be compared.")
        }
        if !fidelity.worst.isEmpty {
            let worst = fidelity.worst.prefix(5).map { sample in
                "#\(sample.index) (\(sample.sqnrDb.map { Number.fixed($0, 1) + " dB" } ?? "not finite")"
                    + "\(sample.flipped == true ? ", other class" : ""))"
            }
            page.field("worst", worst.joined(separator: ", "))
        }
    }

    private mutating func speed() {
        guard let latency = report.latency else {
            page.heading("Speed")
            return page.sentence("Not measured" + (report.latencyAbsence.map { ": " + $0 } ?? "."))
        }
        let threads = "\(latency.threads) thread\(latency.threads == 1 ? "" : "s")"
        page.heading("Speed", "\(threads), \(latency.rounds) interleaved rounds, \(latency.stability.rawValue)")
        page.columns(Self.series(latency))
        page.field("speed-up", Self.speedup(latency))
        if latency.fp32.runsPerTiming > 1 {
            page.field("timings", "each the mean of \(latency.fp32.runsPerTiming) runs")
        }
        if let load = report.load, let fp32 = load.fp32Ms, let int8 = load.int8Ms {
            page.field("load", "FP32 \(Number.short(fp32)) ms, INT8 \(Number.short(int8)) ms")
        }
        if let load = report.load, let fp32 = load.fp32ColdMs, let int8 = load.int8ColdMs {
            page.field("load, cold", "FP32 \(Number.short(fp32)) ms, INT8 \(Number.short(int8)) ms")
        }
        if let load = report.load, let fp32 = load.fp32FirstRunMs, let int8 = load.int8FirstRunMs {
            page.field("first run", "FP32 \(Number.short(fp32)) ms, INT8 \(Number.short(int8)) ms")
        }
        page.field("other workers", latency.conditions.neighbours?.words)
        for note in latency.notes { page.sentence("Note: " + note) }
    }

    /// Percentiles that the number of timings does not support have no column.
    private static func series(_ latency: Report.Latency) -> [[String]] {
        let columns: [(String, KeyPath<Report.Latency.Series, Double?>)] = [
            ("p50", \.p50Ms), ("p90", \.p90Ms), ("p95", \.p95Ms), ("p99", \.p99Ms),
        ]
        let shown = columns.filter { latency.fp32[keyPath: $0.1] != nil && latency.int8[keyPath: $0.1] != nil }
        let head = ["ms per run", "min"] + shown.map(\.0) + ["mean", "timings"]
        let rows = [("FP32", latency.fp32), ("INT8", latency.int8)].map { name, series in
            [name, Number.short(series.minMs)] + shown.map { Number.short(series[keyPath: $0.1] ?? 0) }
                + [Number.short(series.meanMs), "\(series.timings)"]
        }
        return [head] + rows
    }

    private static func speedup(_ latency: Report.Latency) -> String {
        let interval = latency.speedupInterval
        return
            "\(Number.fixed(latency.speedup, 2))× (95 % \(Number.fixed(interval.low, 2))–\(Number.fixed(interval.high, 2))), "
            + "ratio of medians"
            + (latency.undisturbedSpeedup.map { ", \(Number.fixed($0, 2))× by the fastest runs" } ?? "")
            + "; FP32 against itself differs by up to \(Number.percent(latency.noiseFloor))"
    }

    private mutating func sizeAndMemory() {
        let size = report.size
        page.heading("Size and memory", size.ratio.map { Number.times($0) + " smaller" } ?? "")
        var rows = [["", "FP32", "INT8"], ["file", Number.bytes(size.modelBytes), Number.bytes(size.artifactBytes)]]
        if let before = size.modelWeightBytes, let after = size.artifactWeightBytes {
            rows.append(["weights", Number.bytes(before), Number.bytes(after)])
        }
        let memory = report.memory
        if let before = memory.fp32InferenceBytes, let after = memory.int8InferenceBytes {
            rows.append(["inference", Number.bytes(before), Number.bytes(after)])
        }
        page.columns(rows)
        page.field("compressed", size.compressedWords)
        page.field("inference", memory.inferenceAbsence.map { "not measured: " + $0 })
        if let peak = report.memory.peakRssBytes { page.field("this job", "at most \(Number.bytes(peak)) resident") }
    }

    private mutating func coverage() {
        guard let coverage = report.coverage else { return }
        let nodes = coverage.nodeShare.map { Number.percent($0, 0) + " of arithmetic nodes" }
        let macs = coverage.macShare.map { Number.percent($0) + " of multiply-accumulates" }
        page.heading("What runs in integers", [macs, nodes].compactMap { $0 }.joined(separator: ", "))
        for kind in [Report.Coverage.Class.integer, .float, .other] {
            let list = coverage.operators.filter { $0.kind == kind }.map { "\($0.name) \($0.count)" }
            page.field(kind.rawValue, list.joined(separator: ", "))
        }
        if coverage.conversions > 0 { page.field("Q/DQ left", "\(coverage.conversions)") }
        let reasons = coverage.floatReasons.prefix(8).map { ["\($0.name) \($0.node)", $0.reason] }
        for reason in reasons { page.sentence("\(reason[0]): \(reason[1])", hanging: 4) }
    }

    private mutating func keptFloat() {
        guard let plan = report.plan else { return }
        page.heading(
            "Plan",
            "\(Number.count(plan.quantizedActivations, "activation")) and "
                + "\(Number.count(plan.quantizedWeights, "weight")) in 8 bits"
        )
        for kept in plan.keptFloat.prefix(8) { page.sentence("float: \(kept.name): \(kept.reason)", hanging: 4) }
        if plan.keptFloat.count > 8 { page.sentence("and \(plan.keptFloat.count - 8) more in the plan") }
        for words in plan.figureWords { page.sentence(words) }
        for dead in (plan.deadChannels ?? []).prefix(8) { page.sentence("dead: \(dead.words)", hanging: 4) }
    }

    private mutating func samples() {
        guard let health = report.calibration else { return }
        page.heading("Calibration", "\(health.samplesUsed) of \(Number.count(health.samplesInSet, "sample"))")
        for array in health.arrays {
            let range = array.minimum.flatMap { low in
                array.maximum.map { "\(Number.short(low)) to \(Number.short($0))" }
            }
            page.field(array.name, "\(array.type.rawValue)\(array.shape)" + (range.map { ", \($0)" } ?? ""))
        }
        if health.duplicates > 0 { page.field("duplicates", "\(health.duplicates)") }
        if let statistics = health.statistics { page.field("statistics", statistics.words) }
        if let convergence = health.convergence { page.sentence(convergence.words, hanging: 4) }
        for distance in health.distance ?? [] { page.sentence("\(distance.array): \(distance.words)", hanging: 4) }
        for finding in health.findings { page.sentence("\(finding.severity.rawValue): \(finding.detail)", hanging: 4) }
    }

    private mutating func machine() {
        let machine = report.environment
        page.heading("Machine", "\(report.identity.engine) \(report.identity.engineVersion)")
        let quota = machine.cgroupCpuQuota.map { ", quota \(Number.fixed($0, 1))" } ?? ""
        page.field(
            "processor",
            "\(machine.processor ?? machine.architecture), \(Number.count(machine.usableCores, "core"))\(quota)")
        page.field("instructions", machine.flags.joined(separator: " "))
        page.field("memory", machine.memoryBytes.map { Number.bytes($0) })
        page.field(
            "system", [machine.kernel.map { "Linux " + $0 }, machine.libc].compactMap { $0 }.joined(separator: ", "))
    }

    private mutating func identity() {
        let identity = report.identity
        page.heading("Identity", "octavo \(identity.octavoVersion), kernels \(identity.kernels), seed \(identity.seed)")
        page.field("model", identity.model.digest?.description)
        page.field("calibration", identity.calibration.digest?.description)
        page.field("evaluation", identity.evaluation?.digest?.description)
        page.field("artifact", identity.artifact.digest?.description)
        if let reproduces = report.reproduces, let identical = reproduces.identical {
            page.field(
                "reproduces",
                "\(reproduces.job): \(identical ? "the same bytes" : "other bytes. " + (reproduces.reasons ?? []).joined(separator: " "))"
            )
        }
    }

    private mutating func findings() {
        guard !report.findings.isEmpty else { return }
        page.heading("Findings")
        for finding in report.findings { page.sentence("\(finding.severity.rawValue): \(finding.detail)", hanging: 4) }
    }
}
