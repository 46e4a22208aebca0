import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// The steps of a conversion one by one.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct ConversionStepTests {
    /// A chain whose weights are as coarse as integers allow, so that the mean errors are large.
    private func chain() -> GraphBuilder {
        var g = GraphBuilder(seed: 21)
        let x = g.input("x", [1, 8, 6, 6])
        g.output(g.conv(g.relu(g.conv(g.relu(g.conv(x, 32)), 32)), 16))
        return g
    }

    /// Mean over samples and positions of each output channel's difference to FP32, in root mean square.
    private func bias(of model: Model, against original: Model, seeds: Range<UInt64>) throws -> Double {
        let (before, after) = try (Evaluation(original), Evaluation(model, optimization: .all))
        var sums = [Double](repeating: 0, count: 16)
        for seed in seeds {
            let inputs = try randomInputs(["x": [1, 8, 6, 6]], seed: seed)
            let (a, b) = try (before(inputs)[0], after(inputs)[0])
            for i in a.indices { sums[i / 36] += Double(b[i] - a[i]) }
        }
        return sums.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    @Test func biasCorrectionLowersTheMeanError() throws {
        let model = chain().model()
        let samples = SampleArrays("x", [8, 6, 6], count: 16)
        let conversion = try Conversions()
        let corrected = try conversion(model, samples)
        let plain = try uncorrected(model, samples)
        let (with, without) = try (
            bias(of: corrected.artifact, against: model, seeds: 100..<116),
            bias(of: plain, against: model, seeds: 100..<116)
        )
        #expect(with < without, "\(with) \(without)")
    }

    /// The integer form with the model's own biases.
    private func uncorrected(_ model: Model, _ samples: SampleArrays) throws -> Model {
        let prepared = try Conversions().prepare(model, samples)
        let topology = prepared.topology
        let placement = Placement(topology, keepFloat: [:])
        let planner = Planner(topology, rule: .auto)
        let statistics = try observe(prepared, planner.tensorsToObserve(placement), samples)
        let plan = try planner.plan(placement, statistics)
        var emitter = QDQEmitter(topology, plan)
        var result = prepared.model
        result.graph = try emitter.emit(weights: weights(placement, topology), biases: [:])
        result.declareDomains()
        return result
    }

    private func weights(_ placement: Placement, _ topology: Topology) throws -> [Int: QuantizedWeight] {
        try placement.anchors.reduce(into: [:]) { weights, anchor in
            weights[anchor.node] = try QuantizedWeight(
                #require(topology.constant(anchor.weight)), axis: anchor.channelAxis)
        }
    }

    func observe(
        _ prepared: PreparedModel, _ tensors: [String], _ samples: SampleArrays
    ) throws -> [String: TensorStatistics] {
        let scratch = try ScratchDirectory()
        try scratch.write(samples.npz, "samples.npz")
        let archive = try SampleArchive.open(path: scratch.path + "/samples.npz", unpackInto: scratch.path)
        let fit = try Fit(
            model: ModelSummary(ModelFacts(prepared.model)), set: archive.outline(preprocessing: .identity))
        let feed = try SampleFeed(archive: archive, fit: fit, preprocessing: .identity)
        let models = EngineModels(engine: try #require(RealEngine.shared), directory: scratch.path)
        let runs = SampleRuns(feed: feed, threads: 2, outputs: prepared.model.graph.outputs.map(\.name))
        return try Calibrate(models: models, runs: runs)(
            prepared, CalibrationSubject(tensors, in: prepared.topology, samples: Array(0..<feed.count)),
            progress: { _ in }
        ).table
    }

    @Test func calibrationSeesWhatTheModelComputes() throws {
        let model = PipelineTests.branchy().model()
        let prepared = try Conversions().prepare(model, PipelineTests.samples)
        let graph = prepared.topology.graph
        let tensors = graph.nodes.flatMap(\.outputs).filter { prepared.topology.type($0) == .float } + ["x"]
        let statistics = try observe(prepared, tensors, PipelineTests.samples)
        var open = prepared.model
        open.graph.outputs = tensors.filter { $0 != "x" }.map { ValueInfo(name: $0, type: .float, shape: nil) }
        let evaluation = try Evaluation(open)
        var expected: [String: (low: Float, high: Float)] = [:]
        for index in 0..<6 {
            guard case .floats(let all) = PipelineTests.samples.arrays[0].values else { continue }
            let sample = Array(all[(index * 512)..<((index + 1) * 512)])
            let results = try evaluation(["x": TensorValue(floats: sample, shape: [1, 8, 8, 8])])
            for (output, values) in zip(open.graph.outputs, results) {
                let range = expected[output.name] ?? (.infinity, -.infinity)
                expected[output.name] = (min(range.low, values.min() ?? 0), max(range.high, values.max() ?? 0))
            }
        }
        for (name, range) in expected {
            let seen = try #require(statistics[name])
            let tolerance = 1e-4 * max(abs(range.low), abs(range.high))
            #expect(
                abs(seen.minimum - range.low) <= tolerance && abs(seen.maximum - range.high) <= tolerance, "\(name)")
        }
    }

    /// Weights of three exact values per channel and activations that an 8-bit grid holds exactly: nothing is lost.
    @Test func layerErrorsVanishWhereTheGridsAreExact() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 4, 4])
        let weight = g.constant((0..<(16 * 8)).map { Float($0 % 3 - 1) }, [16, 8, 1, 1])
        g.output(g.add("Conv", [x, weight], shape: [1, 16, 4, 4]))
        var values = (0..<(2 * 128)).map { Float($0 % 256) }
        values[0] = 0
        values[1] = 255
        var samples = SampleArrays()
        samples.add("x", floats: values, [2, 8, 4, 4])
        let outcome = try Conversions()(g.model(), samples)
        #expect(outcome.fate(of: "Conv") == ["integer"])
        // Exact layers have no SQNR in decibels.
        #expect(outcome.plan.operations.allSatisfy { $0.sqnrDb == nil })
    }

    @Test func aLayerThatIntegersRuinStaysFloat() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        // Channels of very different size, which a depthwise layer evens out: one grid cannot serve them all.
        let spread = (0..<16).map { Float(1) / Float(1 << ($0 & 12)) }
        let wide = g.add("Mul", [g.conv(x, 16), g.constant(spread, [16, 1, 1])])
        let even = g.add("Conv", [wide, g.constant(spread.map { 1 / $0 }, [16, 1, 1, 1])], [.int("group", 16)])
        g.output(g.conv(g.relu(g.conv(even, 16)), 16))
        let outcome = try Conversions()(g.model(), SampleArrays("x", [8, 6, 6], count: 6))
        #expect(outcome.plan.operations.contains { $0.reason?.contains("dB in integers") == true })
        #expect(outcome.graph.structuralProblems() == [])
    }

    @Test(arguments: [
        ("conv1", "conv1", true), ("conv1", "conv", false), ("conv*", "conv12", true), ("*", "", true), ("", "", true),
        ("", "a", false), ("*a*b", "xxaxb", true), ("*a*b", "xxaxbx", false), ("a**c", "abc", true),
        ("/model/*/conv", "/model/1/2/conv", true), ("[a]", "a", false), (#"a\*b"#, "a*b", true),
        (#"a\*b"#, "axb", false),
        (#"a\\*"#, #"a\b"#, true), (#"a\\b"#, #"a\b"#, true), (#"a\b"#, #"a\b"#, true), (#"a\"#, #"a\"#, true),
    ])
    func exclusionPatterns(pattern: String, name: String, matches: Bool) {
        #expect(name.matches(wildcard: pattern) == matches)
    }

    @Test(arguments: ["a*", "*", #"a\*b"#, #"\\"#, #"a\"#, "plain"]) func aNameAsAPatternMatchesItselfAlone(
        _ name: String
    ) {
        #expect(name.matches(wildcard: name.asWildcard))
        for other in ["ab", "", "a*b", #"\"#, name + "x"] where other != name {
            #expect(!other.matches(wildcard: name.asWildcard), "\(other)")
        }
    }
}
