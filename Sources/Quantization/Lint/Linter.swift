package import ModelGraph

/// Says where a quantized model breaks the rules of a target. Pure: nothing is run, weights are only read.
package struct Linter {
    private let model: Model
    private let rules: TargetRules

    package init(_ model: Model, _ rules: TargetRules) {
        self.model = model
        self.rules = rules
    }

    package struct Violation: Sendable {
        package let rule: LintRule
        /// The node's name; what it makes where it has none.
        package let node: String
        package let op: String
        package let tensor: String?
        package let detail: String
    }

    /// In the order of the graph, bodies of If and Loop behind the graph around them.
    package func violations() -> [Violation] {
        var found: [Violation] = []
        visit(model.graph, outer: [:], &found)
        return found
    }

    private func visit(_ graph: Graph, outer: [String: Tensor], _ found: inout [Violation]) {
        let view = LintGraph(graph, opset: model.opset() ?? 0, rules: rules, outer: outer)
        var hits: [(rule: LintRule, hit: Hit)] = []
        for rule in LintRule.all where rule.holds(rules) { hits += rule.check(view).map { (rule, $0) } }
        for (rule, hit) in hits.enumerated().sorted(by: { ($0.1.hit.place, $0.0) < ($1.1.hit.place, $1.0) }).map(\.1) {
            let node = graph.nodes[hit.place]
            found.append(
                Violation(
                    rule: rule, node: node.name.isEmpty ? node.outputs.first { !$0.isEmpty } ?? "" : node.name,
                    op: node.qualifiedOp, tensor: hit.tensor, detail: hit.detail))
        }
        for node in graph.nodes where node.hasSubgraphs {
            for body in node.subgraphs { visit(body, outer: view.constants, &found) }
        }
    }
}
