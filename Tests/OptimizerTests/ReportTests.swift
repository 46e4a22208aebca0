import Domain
import Foundation
import Pages
import Testing

@testable import Optimizer

/// A complete report to change in tests.
enum SampleReport {
    static func latency(_ speedup: Double, _ low: Double, _ high: Double, noise: Double = 0.01) -> Report.Latency {
        func series(_ ms: Double) -> Report.Latency.Series {
            .init(
                timings: 500, runsPerTiming: 1, minMs: ms * 0.9, meanMs: ms * 1.02, p50Ms: ms, p90Ms: ms * 1.1,
                p95Ms: ms * 1.2)
        }
        return Report.Latency(
            fp32: series(10), int8: series(10 / speedup), speedup: speedup,
            speedupInterval: .init(low: low, high: high),
            noiseFloor: noise, stability: .stable, drift: 0.01, rounds: 500, warmupRuns: 12, threads: 1, seconds: 6.5,
            conditions: .init(cores: 2, stealShare: 0.03),
            notes: ["The hypervisor took 3 % of the processor time (steal)."])
    }

    static var accuracy: Report.Accuracy {
        func score(_ correct: Int) -> Report.Accuracy.Score {
            .init(correct: correct, share: Double(correct) / 1000, interval: Statistics.wilson(correct, of: 1000))
        }
        return .init(
            output: "scores", classes: 1000, samples: 1000, fp32Top1: score(712), int8Top1: score(709),
            fp32Top5: score(901),
            int8Top5: score(899), delta: -0.003, deltaInterval: .init(low: -0.0101, high: 0.0041), lost: 9, gained: 6,
            mcnemarP: 0.607)
    }

    static var fidelity: Report.Fidelity {
        .init(
            samples: 1000,
            outputs: [
                .init(
                    name: "scores", values: 1_000_000, sqnrDb: 24.13, cosine: 0.99812, maxAbsError: 1.75,
                    meanAbsError: 0.0213,
                    identical: false, incomparable: 0, broken: 0)
            ],
            agreement: .init(
                output: "scores", classes: 1000, samples: 1000, top1: 0.984,
                top1Interval: Statistics.wilson(984, of: 1000),
                top5: 1),
            worst: [.init(index: 17, digest: "00000000deadbeef", sqnrDb: 11.2, flipped: true)])
    }

    static func make() throws -> Report {
        let digest = try #require(Digest(String(repeating: "ab", count: 32)))
        let file = Report.Identity.File(name: "m.onnx", digest: digest, bytes: 4_200_000)
        return Report(
            verdict: .pending,
            identity: .init(
                job: "job_01", attempt: 1, model: file, calibration: file, evaluation: file, artifact: file,
                recipe: Recipe(),
                engine: "onnxruntime", engineVersion: "1.32.0", octavoVersion: "0.1.0", kernels: "avx512", seed: 1,
                created: Date(timeIntervalSince1970: 1_790_000_000.25)),
            split: .init(calibrationSamples: 128, evaluationSamples: 1000, heldOut: true, overlap: 0, labels: 1000),
            accuracy: accuracy, fidelity: fidelity, latency: latency(2.1, 2.02, 2.18),
            size: .init(
                modelBytes: 4_200_000, artifactBytes: 1_080_000, modelWeightBytes: 4_000_000,
                artifactWeightBytes: 1_000_000),
            memory: .init(peakRssBytes: 143_000_000, phases: [.init(stage: .calibrate, peakRssBytes: 140_000_000)]),
            load: .init(fp32Ms: 12.3, int8Ms: 15.4),
            coverage: .init(
                operators: [
                    .init(name: "QLinearConv", kind: .integer, count: 27),
                    .init(name: "Softmax", kind: .float, count: 1),
                    .init(name: "Reshape", kind: .other, count: 2),
                ], conversions: 2, macs: 325_000_000, macShare: 0.998,
                floatReasons: [
                    .init(node: "softmax/1", name: "Softmax", reason: "the runtime has no integer kernel for it")
                ]),
            plan: .init(
                quantizedActivations: 30, quantizedWeights: 28,
                keptFloat: [.init(name: "logits", reason: "an output that callers read as numbers")]),
            calibration: .init(
                samplesInSet: 128, samplesUsed: 128, duplicates: 0,
                arrays: [.init(name: "image", type: .uint8, shape: [128, 224, 224, 3], minimum: 0, maximum: 255)],
                findings: []),
            portability: .init(
                measuredWithVnni: true, saturatingLayers: 2,
                note: "2 layers can saturate on processors without VNNI; their results differ slightly there."),
            environment: .init(
                architecture: "x86_64", processor: "Some CPU", flags: ["avx2", "avx512_vnni"], logicalCores: 2,
                usableCores: 2,
                memoryBytes: 8_000_000_000, kernel: "6.1.0", libc: "glibc 2.36", hypervisor: true),
            stages: [.init(stage: .calibrate, seconds: 3.25)],
            findings: [Finding(.info, code: "few-samples", detail: "The set has 20 samples.")])
    }
}

