import Domain
import Testing

@Suite struct JobTests {
    @Test func terminalStatesNeverChange() {
        for state in JobState.allCases where state.isTerminal {
            #expect(JobState.allCases.allSatisfy { !state.canBecome($0) })
        }
        #expect(JobState.allCases.filter(\.isTerminal) == [.succeeded, .failed, .cancelled, .expired])
    }

    @Test func aJobRunsOnlyFromTheQueue() {
        #expect(JobState.allCases.filter { $0.canBecome(.running) } == [.queued])
        #expect(JobState.running.canBecome(.queued), "a lost worker's job goes back")
        #expect(!JobState.queued.canBecome(.succeeded))
    }

    @Test func onlyWhatMayPassByItselfIsRetried() {
        let retryable = Failure.Kind.allCases.filter(\.isRetryable)
        #expect(retryable == [.outOfDisk, .engineCrash, .internal])
        #expect(
            Failure.Kind.allCases.filter { $0.fault == .service } == [
                .outOfDisk, .engineCrash, .engineMissing, .internal,
            ])
        #expect(Failure(.engineCrash, detail: "x", retryable: false).retryable == false)
    }

    @Test func aRecipeOfAnOlderVersionIsRead() throws {
        let old = #"{"calibrator":"min-max","percentile":99.9,"exclude":["a"],"max_samples":3}"#
        let options = try JSON.decode(Recipe.Options.self, from: Array(old.utf8))
        #expect(options.calibrator == .minMax && options.percentile == 99.9 && options.exclude == ["a"])
        #expect(options.maxSamples == 3 && options.threads == nil && options.rounding == .auto)
        #expect(try JSON.decode(Recipe.Options.self, from: JSON.encode(options)) == options)
    }

    @Test func ordersAndEventsComeBackFromJSON() throws {
        let samples = StagedSamples(
            path: "/s/x.npz", digest: nil, preprocessing: Preprocessing(scale: 0.5, mean: [1, 2, 3]))
        var recipe = Recipe()
        recipe.gate = Recipe.Gate(metric: .agreement, maxDrop: 0.01)
        let order = WorkOrder.quantize(
            .init(
                job: "job_1", attempt: 2, model: StagedModel(directory: "/m", file: "m.onnx", digest: nil),
                calibration: samples, evaluation: nil, recipe: recipe, scratch: "/s", threads: 2))
        #expect(try JSON.decode(WorkOrder.self, from: JSON.encode(order)) == order)
        for event in [
            WorkEvent.progress(stage: .calibrate, fraction: 0.25), .log("line"),
            .failed(Failure(.timeout, stage: .measure, detail: "late", pointer: "x")),
            .finished(
                .init(
                    artifact: "a", artifactName: "m.int8.onnx", report: "r", reportText: "t", reportHtml: "h",
                    plan: "p", verdict: "v")
            ),
        ] {
            #expect(try JSON.decode(WorkEvent.self, from: JSON.encode(event)) == event)
        }
    }
}
