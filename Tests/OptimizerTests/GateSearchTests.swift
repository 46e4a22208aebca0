import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// Layers that go back to float until the gate holds.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct GateSearchTests {
    /// Three layers, the middle one with outputs of very different size in few channels: its grid is far too coarse for
    /// most of them, and the last layer reads exactly those.
    private static func fragile() -> GraphBuilder {
        var g = GraphBuilder(seed: 5)
        let x = g.input("x", [1, 8, 8, 8])
        let first = g.relu(g.conv(x, 32, kernel: 1))
        var scales = [Float](repeating: 1, count: 32)
        scales[0] = 2000
        let wide = g.add("Mul", [first, g.constant(scales, [32, 1, 1])])
        var shrink = [Float](repeating: 1, count: 32)
        shrink[0] = 1.0 / 2000
        let narrow = g.add("Mul", [g.relu(g.conv(wide, 32, kernel: 1, group: 32)), g.constant(shrink, [32, 1, 1])])
        g.output(g.add("Flatten", [g.globalPool(g.relu(g.conv(narrow, 16)))]))
        return g
    }
    private static let samples = SampleArrays("x", [8, 8, 8], count: 6)
    private static let evaluation = SampleArrays("x", [8, 8, 8], count: 24, seed: 3)

    /// The plain rules would see through the layer by themselves, so they are told not to.
    private func search(
        maxDrop: Double, metric: Recipe.Gate.Metric = .cosine, _ model: Model = fragile().model()
    ) throws -> Conversions.Outcome {
        var conversion = try Conversions()
        conversion.recipe.options.calibrator = .minMax
        conversion.recipe.gate = .init(metric: metric, maxDrop: maxDrop)
        return try conversion(model, Self.samples, evaluation: Self.evaluation)
    }

    @Test func layersGoBackToFloatUntilTheGateHolds() throws {
        let loose = try search(maxDrop: 1)
        let drop = try #require(loose.report.gate?.drop)
        #expect(loose.report.search == nil && drop > 1e-6)
        let outcome = try search(maxDrop: drop / 4)
        let search = try #require(outcome.report.search)
        let chosen = try #require(search.candidates.first { $0.chosen })
        #expect(search.candidates[0].form == "float32" && search.candidates[0].met == nil)
        #expect(search.candidates[1].met == false && search.candidates[1].float == [])
        #expect(chosen.met == true && chosen.drop ?? 1 <= drop / 4)
        #expect(outcome.report.gate?.drop == chosen.drop)
        #expect(outcome.plan.form == "integer" && !chosen.float.isEmpty, "\(search.candidates)")
        for name in chosen.float {
            let operation = try #require(outcome.plan.operations.first { $0.node == name })
            #expect(operation.fate == "float" && operation.reason?.contains("the gate needs it") == true)
        }
        let fewer = search.candidates.filter { $0.float.count < chosen.float.count }
        #expect(fewer.allSatisfy { $0.met != true }, "no candidate with fewer layers in float passes")
    }

    @Test func theSearchEndsWithTheSameBytesEachTime() throws {
        let loose = try search(maxDrop: 1)
        let drop = try #require(loose.report.gate?.drop)
        #expect(try search(maxDrop: drop / 4).bytes == search(maxDrop: drop / 4).bytes)
    }

    @Test func theRecordMakesTheSameArtifactWithoutGateOrClock() throws {
        let loose = try search(maxDrop: 1)
        let drop = try #require(loose.report.gate?.drop)
        let found = try search(maxDrop: drop / 4)
        var conversion = try Conversions()
        conversion.recipe = try #require(found.report.plan?.record)
        #expect(conversion.recipe.gate == nil && conversion.recipe.scheme == .int8Static)
        #expect(!conversion.recipe.options.exclude.isEmpty)
        #expect(try conversion(Self.fragile().model(), Self.samples).bytes == found.bytes)
    }

    /// A segmentation without Softmax: the gate is what says that its channels are classes.
    @Test func agreementIsCountedOverThePlacesOfAMap() throws {
        var g = GraphBuilder(seed: 5)
        g.output(g.conv(g.relu(g.conv(g.input("x", [1, 8, 8, 8]), 32)), 6))
        let outcome = try search(maxDrop: 0.2, metric: .agreement, g.model())
        let choices = try #require(outcome.report.fidelity?.outputs.first?.choices)
        #expect(choices.axis == 1 && choices.classes == 6 && choices.places == 24 * 64 && choices.meanIou != nil)
        #expect(outcome.report.gate?.drop == 1 - choices.same && outcome.report.gate?.met == true)
        #expect(outcome.report.verdict.line.contains("same best class at "))
    }

    /// As a pattern, each of these names means every node.
    @Test func namesInTheRecordAreNoPatterns() throws {
        var model = Self.fragile().model()
        for (number, place) in model.graph.nodes.indices.filter({ model.graph.nodes[$0].is("Conv") }).enumerated() {
            model.graph.nodes[place].name = String(repeating: "*", count: number + 1)
        }
        let drop = try #require(try search(maxDrop: 1, model).report.gate?.drop)
        let found = try search(maxDrop: drop / 4, model)
        var conversion = try Conversions()
        conversion.recipe = try #require(found.report.plan?.record)
        #expect(conversion.recipe.options.exclude.contains { $0.contains(#"\*"#) })
        #expect(found.report.search?.candidates.first { $0.chosen }?.float == conversion.recipe.options.exclude)
        let again = try conversion(model, Self.samples)
        #expect(again.bytes == found.bytes)
        #expect(again.report.plan?.record == conversion.recipe)
    }

    @Test func theRecordOfAnArtifactOfTheReviewKeepsItsTolerance() throws {
        let found = try Conversions()(Self.fragile().model(), Self.samples)
        var conversion = try Conversions()
        conversion.recipe = try #require(found.report.plan?.record)
        #expect(conversion.recipe.options.minLayerSqnr != nil)
        #expect(try conversion(Self.fragile().model(), Self.samples).bytes == found.bytes)
    }

    @Test func aGateIsNotMeasuredOnCalibrationSamples() throws {
        var conversion = try Conversions()
        conversion.recipe.gate = .init(metric: .cosine, maxDrop: 1)
        let failure = try conversion.failure(Self.fragile().model(), Self.samples, evaluation: Self.samples)
        #expect(failure.type == .gateNotMet)
        #expect(failure.detail.contains("every evaluation sample is also in the calibration set"), "\(failure.detail)")
    }

    @Test func aGateNamesHowManySamplesWereHeldOut() throws {
        var conversion = try Conversions()
        conversion.recipe.gate = .init(metric: .cosine, maxDrop: 1)
        var mixed = SampleArrays()
        guard case .floats(let seen) = Self.samples.arrays[0].values,
            case .floats(let fresh) = Self.evaluation.arrays[0].values
        else { throw Conversions.Unexpected(what: "integers") }
        mixed.add("x", floats: Array(seen.prefix(2 * 512)) + fresh.prefix(3 * 512), [5, 8, 8, 8])
        let report = try conversion(Self.fragile().model(), Self.samples, evaluation: mixed).report
        #expect(report.gate?.detail.contains("on 3 held-out samples") == true, "\(report.gate?.detail ?? "")")
        #expect(report.fidelity?.samples == 5)
    }

    @Test func aSwitchMovesExactlyItsLayerToIntegers() throws {
        let conversion = try Conversions()
        let prepared = try conversion.prepare(Self.fragile().model(), Self.samples)
        let placement = Placement(prepared.topology, keepFloat: [:])
        let planner = Planner(prepared.topology, rule: .minMax)
        let statistics = try ConversionStepTests().observe(
            prepared, planner.tensorsToObserve(placement), Self.samples)
        let weights = try placement.anchors.reduce(into: [Int: QuantizedWeight]()) { weights, anchor in
            weights[anchor.node] = try QuantizedWeight(
                #require(prepared.topology.constant(anchor.weight)), axis: anchor.channelAxis)
        }
        let simulation = try SwitchedSimulation(
            prepared.topology, planner.plan(placement, statistics), weights, biases: [:])
        #expect(simulation.anchors.count == placement.anchors.count)
        var model = prepared.model
        model.graph = simulation.graph
        let switched = try Evaluation(model)
        let inputs = try randomInputs(["x": [1, 8, 8, 8]])
        func run(_ on: [Bool]) throws -> [[Float]] {
            var inputs = inputs
            inputs[simulation.switches] = try TensorValue(
                type: .bool, shape: [on.count], bytes: on.map { $0 ? 1 : 0 })
            return try switched(inputs)
        }
        let off = simulation.anchors.map { _ in false }
        #expect(try run(off) == Evaluation(prepared.model)(inputs), "all off is the float model")
        for slot in off.indices {
            var on = off
            on[slot] = true
            #expect(try run(on) != run(off), "layer \(slot) changes the output")
        }
    }
}
