import ModelGraph
import TestGraphs
import Testing

@testable import Quantization

/// Which nodes compute in integers, on small graphs with one point each.
@Suite struct PlacementTests {
    private func place(_ g: GraphBuilder, keepFloat: [String: Reason] = [:]) -> (Placement, [String: String]) {
        let placement = Placement(g.topology(), keepFloat: keepFloat)
        return (placement, placement.fates(g.graph))
    }

    private func start(_ shape: [Int] = [1, 8, 8, 8]) -> (GraphBuilder, String) {
        var g = GraphBuilder()
        let x = g.input("x", shape)
        return (g, x)
    }

    @Test func aReluBetweenConvsIsAbsorbed() {
        var (g, x) = start()
        let a = g.conv(x, 16)
        let r = g.relu(a)
        let b = g.conv(r, 16)
        g.output(b)
        let (placement, fates) = place(g)
        #expect(fates == [a: "integer", r: "absorbed", b: "integer"])
        #expect(placement.absorbed == [a: r] && placement.result(of: a) == r && placement.result(of: b) == b)
        #expect(placement.quantized == [x, r, b])
        #expect(placement.anchors.map(\.output) == [a, b])
    }

    @Test func aResidualSumAndItsReluAreInteger() {
        var (g, x) = start()
        let a = g.relu(g.conv(x, 16))
        let b = g.conv(a, 16)
        let sum = g.add("Add", [b, a])
        let r = g.relu(sum)
        let c = g.conv(r, 16)
        g.output(c)
        let (placement, fates) = place(g)
        #expect(fates[sum] == "integer" && fates[r] == "absorbed")
        #expect(placement.quantized == [x, a, b, r, c])
    }

    @Test func siluIsIntegerBetweenConvs() {
        var (g, x) = start()
        let silu = g.silu(g.conv(x, 16))
        g.output(g.conv(silu, 16))
        let (_, fates) = place(g)
        #expect(fates.values.allSatisfy { $0 == "integer" })
    }

    @Test func siluBehindTheLastConvIsFloat() {
        var (g, x) = start()
        let silu = g.silu(g.conv(g.relu(g.conv(x, 16)), 16))
        g.output(silu)
        let (_, fates) = place(g)
        #expect(fates[silu] == "float")
    }

    @Test func concatPoolingAndSplitAreInteger() {
        var (g, x) = start()
        let a = g.conv(x, 16)
        let parts = g.add(
            "Split", [a, g.integers([8, 8])], [.int("axis", 1)], shapes: [[1, 8, 8, 8], [1, 8, 8, 8]])
        let joined = g.concat([g.maxPool(parts[0]), g.maxPool(parts[1])])
        g.output(g.conv(joined, 16))
        let (_, fates) = place(g)
        #expect(fates.values.allSatisfy { $0 == "integer" }, "\(fates)")
    }

    @Test func maxPoolWithIndicesIsFloat() {
        var (g, x) = start()
        let a = g.conv(x, 16)
        let pooled = g.add("MaxPool", [a], [.ints("kernel_shape", [1, 1])], shapes: [[1, 16, 8, 8], [1, 16, 8, 8]])
        g.output(g.conv(pooled[0], 16), pooled[1])
        let (placement, _) = place(g)
        #expect(placement.verdicts[1] == .float("the runtime has no integer form of MaxPool"))
    }

    @Test func squeezeAndExcitationIsInteger() {
        var (g, x) = start()
        let a = g.relu(g.conv(x, 16))
        let gate = g.add("Sigmoid", [g.conv(g.relu(g.conv(g.globalPool(a), 8, kernel: 1)), 16, kernel: 1)])
        g.output(g.conv(g.add("Mul", [a, gate]), 16))
        let (_, fates) = place(g)
        #expect(!fates.values.contains("float"), "\(fates)")
    }

    @Test func aFinalGemmGivesFloats() {
        var (g, x) = start()
        let pooled = g.flatten(g.globalPool(g.relu(g.conv(x, 16))))
        let scores = g.gemm(pooled, 10)
        g.output(scores)
        let (placement, fates) = place(g)
        #expect(fates[scores] == "integer" && placement.quantized.contains(pooled))
        #expect(!placement.quantized.contains(scores))
    }

