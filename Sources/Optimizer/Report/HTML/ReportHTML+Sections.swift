import Domain
import Pages

extension ReportHTML {
    static func quality(_ report: Report, _ page: inout Markup) {
        page.element("p", ["class": "note"], remark(report.split))
        if let accuracy = report.accuracy {
            BarChart(
                title: "Labelled accuracy, with its 95 % interval", bars: bars(accuracy), limit: 1
            ).draw(into: &page)
            let interval = accuracy.deltaInterval
            page.element(
                "p",
                "Change \(Number.points(accuracy.delta)) points (95 % \(Number.points(interval.low)) to "
                    + "\(Number.points(interval.high))): \(Number.count(accuracy.lost, "sample")) lost, "
                    + "\(accuracy.gained) gained, McNemar p "
                    + "\(Number.probability(accuracy.mcnemarP)).\(accuracy.keptWords.map { " " + $0 } ?? "")")
        } else if let detection = report.detection {
            boxes(DetectionWords(detection: detection), &page)
        } else {
            page.element("p", "Labelled accuracy was not measured: \(report.accuracyAbsence ?? "there are no labels").")
        }
        guard let fidelity = report.fidelity else { return }
        if let agreement = fidelity.agreement {
            page.element(
                "p",
                "FP32 and INT8 name the same best class for \(Number.percent(agreement.top1)) of \(agreement.samples) "
                    + "samples (95 % \(Number.percent(agreement.top1Interval.low)) to "
                    + "\(Number.percent(agreement.top1Interval.high))).")
        }
        if let calls = fidelity.agreement?.closeCalls {
            page.element("p", "Close calls: the same best class for \(calls.words).")
        }
        if let words = fidelity.agreement?.scoreWords { page.element("p", "Class scores: \(words).") }
        page.table(outputs(fidelity), caption: "Each output against FP32")
        list(fidelity.choiceWords + fidelity.valueWords, &page)
        page.table(worst(fidelity), caption: "The samples that suffer most")
    }

    private static func boxes(_ words: DetectionWords, _ page: inout Markup) {
        page.element("p", words.remark)
        page.table(words.rows, caption: "Boxes found, counted as COCO does")
        if let change = words.change { page.element("p", "Change: \(change).") }
        if let likeness = words.likeness { page.element("p", "Like FP32: \(likeness).") }
    }

    private static func remark(_ split: Report.Split) -> String {
        guard split.heldOut else {
            return
                "Measured on \(split.evaluationSamples) calibration samples, which is too kind: post an evaluation set."
        }
        let shared = split.overlap.map { $0 == 0 ? "none of them" : "\($0) of them also" }
        return "Measured on \(split.evaluationSamples) evaluation samples"
            + (shared.map { ", \($0) in the calibration set of \(split.calibrationSamples)." } ?? ".")
    }

    private static func bars(_ accuracy: Report.Accuracy) -> [BarChart.Bar] {
        var scores = [("top-1 FP32", accuracy.fp32Top1, "fp32"), ("top-1 INT8", accuracy.int8Top1, "int8")]
        if let a = accuracy.fp32Top5, let b = accuracy.int8Top5 {
            scores += [("top-5 FP32", a, "fp32"), ("top-5 INT8", b, "int8")]
        }
        return scores.map { label, score, kind in
            .init(
                label, score.share,
                "\(Number.percent(score.share)) (\(Number.fixed(score.interval.low * 100, 1))–"
                    + "\(Number.fixed(score.interval.high * 100, 1)))",
                kind, interval: (score.interval.low, score.interval.high))
        }
    }

    private static func outputs(_ fidelity: Report.Fidelity) -> [[String]] {
        [["output", "SQNR dB", "cosine", "largest error", "mean error"]]
            + fidelity.outputs.map { output in
                [
                    output.name, output.identical ? "identical" : output.sqnrDb.map { Number.fixed($0, 1) } ?? "–",
                    output.cosine.map { Number.fixed($0, 5) } ?? "–", Number.short(output.maxAbsError),
                    Number.short(output.meanAbsError),
                ]
            }
    }

