import ModelGraph
import TestGraphs
import Testing

@testable import Quantization

/// Grids as values, and the graph that carries them out.
@Suite struct PlanTests {
    private func chain() -> (GraphBuilder, String, String, String) {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        let a = g.conv(x, 16)
        let r = g.relu(a)
        let b = g.conv(r, 16)
        g.output(b)
        return (g, a, r, b)
    }

    @Test func theSameInputsGiveTheSamePlan() throws {
        let (g, _, r, _) = chain()
        let (first, second, wider) = try (Planned(g), Planned(g), Planned(g, ranges: [r: 0...2]))
        #expect(first.plan.grids == second.plan.grids && first.plan.grids != wider.plan.grids)
        #expect(first.placement.verdicts == second.placement.verdicts)
    }

    @Test func aRectifiedTensorStartsAtZero() throws {
        let (g, _, r, _) = chain()
        let grid = try #require(Planned(g).plan.grid(r))
        #expect(grid.zeroPoint == 0 && grid == Affine(scale: 1 / 255, zeroPoint: 0))
    }

    @Test func aSigmoidHasAFixedGrid() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        let a = g.conv(x, 16)
        let gate = g.add("Sigmoid", [a])
        g.output(g.conv(g.add("Mul", [a, gate]), 16))
        let plan = try Planned(g).plan
        #expect(plan.grid(gate) == Affine(scale: 1 / 256, zeroPoint: 0))
    }

    /// A HardSigmoid is 1 for all that is large; joined with others it keeps ends of its own.
    @Test func aHardSigmoidHasAFixedGridAndSharesNone() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        let a = g.relu(g.conv(x, 16))
        let gate = g.add("HardSigmoid", [g.conv(x, 16)])
        let joined = g.concat([a, gate])
        g.output(g.conv(joined, 16))
        let plan = try Planned(g, ranges: [a: 0...4, joined: 0...4]).plan
        #expect(plan.grid(gate) == Affine(scale: 1 / 255, zeroPoint: 0) && plan.grid(a) != plan.grid(gate))
    }

    /// Room for further samples would undo a Clip that the grid stands for.
    @Test func aClipThatTheGridStandsForGetsNoRoom() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        let clipped = g.add("Clip", [g.conv(x, 16), g.constant([0], []), g.constant([6], [])])
        g.output(g.conv(clipped, 16))
        let topology = g.topology()
        var planner = Planner(topology, rule: .auto)
        planner.samples = 4
        var seen = try TensorStatistics(of: [0, 6])
        seen.meanExtremes = ValueRange(low: 0, high: 4)
        let placement = Placement(topology, keepFloat: [:])
        let plan = try planner.plan(placement, [x: seen, clipped: seen, g.graph.nodes.last?.outputs[0] ?? "": seen])
        #expect(plan.grid(clipped)?.range.high == 6)
        #expect(try #require(plan.grid(x)).range.high > 6)
    }

    @Test func tensorsThatAreOnlyMovedAreNotObserved() {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        let a = g.relu(g.conv(x, 16))
        let pooled = g.maxPool(a)
        let b = g.conv(pooled, 16)
        g.output(b)
        let topology = g.topology()
        let planner = Planner(topology, rule: .auto)
        #expect(planner.tensorsToObserve(Placement(topology, keepFloat: [:])) == [x, a, b])
    }

    @Test func onlyTheRuleThatChoosesItselfLeavesRoom() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        g.output(g.conv(x, 16))
        let topology = g.topology()
        let placement = Placement(topology, keepFloat: [:])
        var seen = try TensorStatistics(of: [-1, 4])
        seen.meanExtremes = ValueRange(low: -1, high: 3)
        let statistics = Dictionary(uniqueKeysWithValues: placement.quantized.map { ($0, seen) })
        for (rule, isWider) in [(RangeRule.auto, true), (.minMax, false), (.leastError, false)] {
            var planner = Planner(topology, rule: rule)
            planner.samples = 4
            let range = try #require(try planner.plan(placement, statistics).grid(x)?.range)
            #expect((range.high > 4.2) == isWider, "\(rule): \(range)")
        }
    }

    /// Nothing watched the joined tensors; one of them has more paths to `x` than could be walked.
    @Test func partsOfJoinedTensorsCountAsOftenAsTheyAreJoined() throws {
        var g = GraphBuilder()
        let (x, y) = (g.input("x", [1, 8, 8, 8]), g.input("y", [1, 8, 8, 8]))
        let joined = g.concat([g.maxPool(x), y, x])
        var deep = joined
        for _ in 0..<40 { deep = g.add("Concat", [deep, deep], [.int("axis", 1)], shape: [1, 24, 8, 8]) }
        let unseen = g.concat([joined, g.add("Tanh", [x])])
        g.output(deep, unseen)
        let planner = Planner(g.topology(), rule: .auto)
        let seen = ["x": try TensorStatistics(of: [-1, 2]), "y": try TensorStatistics(of: [5])]
        let merged = try #require(planner.observed(joined, seen))
        #expect(merged.range == ValueRange(low: -1, high: 5) && merged.bins.reduce(0, +) == 2 * 2 + 1)
        #expect(planner.observed(deep, seen)?.bins.reduce(0, +) == 8 * 2 + 8)
        #expect(planner.observed(unseen, seen) == nil && planner.observed("none", seen) == nil)
    }

    /// The layer above a pooling turns float after calibration: nothing watched the pooled tensor itself.
    @Test func fewerIntegerNodesCanBePlannedFromTheSameStatistics() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        let (first, second) = (g.conv(x, 16), g.conv(x, 16))
        let joined = g.concat([g.relu(first), g.relu(second)])
        let pooled = g.maxPool(joined)
        g.output(g.conv(pooled, 16))
        let topology = g.topology()
        let planner = Planner(topology, rule: .minMax)
        var statistics: [String: TensorStatistics] = [:]
        for tensor in planner.tensorsToObserve(Placement(topology, keepFloat: [:])) {
            statistics[tensor] = try TensorStatistics(of: [0, 3])
        }
        #expect(statistics[pooled] == nil && statistics[joined] == nil)
        let fewer = Placement(topology, keepFloat: [first: "poor", second: "poor"])
        #expect(fewer.quantized.contains(pooled))
        #expect(planner.unreached(fewer, statistics) == [])
        let plan = try planner.plan(fewer, statistics)
        #expect(plan.grid(pooled)?.range.high == 3)
    }

    @Test func unobservedAndBrokenTensorsAreNamed() throws {
        let (g, _, r, b) = chain()
        let topology = g.topology()
        let placement = Placement(topology, keepFloat: [:])
        let planner = Planner(topology, rule: .auto)
        let fine = try TensorStatistics(of: [1, 2])
        let broken = try TensorStatistics(of: [.nan, 1])
        #expect(throws: QuantizationError.notObserved(tensor: r)) {
            _ = try planner.plan(placement, ["x": fine, b: fine])
        }
        #expect(planner.unreached(placement, ["x": fine, b: fine]).count == 2)
        #expect(throws: QuantizationError.notFinite(tensor: r, count: 1)) {
            _ = try planner.plan(placement, ["x": fine, r: broken, b: fine])
        }
        #expect(planner.unreached(placement, ["x": fine, r: broken, b: fine]) == [])
    }

    // MARK: Emission

    @Test func weightsHaveScalesAlongTheirOwnAxis() throws {
        var g = GraphBuilder()
        let x = g.input("x", [2, 8])
        let (a, b, c) = (g.gemm(x, 12), g.gemm(x, 12, transposed: false), g.matMul(x, 12))
        g.output(a, b, c)
        let graph = try Planned(g).emit()
        for (output, axis, dims) in [(a, Int64(0), [12, 8]), (b, 1, [8, 12]), (c, 1, [8, 12])] {
            let node = try #require(graph.producer(of: output))
            let weight = try #require(graph.producer(of: node.inputs[1]))
            #expect(weight.op == "DequantizeLinear" && weight.int("axis") == axis)
            let integers = try #require(graph.tensor(weight.inputs[0]))
            #expect(integers.type == .int8 && integers.dims == dims)
            #expect(graph.tensor(weight.inputs[1])?.dims == [12] && graph.tensor(weight.inputs[2])?.type == .int8)
        }
        #expect(graph.structuralProblems() == [])
    }

    @Test func biasScalesAreTheProductOfTheOthers() throws {
        let (g, _, r, b) = chain()
        let planned = try Planned(g)
        let graph = try planned.emit()
        let conv = try #require(graph.nodes.first { $0.op == "Conv" && $0.inputs[0] == r })
        let weight = try #require(graph.producer(of: conv.inputs[1])).inputs
        let bias = try #require(graph.producer(of: conv.inputs[2])).inputs
        let activation = try #require(planned.plan.grid(r)).scale
        let scales = try #require(graph.tensor(weight[1])).floats()
        let joint = try #require(graph.tensor(bias[1])).floats()
        #expect(joint == scales.map { $0 * activation })
        #expect(graph.tensor(bias[0])?.type == .int32 && graph.tensor(bias[2])?.type == .int32)
        let own = try #require(planned.topology.constant(g.graph.nodes[2].inputs[2])).floats()
        let integers = try #require(graph.tensor(bias[0])).int64s()
        for (value, (integer, scale)) in zip(own, zip(integers, joint)) {
            #expect(abs(value - Float(integer) * scale) <= 0.5001 * scale)
        }
        #expect(graph.outputs.map(\.name) == [b])
    }

    @Test func absorbedActivationsAreGone() throws {
        let (g, a, r, b) = chain()
        let graph = try Planned(g).emit()
        #expect(graph.count("Relu") == 0 && graph.producer(of: a) == nil)
        #expect(graph.producer(of: r)?.op == "DequantizeLinear" && graph.producer(of: b)?.op == "DequantizeLinear")
        #expect(graph.structuralProblems() == [])
    }

    @Test func outputsOfTheGraphKeepTheirNames() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        let a = g.conv(x, 16)
        let r = g.relu(a)
        let pooled = g.maxPool(r)
        let b = g.conv(pooled, 16)
        g.output(a, r, pooled, b, x)
        let graph = try Planned(g).emit()
        #expect(graph.outputs.map(\.name) == [a, r, pooled, b, x])
        #expect(graph.inputs.map(\.name) == [x])
        #expect(graph.structuralProblems() == [])
    }

    @Test func equalGridsAreStoredOnce() throws {
        let (g, _, _, _) = chain()
        let graph = try Planned(g).emit()
        #expect(graph.initializers.count { $0.name.hasPrefix("grid_") && $0.type == .float } == 2)
    }

    @Test func constantsOfASumAreIntegersToo() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        let shift = g.constant([0, 1.275, 2.55], [3, 1, 1, 1])
        let sum = g.add("Add", [g.conv(x, 16), shift])
        g.output(g.conv(sum, 16))
        let graph = try Planned(g).emit()
        let add = try #require(graph.nodes.first { $0.op == "Add" })
        let constant = try #require(graph.producer(of: add.inputs[1]))
        #expect(constant.op == "DequantizeLinear")
        let integers = try graph.tensor(constant.inputs[0])?.int64s()
        #expect(integers == [0, 128, 255])
    }

    @Test func sharedWeightsAreQuantizedForEachUse() throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 16, 8, 8])
        let weight = g.floats([16, 16, 1, 1])
        let bias = g.floats([16])
        let a = g.relu(g.add("Conv", [x, weight, bias]))
        let b = g.relu(g.add("Conv", [a, weight, bias]))
        g.output(g.conv(b, 16))
        let graph = try Planned(g, ranges: [b: 0...4]).emit()
        #expect(graph.structuralProblems() == [])
        #expect(graph.tensor(weight) == nil && graph.tensor(bias) == nil)
    }

    @Test func storedWeightsAreRestoredByCastAndMultiplication() throws {
        let (g, _, _, _) = chain()
        let topology = g.topology()
        let placement = Placement(weightOnly: topology, keepFloat: [:])
        var weights: [Int: QuantizedWeight] = [:]
        for anchor in placement.anchors {
            weights[anchor.node] = try QuantizedWeight(
                #require(topology.constant(anchor.weight)), axis: anchor.channelAxis)
        }
        var emitter = WeightOnlyEmitter(topology.graph)
        let graph = try emitter.emit(placement.anchors, weights: weights, biases: [:])
        #expect(graph.structuralProblems() == [])
        #expect(graph.count("Cast") == 2 && graph.count("Mul") == 2 && graph.count("Relu") == 1)
        #expect(graph.initializers.count { $0.type == .int8 } == 2)
    }

    // MARK: Simulation and review

    @Test func everyIntegerAnchorIsCompared() throws {
        let (g, a, _, b) = chain()
        let planned = try Planned(g)
        var weights: [Int: QuantizedWeight] = [:]
        for anchor in planned.placement.anchors {
            weights[anchor.node] = try QuantizedWeight(
                #require(planned.topology.constant(anchor.weight)), axis: anchor.channelAxis)
        }
        let simulation = try Simulation(planned.topology, planned.plan, weights)
        #expect(simulation.anchors.map(\.output) == [a, b])
        #expect(simulation.graph.count("Compare") == 2 && simulation.graph.structuralProblems() == [])
    }

    @Test func whatIsKnownIsNotSimulatedAgain() throws {
        let (g, _, _, _) = chain()
        let planned = try Planned(g)
        var weights: [Int: QuantizedWeight] = [:]
        for anchor in planned.placement.anchors {
            weights[anchor.node] = try QuantizedWeight(
                #require(planned.topology.constant(anchor.weight)), axis: anchor.channelAxis)
        }
        let known = KnownErrors()
        var errors = [LayerError(channels: 16), LayerError(channels: 16)]
        for (place, _) in errors.enumerated() { errors[place].channels[0].count = Double(place + 1) }
        let first = try Simulation(planned.topology, planned.plan, weights, known: known)
        #expect(first.compared == [0, 1] && first.errors(errors) == errors)
        let same = try Simulation(planned.topology, planned.plan, weights, known: known)
        #expect(same.compared.isEmpty && same.errors([]) == errors && same.graph.count("Compare") == 0)

        // Another weight of the first layer leaves the second as it was; another grid between them does not.
        let place = planned.placement.anchors[0].node
        let original = weights[place]
        weights[place]?.values[0] ^= 1
        #expect(try Simulation(planned.topology, planned.plan, weights, known: known).compared == [0])
        weights[place] = original
        var plan = planned.plan
        let between = planned.placement.anchors[1].activation
        plan.grids[between]?.affine.scale *= 2
        #expect(try Simulation(planned.topology, plan, weights, known: known).compared == [1])
    }

    @Test func biasesLoseTheMeanErrorAndPoorLayersAreCondemned() throws {
        let (g, _, _, _) = chain()
        let placement = try Planned(g).placement
        var good = LayerError(channels: 16)
        var poor = LayerError(channels: 16)
        for c in 0..<16 {
            good.channels[c] = .init(referenceSquared: 1000, error: 5, errorSquared: 5, count: 10)
            poor.channels[c] = .init(referenceSquared: 1000, error: 0, errorSquared: 100, count: 10)
        }
        let review = LayerReview(anchors: placement.anchors, errors: [good, poor])
        let biases = review.correctedBiases { _ in [Float](repeating: 1, count: 16) }
        #expect(biases[placement.anchors[0].node] == [Float](repeating: 0.5, count: 16))
        #expect(biases[placement.anchors[1].node] == [Float](repeating: 1, count: 16))
        let condemned = review.condemned(below: 24)
        #expect(condemned.map(\.anchor) == [placement.anchors[1]] && abs(condemned[0].sqnr - 10) < 1e-9)
    }

    @Test func aCondemnedLayerStaysFloatWithItsNeighbours() throws {
        let (g, a, r, b) = chain()
        let planned = try Planned(g)
        var kept: [String: Reason] = [:]
        planned.topology.keepFloat(around: planned.placement.anchors[1], sqnr: 12.3, in: &kept)
        #expect(Set(kept.keys) == [a, r, b] && kept[b]?.text.contains("12 dB") == true)
        #expect(Placement(planned.topology, keepFloat: kept).isEmpty)
    }

    /// Between two Convs an activation of several nodes goes with them; a sum of two layers stays.
    @Test(arguments: ["Sigmoid", "HardSigmoid", "Add"]) func anActivationOfSeveralNodesGoesWithACondemnedLayer(
        _ op: String
    ) throws {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        let a = g.conv(x, 16)
        let gate = op == "Add" ? g.conv(x, 16) : g.add(op, [a])
        let product = g.add(op == "Add" ? "Add" : "Mul", [a, gate])
        let b = g.conv(product, 16)
        g.output(b)
        let planned = try Planned(g)
        var kept: [String: Reason] = [:]
        let last = try #require(planned.placement.anchors.last)
        planned.topology.keepFloat(around: last, sqnr: 12.3, in: &kept)
        #expect(Set(kept.keys) == (op == "Add" ? [b] : [a, gate, product, b]))
    }
}