    @Test(arguments: [
        ("ConvTranspose", "no integer kernel"), ("Resize", "mode nearest"), ("Softplus", "no integer form"),
    ])
    func whatTheRuntimeCannotDoStaysFloat(op: String, reason: String) {
        var (g, x) = start()
        let a = g.conv(x, 16)
        let inputs =
            switch op {
            case "ConvTranspose": [a, g.floats([16, 16, 1, 1])]
            case "Resize": [a, "", g.constant([1, 1, 1, 1])]
            default: [a]
            }
        let b = g.add(op, inputs, op == "Resize" ? [.string("mode", "linear")] : [])
        g.output(g.conv(b, 16))
        let (placement, fates) = place(g)
        #expect(fates[b] == "float")
        #expect(placement.reason(b, g.graph)?.contains(reason) == true)
    }

    @Test func aFloatOperatorAtTheEndHasNoConversionsAroundIt() throws {
        var (g, x) = start()
        let a = g.add("HardSwish", [g.conv(x, 16)])
        let b = g.add("HardSwish", [a])
        g.output(b)
        let graph = try Planned(g).emit()
        #expect(graph.consumers(of: a).map(\.op) == ["HardSwish"])
        #expect(graph.count("QuantizeLinear") == 2)
    }

    @Test func whatFeedsALogarithmStaysFloat() {
        var (g, x) = start()
        let a = g.conv(x, 16)
        let b = g.conv(g.add("Log", [g.add("Abs", [a])]), 16)
        g.output(b)
        let (placement, fates) = place(g)
        #expect(fates[a] == "float" && fates[b] == "integer")
        #expect(placement.reason(a, g.graph)?.contains("logarithm") == true)
    }

    @Test func theStemStaysFloat() {
        var (g, x) = start([1, 3, 16, 16])
        let stem = g.conv(x, 16, stride: 2)
        g.output(g.conv(g.relu(g.conv(g.relu(stem), 64)), 16))
        let (placement, fates) = place(g)
        #expect(fates[stem] == "float" && placement.anchors.count == 2)
    }

    @Test func aLastLayerWithFewOutputsStaysFloat() {
        var (g, x) = start()
        let a = g.relu(g.conv(x, 16))
        let boxes = g.conv(a, 4)
        let scores = g.conv(a, 20)
        g.output(boxes, scores)
        let (placement, fates) = place(g)
        #expect(fates[boxes] == "float" && fates[scores] == "integer")
        #expect(placement.reason(boxes, g.graph)?.contains("4 outputs") == true)
    }

    @Test func weightsThatAreNotConstantStayFloat() {
        var (g, x) = start()
        let w = g.input("w", [16, 8, 1, 1])
        let given = g.add("Conv", [x, w], shape: [1, 16, 8, 8])
        let computed = g.add("Conv", [given, g.add("Relu", [g.floats([16, 16, 1, 1])])], shape: [1, 16, 8, 8])
        g.output(g.conv(computed, 16))
        let (placement, fates) = place(g)
        #expect(fates[given] == "float" && fates[computed] == "float")
        #expect(placement.reason(given, g.graph) == "its weight is computed, not constant")
    }

    @Test func aConstantInputOrAnOddGemmStaysFloat() {
        var (g, x) = start([4, 8])
        let constant = g.add("MatMul", [g.floats([4, 8]), g.floats([8, 4])], shape: [4, 4])
        let scaled = g.add("Gemm", [x, g.floats([8, 4])], [.float("alpha", 2)], shape: [4, 4])
        let rows = g.add("Gemm", [x, g.floats([8, 4]), g.floats([4, 1])], shape: [4, 4])
        g.output(constant, scaled, rows)
        let (placement, fates) = place(g)
        #expect(Set(fates.values) == ["float"] && placement.isEmpty)
    }

    @Test func aTensorThatABranchCapturesKeepsItsRelu() throws {
        var (g, x) = start()
        let a = g.conv(x, 16)
        let r = g.relu(a)
        let flag = g.input("flag", [], type: .bool)
        let body = Graph(
            name: "body", nodes: [Node(op: "Neg", inputs: [a], outputs: ["negative"])],
            outputs: [ValueInfo(name: "negative", type: .float, shape: nil)])
        let chosen = g.add(
            "If", [flag], [.graph("then_branch", body), .graph("else_branch", body)], shape: [1, 16, 8, 8], type: .float
        )
        g.output(g.conv(r, 16), chosen)
        let (placement, fates) = place(g)
        #expect(fates[r] == "float" && placement.absorbed.isEmpty)
        let graph = try Planned(g).emit()
        #expect(graph.structuralProblems() == [] && graph.producer(of: a)?.op == "DequantizeLinear")
    }