    private static func worst(_ fidelity: Report.Fidelity) -> [[String]] {
        guard !fidelity.worst.isEmpty else { return [] }
        let classes = fidelity.worst.contains { $0.flipped != nil }
        return [["sample", "SQNR dB"] + (classes ? ["best class"] : [])]
            + fidelity.worst.map { sample in
                ["#\(sample.index)", sample.sqnrDb.map { Number.fixed($0, 1) } ?? "not finite"]
                    + (classes ? [sample.flipped.map { $0 ? "changed" : "same" } ?? "–"] : [])
            }
    }

    static func speed(_ report: Report, _ page: inout Markup) {
        guard let latency = report.latency else {
            return page.element("p", "Not measured: \(report.latencyAbsence ?? "no reason was given").")
        }
        let columns: [(String, KeyPath<Report.Latency.Series, Double?>)] = [
            ("p50", \.p50Ms), ("p90", \.p90Ms), ("p95", \.p95Ms), ("p99", \.p99Ms),
        ]
        var bars: [BarChart.Bar] = []
        for (name, path) in columns {
            guard let fp32 = latency.fp32[keyPath: path], let int8 = latency.int8[keyPath: path] else { continue }
            bars.append(.init("\(name) FP32", fp32, Number.short(fp32) + " ms", "fp32"))
            bars.append(.init("\(name) INT8", int8, Number.short(int8) + " ms", "int8"))
        }
        BarChart(title: "Milliseconds per run; only percentiles that the timings support", bars: bars)
            .draw(into: &page)
        distribution(latency, &page)
        let interval = latency.speedupInterval
        page.element(
            "p",
            "Speed-up \(Number.fixed(latency.speedup, 2))× (95 % \(Number.fixed(interval.low, 2)) to "
                + "\(Number.fixed(interval.high, 2))) over \(latency.rounds) randomly interleaved rounds, "
                + "\(latency.stability.rawValue)"
                + (latency.undisturbedSpeedup.map { "; by the fastest runs \(Number.fixed($0, 2))×" } ?? "")
                + ". FP32 against itself differs by up to \(Number.percent(latency.noiseFloor))."
        )
        if let load = report.load { self.load(load, &page) }
        conditions(latency, &page)
        list(latency.notes, &page)
    }

    private static func load(_ load: Report.Load, _ page: inout Markup) {
        let rows: [(String, Double?, Double?)] = [
            ("load, file not in memory", load.fp32ColdMs, load.int8ColdMs),
            ("load, file in memory", load.fp32Ms, load.int8Ms),
            ("first inference", load.fp32FirstRunMs, load.int8FirstRunMs),
        ]
        let shown = rows.filter { $0.1 != nil || $0.2 != nil }.map { name, fp32, int8 in
            [name] + [fp32, int8].map { $0.map { Number.short($0) } ?? "–" }
        }
        guard !shown.isEmpty else { return }
        page.table([["ms", "FP32", "INT8"]] + shown, caption: "From the file to the first answer")
        if let absence = load.coldAbsence {
            page.element("p", ["class": "note"], "Loading from disk was not measured: \(absence).")
        }
    }

    /// What else went on while the clock ran.
    private static func conditions(_ latency: Report.Latency, _ page: inout Markup) {
        let conditions = latency.conditions
        let rows: [(String, String?)] = [
            ("rounds", "\(latency.rounds), after \(latency.warmupRuns) to warm up"),
            ("threads", "\(latency.threads) of \(Number.count(conditions.cores, "core"))"),
            ("stability", "\(latency.stability.rawValue), medians of windows within \(Number.percent(latency.drift))"),
            ("noise floor", "FP32 against itself: ±\(Number.percent(latency.noiseFloor))"),
            ("steal", conditions.stealShare.map { Number.percent($0) + " of the processor time" }),
            ("processors busy", conditions.busyShare.map { Number.percent($0, 0) + ", this measurement included" }),
            ("with other work", conditions.otherShare.map { Number.percent($0, 0) }),
            (
                "load average",
                conditions.loadBefore.flatMap { before in
                    conditions.loadAfter.map { "\(Number.fixed(before, 1)) before, \(Number.fixed($0, 1)) after" }
                }
            ),
            ("other workers", conditions.neighbours?.words),
            ("throttled", conditions.throttledShare.map { Number.percent($0) + " of the cgroup's periods" }),
        ]
        definitions(rows, &page)
    }

