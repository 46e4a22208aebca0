package import ModelGraph

extension Graph {
    /// What is wrong with the structure of a quantized graph: names used twice, values read before they are made, Q and DQ
    /// without three constant-scaled inputs. Empty when all is well.
    package func structuralProblems() -> [String] {
        var problems: [String] = []
        var known = Set(initializers.map(\.name))
        if known.count != initializers.count { problems.append("two initializers share a name") }
        for input in inputs where !known.insert(input.name).inserted {
            problems.append("'\(input.name)' is defined twice")
        }
        var nodeNames: Set<String> = []
        for node in nodes {
            if node.name.isEmpty || !nodeNames.insert(node.name).inserted {
                problems.append("\(node.label) has no name of its own")
            }
            for input in node.inputs where !input.isEmpty && !known.contains(input) {
                problems.append("\(node.label) reads '\(input)' before it is made")
            }
            for name in node.capturedNames where !known.contains(name) {
                problems.append("\(node.label) captures '\(name)' before it is made")
            }
            problems += conversionProblems(node)
            for output in node.outputs where !output.isEmpty && !known.insert(output).inserted {
                problems.append("'\(output)' is defined twice")
            }
        }
        for output in outputs where !known.contains(output.name) { problems.append("nothing makes '\(output.name)'") }
        return problems
    }

    private func conversionProblems(_ node: Node) -> [String] {
        guard node.op == "QuantizeLinear" || node.op == "DequantizeLinear" else { return [] }
        guard node.inputs.count == 3, !node.inputs.contains("") else { return ["\(node.label) has no zero point"] }
        func constant(_ name: String) -> Tensor? { initializers.first { $0.name == name } }
        guard let scale = constant(node.inputs[1]), let zero = constant(node.inputs[2]), scale.dims == zero.dims,
            let values = try? scale.floats()
        else { return ["\(node.label) has no constant scale and zero point of one shape"] }
        return values.allSatisfy { $0.isNormal && $0 > 0 } ? [] : ["\(node.label) has a useless scale"]
    }

    /// The node that makes `name`.
    package func producer(of name: String) -> Node? { nodes.first { $0.outputs.contains(name) } }

    package func consumers(of name: String) -> [Node] { nodes.filter { $0.inputs.contains(name) } }

    package func count(_ op: String) -> Int { nodes.count { $0.op == op } }

    package func tensor(_ name: String) -> Tensor? { initializers.first { $0.name == name } }
}