@Suite struct ReportTests {
    private func verdict(_ change: (inout Report) -> Void = { _ in }) throws -> Report.Verdict {
        var report = try SampleReport.make()
        change(&report)
        return Report.Verdict.judge(report)
    }

    @Test func aGoodResultIsSaidInOneLine() throws {
        let verdict = try verdict()
        #expect(
            verdict.line
                == "2.1× faster (95 % 2.0–2.2), 3.9× smaller, top-1 71.2 % → 70.9 % (−0.3, 95 % −1.0…+0.4)")
        #expect(verdict.speed == .faster && verdict.quality == .labelled && verdict.deployForSpeed)
    }

    @Test func noGainIsSaidPlainly() throws {
        let same = try verdict { $0.latency = SampleReport.latency(1.01, 0.98, 1.04) }
        #expect(
            same.line.hasPrefix(
                "Not faster on this machine (1.01× the speed of FP32, 95 % 0.98–1.04): do not deploy for speed, 3.9× smaller"
            ))
        #expect(same.speed == .same && !same.deployForSpeed)
        let slower = try verdict { $0.latency = SampleReport.latency(0.55, 0.53, 0.57) }
        #expect(slower.line.hasPrefix("Slower on this machine (0.55×"))
        #expect(slower.speed == .slower && !slower.deployForSpeed)
        let unclear = try verdict {
            $0.latency = SampleReport.latency(1.16, 1.1, 1.2)
            $0.latency?.undisturbedSpeedup = 0.96
        }
        #expect(
            unclear.line.hasPrefix(
                "Speed unclear (1.16× the speed of FP32 by the medians, 0.96× by the fastest runs): measure again"))
        #expect(unclear.speed == .unclear && !unclear.deployForSpeed)
        let noisy = try verdict { $0.latency = SampleReport.latency(1.05, 1.01, 1.09, noise: 0.08) }
        #expect(noisy.speed == .same, "a gain within the noise floor is none")
    }

    @Test func withoutLabelsLikenessToFP32IsTold() throws {
        let verdict = try verdict { $0.accuracy = nil }
        #expect(
            verdict.line.hasSuffix("same best class as FP32 for 98.4 % of 1000 samples, SQNR 24.1 dB, no labels"))
        #expect(verdict.quality == .fidelity)
        let detector = try self.verdict {
            $0.accuracy = nil
            $0.fidelity?.agreement = nil
            $0.fidelity?.outputs[0].sqnrDb = 4.5
        }
        #expect(detector.line.hasSuffix("SQNR 4.5 dB, far from FP32, no labels"))
    }

    @Test func withoutAnEvaluationSetItIsSaid() throws {
        let verdict = try verdict {
            $0.split.heldOut = false
            $0.accuracy = nil
        }
        #expect(verdict.line.hasSuffix("measured on the calibration samples: give an evaluation set to know more"))
        #expect(verdict.quality == .calibrationFidelity)
    }

    @Test func aModelThatGuessesIsSuspected() throws {
        let verdict = try verdict {
            $0.accuracy?.classes = 10
            $0.accuracy?.fp32Top1 = .init(correct: 49, share: 0.098, interval: Statistics.wilson(49, of: 500))
        }
        #expect(verdict.line.hasSuffix("no better than guessing: check the preprocessing and the labels"))
    }

    @Test func sharedSamplesAreSaid() throws {
        let verdict = try verdict { $0.split.overlap = 12 }
        #expect(verdict.line.hasSuffix("12 of 1000 evaluation samples served for calibration too"))
    }

    @Test func whatWasNotMeasuredIsNamedWithItsReason() throws {
        let verdict = try verdict {
            $0.accuracy = nil
            $0.fidelity = nil
            $0.fidelityAbsence = "the outputs have no fixed shape"
            $0.latency = nil
            $0.latencyAbsence = "no time was left"
        }
        #expect(
            verdict.line
                == "Speed not measured (no time was left), 3.9× smaller, quality not measured (the outputs have no fixed shape)"
        )
        #expect(verdict.speed == .unmeasured && verdict.quality == .unmeasured)
    }

    @Test func clearLossesAndBrokenOutputsAreNotFootnotes() throws {
        let loss = try verdict {
            $0.accuracy?.delta = -0.1
            $0.accuracy?.deltaInterval = .init(low: -0.12, high: -0.08)
        }
        #expect(loss.line.hasSuffix("a clear loss"))
        let broken = try verdict { $0.fidelity?.outputs[0].broken = 3 }
        #expect(broken.line.hasPrefix("Broken: NaN or infinity for 3 of 1000 samples, do not deploy"))
        #expect(!broken.deployForSpeed)
        let gate = try verdict {
            $0.gate = .init(
                metric: .top1, maxDrop: 0.001, drop: 0.003, met: false,
                detail: "top-1 fell by 0.3 points of 0.1 allowed")
        }
        #expect(gate.line.hasPrefix("Gate not met (top-1 fell by 0.3 points of 0.1 allowed): do not deploy"))
    }

    @Test func theReportComesBackFromItsJSON() throws {
        var report = try SampleReport.make()
        report.verdict = .judge(report)
        let bytes = try JSON.encode(report)
        #expect(try JSON.decode(Report.self, from: bytes) == report)
        #expect(try JSON.encode(report) == bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        for key in [
            "\"schema\":\"octavo-report/1\"", "\"sqnr_db\":24.13", "\"p95_ms\"", "\"fp32_top1\"", "\"peak_rss_bytes\"",
        ] {
            #expect(text.contains(key), "\(key)")
        }
        #expect(!text.lowercased().contains("nan"))
    }

    @Test func onlyTheLeastAReportCanHoldIsEnough() throws {
        var report = try SampleReport.make()
        report.accuracy = nil
        report.fidelity = nil
        report.latency = nil
        report.load = nil
        report.coverage = nil
        report.plan = nil
        report.calibration = nil
        report.portability = nil
        report.identity.evaluation = nil
        report.findings = []
        #expect(try JSON.decode(Report.self, from: JSON.encode(report)) == report)
        let text = ReportText.render(report)
        #expect(text.contains("Not measured.") && text.contains("there are no labels"))
    }

    @Test(arguments: [40, 80, 92, 100])
    func thePageKeepsItsWidth(_ width: Int) throws {
        var report = try SampleReport.make()
        report.verdict = .judge(report)
        let lines = ReportText.render(report, width: width).split(separator: "\n", omittingEmptySubsequences: false)
        if width >= 80 {
            // A digest is never cut: it is there to be copied.
            for line in lines where !line.contains("sha256:") { #expect(line.count <= width, "\(line)") }
        }
        #expect(!lines.contains { $0.hasSuffix(" ") })
        let text = lines.joined(separator: " ")
        for words in ["71.2 %", "24.1", "p95", "QLinearConv 27", "glibc 2.36", "sha256:abab", "143.0 MB"] {
            #expect(text.contains(words), "\(words)")
        }
        #expect(!text.contains("p99"), "a percentile without enough timings has no column")
    }

    @Test func longNamesAreCutNotWrapped() {
        var table = TextTable(width: 60)
        table.columns([["output", "SQNR"], [String(repeating: "a", count: 80), "24.1"]])
        #expect(table.lines.allSatisfy { $0.count <= 60 })
        #expect(table.lines[1].contains("a…a"))
    }

    @Test func bothFilesAreWritten() throws {
        let directory = try TestDirectory()
        let report = try SampleReport.make()
        try report.write(into: directory.path)
        #expect(try directory.contents().sorted() == ["report.html", "report.json", "report.txt"])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: directory.path + "/report.json"))
        #expect(try JSON.decode(Report.self, from: bytes) == report)
    }

    @Test func numbersAreWrittenForPeople() {
        #expect(Number.fixed(-0.04, 1) == "0.0")
        #expect(Number.fixed(-1.25, 1) == "−1.3")
        #expect(Number.fixed(2.999, 2) == "3.00")
        #expect(Number.fixed(.nan, 2) == "–")
        #expect([0, 1, 2].map { Number.count($0, "box", "boxes") } == ["0 boxes", "1 box", "2 boxes"])
        #expect(Number.count(1, "byte") == "1 byte" && Number.count(1000, "byte") == "1000 bytes")
        #expect(
            [0, 0.00012, 0.0213, 1.755, 23.44, 912.3].map(Number.short) == [
                "0", "1.2e-4", "0.021", "1.76", "23.4", "912",
            ])
        #expect(Number.points(0.0041) == "+0.4")
        #expect(Number.points(0) == "0.0")
        #expect([999, 1500, 4_200_000, 2_500_000_000].map(Number.bytes) == ["999 B", "1.5 kB", "4.2 MB", "2.50 GB"])
        #expect([0.98, 1.49, 2.14, 123.4].map(Number.times) == ["0.98×", "1.49×", "2.1×", "123×"])
    }
}