    static func definitions(_ rows: [(String, String?)], _ page: inout Markup) {
        page.element("dl") { list in
            for case (let name, let value?) in rows where !value.isEmpty {
                list.element("dt", name)
                list.element("dd", value)
            }
        }
    }

    static func coverage(_ report: Report, _ page: inout Markup) {
        guard let coverage = report.coverage else { return }
        var bars: [BarChart.Bar] = []
        if let share = coverage.macShare {
            bars.append(.init("MACs", share, Number.percent(share), "integer"))
        }
        if let share = coverage.nodeShare {
            let words = "\(coverage.integerNodes) of \(coverage.integerNodes + coverage.floatNodes)"
            bars.append(.init("arithmetic nodes", share, words, "integer"))
        }
        BarChart(
            title:
                "Share of multiply-accumulates (MACs) and of nodes done in integers, in the graph that the engine really runs",
            bars: bars, limit: 1
        )
        .draw(into: &page)
        let operators = coverage.operators.sorted { ($0.count, $1.name) > ($1.count, $0.name) }
        page.table(
            [["operator", "kind", "nodes"]] + operators.map { [$0.name, $0.kind.rawValue, "\($0.count)"] })
        let reasons = coverage.floatReasons
        list(reasons.prefix(30).map { "\($0.name) \($0.node) stays float: \($0.reason)" }, &page)
        if reasons.count > 30 { page.element("p", ["class": "note"], "And \(reasons.count - 30) more, in the JSON.") }
    }

    static func layers(_ report: Report, _ page: inout Markup) {
        if let plan = report.plan {
            list(plan.figureWords, &page)
            list((plan.deadChannels ?? []).prefix(30).map { "Dead channels in \($0.words)" }, &page)
        }
        guard let layers = report.plan?.layers, !layers.isEmpty else { return }
        noise(layers, &page)
        let shown = layers.prefix(12)
        BarChart(
            title:
                "Signal over noise of each layer alone in integers, in dB; the noisiest \(shown.count) of \(layers.count)",
            bars: shown.map { .init($0.node, $0.sqnrDb, Number.fixed($0.sqnrDb, 1) + " dB", "int8") }
        ).draw(into: &page)
    }

    static func search(_ report: Report, _ page: inout Markup) {
        guard let search = report.search else { return }
        frontier(search, report.gate, &page)
        let isGated = search.candidates.contains { $0.drop != nil }
        page.table(
            [["", "candidate", "form", "in float", "speed-up", "95 %", "size", "SQNR, dB"] + (isGated ? ["drop"] : [])]
                + search.candidates.map { candidate in
                    var row = candidate.row(isGated: isGated)
                    row[0] = candidate.name
                    return [candidate.standing] + row
                })
        page.element("p", ["class": "note"], search.note)
        let told = search.candidates.filter { !$0.reason.isEmpty && $0.form != "float32" }
        page.folded("How the choice fell", [["candidate", ""]] + told.map { [$0.name, $0.reason] })
    }

    static func size(_ report: Report, _ page: inout Markup) {
        let size = report.size
        var rows = [["", "FP32", "INT8"], ["file", Number.bytes(size.modelBytes), Number.bytes(size.artifactBytes)]]
        if let before = size.modelWeightBytes, let after = size.artifactWeightBytes {
            rows.append(["weights", Number.bytes(before), Number.bytes(after)])
        }
        let memory = report.memory
        if let before = memory.fp32InferenceBytes, let after = memory.int8InferenceBytes {
            rows.append(["resident at inference", Number.bytes(before), Number.bytes(after)])
        }
        page.table(rows)
        if let words = size.compressedWords { page.element("p", "Compressed: \(words).") }
        if let absence = memory.inferenceAbsence {
            page.element("p", ["class": "note"], "Memory at inference was not measured: \(absence).")
        }
        let stages = Dictionary(report.stages.map { ($0.stage, $0.seconds) }, uniquingKeysWith: { first, _ in first })
        BarChart(
            title: "Most memory that the conversion had held by the end of each stage, and the stage's seconds",
            bars: report.memory.phases.map { phase in
                let seconds = stages[phase.stage].map { ", \(Number.short($0)) s" } ?? ""
                return .init(
                    phase.stage.rawValue, Double(phase.peakRssBytes), Number.bytes(phase.peakRssBytes) + seconds,
                    "other")
            }
        ).draw(into: &page)
        if report.memory.phases.isEmpty, let peak = report.memory.peakRssBytes {
            page.element("p", ["class": "note"], "The conversion held at most \(Number.bytes(peak)) of memory.")
        }
    }

