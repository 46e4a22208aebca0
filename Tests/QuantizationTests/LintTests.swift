import ModelGraph
import TestGraphs
import Testing

@testable import Quantization

/// Each rule on a graph that breaks it and on one that breaks none.
@Suite struct LintTests {
    @Test(arguments: LintCase.all)
    func aBrokenRuleIsFoundAndACleanGraphIsNot(_ example: LintCase) {
        let rules = TargetRules(example.processor)
        let broken = Linter(example.broken, rules).violations()
        #expect(broken.contains { $0.rule.code == example.code }, "\(broken.map(\.rule.code))")
        for violation in broken { #expect(!violation.node.isEmpty && !violation.detail.isEmpty) }
        let clean = Linter(example.clean, rules).violations()
        #expect(clean.isEmpty, "\(clean.map { "\($0.rule.code) \($0.node): \($0.detail)" })")
    }

    @Test func everyRuleHasACaseAndACodeOfItsOwn() {
        let codes = LintRule.all.map(\.code)
        #expect(Set(codes).count == codes.count)
        #expect(Set(LintCase.all.map(\.code)) == Set(codes))
        for rule in LintRule.all {
            #expect(rule.code.allSatisfy { $0 == "-" || $0.isLowercase }, "\(rule.code)")
            for sentence in [rule.fault, rule.cost, rule.advice] { #expect(sentence.hasSuffix("."), "\(sentence)") }
        }
    }

    @Test func theNodeIsNamedAndTheRulesAreThoseOfTheTarget() throws {
        let example = try #require(LintCase.all.first { $0.code == "weight-axis" })
        let violation = try #require(Linter(example.broken, .x64).violations().first)
        #expect(violation.op == "Conv" && violation.rule.severity == .error)
        #expect(example.broken.graph.nodes.contains { $0.name == violation.node })
        let pairs = try #require(LintCase.all.first { $0.code == "pair-saturation" })
        #expect(Linter(pairs.broken, .x64).violations().isEmpty)
        #expect(!Linter(pairs.broken, .x64WithoutVNNI).violations().isEmpty)
    }

    @Test func bodiesOfAnIfAreCheckedWithTheConstantsAroundThem() throws {
        var graph = QuantizedGraph()
        let square = [QuantizedGraph.channels, QuantizedGraph.channels, 3, 3]
        let y = graph.pair(graph.conv(graph.pair("x"), weight: graph.weight(square, axis: 1)))
        let body = Graph(
            name: "body", nodes: graph.graph.nodes, outputs: [ValueInfo(name: y, type: .float, shape: nil)])
        let condition = graph.graph.addInitializer(Tensor(name: "condition", bool: true))
        graph.graph.nodes = [
            Node(
                op: "If", inputs: [condition], outputs: ["y"], name: "if",
                attributes: [.graph("then_branch", body), .graph("else_branch", body)])
        ]
        #expect(Linter(graph.model("y"), .x64).violations().map(\.rule.code) == ["weight-axis", "weight-axis"])
    }

    /// Files of other tools may hold anything; nothing of it may stop the linter.
    @Test func oddGraphsAreNoTraps() {
        var graph = QuantizedGraph()
        let scale = graph.constant([], [0])
        let zero = graph.integers([], [0], .int8)
        let empty = graph.integers([], [0, 3], .int8)
        let weight = graph.add("DequantizeLinear", [empty, scale, zero], [.int("axis", Int.min)])
        let bare = graph.add("DequantizeLinear", ["x"])
        let lone = graph.add("QuantizeLinear", ["x", scale])
        for op in ["Conv", "Gemm", "MatMul", "Relu", "Clip", "Sigmoid", "Concat", "MaxPool", "Resize", "QLinearConv"] {
            graph.add(op, [])
            graph.add(op, ["", ""])
            graph.add(op, [lone, weight, weight, weight, weight, weight, weight, weight])
            graph.add(op, [bare, bare])
        }
        graph.graph.nodes.append(Node(op: "Relu", inputs: ["x"], outputs: []))
        let input = graph.add("DequantizeLinear", [lone, graph.constant([0.1], []), zero])
        let one = graph.add("DequantizeLinear", [graph.integers([1, 2], [1, 2], .int8), graph.constant([0.1], [1])])
        let bias = graph.add("DequantizeLinear", [graph.integers([1], [1], .int32), graph.constant([0.1], [1])])
        let none = graph.add("DequantizeLinear", [graph.integers([1], [1], .int32), scale])
        graph.add("Gemm", [input, weight, bias])
        graph.add("Gemm", [input, one, none])
        for rules in [TargetRules.x64, .x64WithoutVNNI, .arm] {
            _ = Linter(graph.model("x"), rules).violations()
            _ = Linter(graph.model("x", opset: 9), rules).violations()
        }
    }
}

extension TargetRules {
    init(_ processor: LintCase.Processor) {
        switch processor {
        case .x64: self = .x64
        case .x64WithoutVNNI: self = .x64WithoutVNNI
        case .arm: self = .arm
        }
    }
}