    @Test func namedNodesStayFloatWithTheirReason() {
        var (g, x) = start()
        let a = g.conv(x, 16)
        let b = g.conv(g.relu(a), 16)
        g.output(b)
        let (placement, fates) = place(g, keepFloat: [a: "because"])
        #expect(fates[a] == "float" && fates[b] == "integer" && placement.reason(a, g.graph) == "because")
    }

    @Test func clipsAroundZeroAreAbsorbedAndOthersAreNot() {
        for (low, high, fate) in [
            (Float(0), Float(6), "absorbed"), (-1, 1, "absorbed"), (1, 2, "float"), (-2, -1, "float"),
        ] {
            var (g, x) = start()
            let clip = g.add("Clip", [g.conv(x, 16), g.constant([low], []), g.constant([high], [])])
            g.output(g.conv(clip, 16))
            #expect(place(g).1[clip] == fate, "\(low) \(high)")
        }
    }

    @Test func weightOnlyTakesEveryConstantWeight() {
        var (g, x) = start([1, 3, 16, 16])
        g.output(g.conv(g.conv(x, 8, stride: 2), 4))
        let placement = Placement(weightOnly: g.topology(), keepFloat: [:])
        #expect(placement.anchors.count == 2 && placement.quantized.isEmpty)
    }
}

@Suite struct ScaleGroupTests {
    private func groups(_ g: GraphBuilder) -> Set<Set<String>> {
        let topology = g.topology()
        let placement = Placement(topology, keepFloat: [:])
        return Set(ScaleGroups(placement, topology).groups(of: placement.quantized).map(Set.init))
    }

    private func start() -> (GraphBuilder, String) {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 8, 8])
        return (g, x)
    }

    @Test func whatIsOnlyMovedSharesAGrid() {
        var (g, x) = start()
        let a = g.conv(x, 16)
        let pooled = g.maxPool(a)
        let parts = g.add(
            "Split", [pooled, g.integers([8, 8])], [.int("axis", 1)], shapes: [[1, 8, 4, 4], [1, 8, 4, 4]])
        let (b, c) = (g.conv(parts[0], 16), g.conv(parts[1], 16))
        g.output(b, c)
        #expect(groups(g) == [[x], [a, pooled, parts[0], parts[1]], [b], [c]])
    }

    @Test func aConcatSharesWithInputsThatNothingElseReads() {
        var (g, x) = start()
        let (a, b, c) = (g.conv(x, 16), g.conv(x, 16), g.conv(x, 16))
        let joined = g.concat([a, b, c])
        let last = g.conv(joined, 16)
        let other = g.conv(a, 16)
        g.output(last, other, b)
        // `a` is read by another Conv, `b` is an output.
        #expect(groups(g) == [[x], [a], [b], [c, joined], [last], [other]])
    }

    @Test func aConcatDoesNotUndoAnAbsorbedRelu() {
        var (g, x) = start()
        let (a, b) = (g.relu(g.conv(x, 16)), g.conv(x, 16))
        let joined = g.concat([g.maxPool(a), g.maxPool(b)])
        let last = g.conv(joined, 16)
        g.output(last)
        let found = groups(g)
        #expect(
            !found.contains { $0.contains(a) && $0.contains(b) }
                && found.contains { $0.contains(b) && $0.contains(joined) })
    }

    @Test func clampsOfOneKindShareAndOthersDoNot() {
        var (g, x) = start()
        func clip(_ high: Float) -> String {
            g.add("Clip", [g.conv(x, 16), g.constant([0], []), g.constant([high], [])])
        }
        let (a, b) = (g.relu(g.conv(x, 16)), g.relu(g.conv(x, 16)))
        let rectified = g.concat([a, b])
        let (c, d) = (clip(6), clip(1))
        let clipped = g.concat([c, d])
        g.output(g.conv(rectified, 16), g.conv(clipped, 16))
        let found = groups(g)
        #expect(found.contains([a, b, rectified]) && found.contains([c]) && found.contains([d]))
    }
}