    static func calibration(_ report: Report, _ page: inout Markup) {
        guard let health = report.calibration else { return }
        page.element(
            "p",
            "\(health.samplesUsed) of \(Number.count(health.samplesInSet, "sample")), "
                + "\(Number.count(health.duplicates, "duplicate")).")
        page.table(
            [["array", "type", "shape", "least", "greatest"]]
                + health.arrays.map { array in
                    [
                        array.name, array.type.rawValue, "\(array.shape)",
                        array.minimum.map { Number.short($0) } ?? "–",
                        array.maximum.map { Number.short($0) } ?? "–",
                    ]
                })
        if let statistics = health.statistics { page.element("p", "Statistics: \(statistics.words).") }
        if let convergence = health.convergence {
            BarChart(
                title: "Share of the final range after so many samples, mean over \(convergence.tensors) tensors",
                bars: convergence.points.map {
                    .init("\($0.samples)", $0.mean, Number.percent($0.mean, 0), "int8")
                }, limit: 1
            ).draw(into: &page)
            if let growth = convergence.expectedGrowth {
                page.element("p", "One more sample would widen a range by \(Number.percent(growth, 2)) on average.")
            }
        }
        for distance in health.distance ?? [] { page.element("p", "\(distance.array): \(distance.words).") }
        list(health.findings.map { "\($0.severity.rawValue): \($0.detail)" }, &page)
        if let ranges = report.plan?.ranges { self.ranges(ranges, &page) }
    }

    /// For a job that repeats another one.
    static func reproduction(_ report: Report, _ page: inout Markup) {
        guard let reproduces = report.reproduces, let identical = reproduces.identical else { return }
        page.element(
            "p", ["class": identical ? "good" : "bad"],
            "The artifact \(identical ? "is identical to" : "differs from") that of \(reproduces.job).")
        list(reproduces.reasons ?? [], &page)
    }

    static func machine(_ report: Report, _ page: inout Markup) {
        let (machine, identity) = (report.environment, report.identity)
        func flag(_ value: Bool?) -> String? { value.map { $0 ? "on" : "off" } }
        let cores = [
            "\(machine.usableCores) usable of \(machine.logicalCores) logical",
            machine.physicalCores.map { "\($0) physical" },
            machine.cgroupCpuQuota.map { "quota \(Number.fixed($0, 1))" }, machine.hypervisor ? "virtual machine" : nil,
        ].compactMap { $0 }.joined(separator: ", ")
        definitions(
            [
                ("processor", machine.processor ?? machine.architecture), ("cores", cores),
                ("instructions", machine.flags.joined(separator: " ")), ("microcode", machine.microcode),
                ("governor", machine.governor), ("turbo", flag(machine.turbo)),
                ("simultaneous threads", flag(machine.smt)),
                ("memory", machine.memoryBytes.map { Number.bytes($0) }),
                (
                    "system",
                    [machine.kernel.map { "Linux " + $0 }, machine.libc].compactMap { $0 }.joined(separator: ", ")
                ),
                ("engine", "\(identity.engine) \(identity.engineVersion)"),
                ("octavo", "\(identity.octavoVersion), kernels \(identity.kernels), seed \(identity.seed)"),
                ("model", identity.model.digest?.description),
                ("calibration", identity.calibration.digest?.description),
                ("evaluation", identity.evaluation?.digest?.description),
                ("artifact", identity.artifact.digest?.description),
            ], &page)
    }

    static func findings(_ report: Report, _ page: inout Markup) {
        list(report.findings.map { "\($0.severity.rawValue): \($0.detail)" }, &page)
    }

    private static func list(_ lines: [String], _ page: inout Markup) {
        guard !lines.isEmpty else { return }
        page.element("ul", ["class": "plain"]) { list in
            for line in lines { list.element("li", line) }
        }
    }
}
