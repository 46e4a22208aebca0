import ModelGraph

extension Rewrite {
    /// Subtraction and division by constants as addition and multiplication, which have integer kernels. Exact for Sub;
    /// for Div only where every divisor is a power of two.
    static let subtractAndDivide = Rewrite(name: "constant Sub/Div to Add/Mul") { graph, topology in
        var count = 0
        for i in graph.nodes.indices where ["Sub", "Div"].contains(graph.nodes[i].op) {
            let node = graph.nodes[i]
            guard topology.constant(node.inputs[0]) == nil, let constant = topology.constant(node.inputs[1]),
                constant.type == .float
            else { continue }
            let values = try constant.floats()
            let subtracts = node.op == "Sub"
            guard subtracts || values.allSatisfy({ $0.isNormal && $0.significand == 1 }) else { continue }
            let changed = graph.addFloats(
                values.map { subtracts ? -$0 : 1 / $0 }, dims: constant.dims, stem: constant.name + "/inverse")
            graph.nodes[i].op = subtracts ? "Add" : "Mul"
            graph.nodes[i].inputs[1] = changed
            count += 1
        }
        return count
    }

    /// A PRelu whose channels all have one slope is a LeakyRelu, which has an integer kernel.
    static let uniformSlope = Rewrite(name: "PRelu with one slope to LeakyRelu") { graph, topology in
        var count = 0
        for i in graph.nodes.indices where graph.nodes[i].is("PRelu") {
            guard let slope = topology.uniformSlope(graph.nodes[i]) else { continue }
            graph.nodes[i].op = "LeakyRelu"
            graph.nodes[i].inputs.removeLast()
            graph.nodes[i].attributes = [.float("alpha", slope)]
            count += 1
        }
        return count
    }

    /// `0.5 x (1 + Erf(x / √2))`, spelled out by exporters, as the runtime's one Gelu: quantizing a neighbour would break
    /// up the pattern before the runtime can fuse it.
    static let erfGelu = Rewrite(name: "Erf GELU to Gelu") { graph, topology in
        var count = 0
        for i in graph.nodes.indices where graph.nodes[i].op == "Erf" {
            guard let (input, last) = topology.geluAround(graph.nodes[i]) else { continue }
            guard let end = graph.nodes.firstIndex(where: { $0.outputs.first == last }) else { continue }
            graph.nodes[end] = Node(
                op: "Gelu", inputs: [input], outputs: [last], name: graph.nodes[end].name, domain: "com.microsoft")
            count += 1
        }
        return count
    }

    /// `MatMul(x, [K, N]) + b` on rank 3 and above as Reshape, Gemm, Reshape: one integer kernel with its bias.
    static let matMulAddToGemm = Rewrite(name: "MatMul + Add to Gemm") { graph, topology in
        var count = 0
        // Products that read one tensor, as query, key and value do, read one Reshape of it.
        var flattened: [String: String] = [:]
        for i in graph.nodes.indices where graph.nodes[i].op == "MatMul" {
            let node = graph.nodes[i]
            guard let weight = topology.constant(node.inputs[1]), weight.dims.count == 2, weight.type == .float,
                let input = topology.shape(node.inputs[0]), input.count >= 3, !(input + weight.dims).contains(0),
                topology.isStatic(beyondBatch: node.inputs[0]), topology.isPrivate(node.outputs[0]),
                let sum = topology.consumers(node.outputs[0]).first, sum.op == "Add",
                let bias = sum.inputs.first(where: { $0 != node.outputs[0] }),
                topology.constant(bias)?.dims == [weight.dims[1]],
                let end = graph.nodes.firstIndex(where: { $0.outputs == sum.outputs })
            else { continue }
            let stem = sum.outputs[0]
            let rows = flattened[node.inputs[0]] ?? graph.freshName(stem + "/rows")
            let product = graph.freshName(stem + "/product")
            let full = graph.addShape([-1] + input[1..<(input.count - 1)] + [weight.dims[1]], stem: stem + "/shape")
            graph.nodes[i] = Node(
                op: "Gemm", inputs: [rows, node.inputs[1], bias], outputs: [product], name: node.name)
            if flattened.updateValue(rows, forKey: node.inputs[0]) == nil {
                let flat = graph.addShape([-1, weight.dims[0]], stem: stem + "/flat_shape")
                graph.nodes.append(Node(op: "Reshape", inputs: [node.inputs[0], flat], outputs: [rows], name: rows))
            }
            graph.nodes[end] = Node(op: "Reshape", inputs: [product, full], outputs: sum.outputs, name: sum.name)
            count += 1
        }
        return count
    }

    /// A final 1x1 Conv on one pixel is a Gemm, whose integer kernel can give float results without a last rounding.
    static let pointwiseToGemm = Rewrite(name: "1x1 Conv on one pixel to Gemm") { graph, topology in
        var count = 0
        let endings: Set<String> = ["Reshape", "Flatten", "Squeeze", "Softmax", "Sigmoid", "LogSoftmax", "Identity"]
        for i in graph.nodes.indices where graph.nodes[i].op == "Conv" {
            let node = graph.nodes[i]
            guard let weight = topology.constant(node.inputs[1]), weight.dims.count == 4,
                Array(weight.dims[2...]) == [1, 1], node.int("group") ?? 1 == 1,
                let input = topology.shape(node.inputs[0]), input.count == 4, input[2] == 1, input[3] == 1,
                topology.isAlwaysOnePixel(node.inputs[0]),
                (node.ints("pads") ?? []).allSatisfy({ $0 == 0 }),
                topology.leadsOutThrough(endings, from: node.outputs[0])
            else { continue }
            let stem = node.outputs[0]
            let matrix = graph.addFloats(
                try weight.floats(), dims: [weight.dims[0], weight.dims[1]], stem: weight.name + "/matrix")
            let row = graph.freshName(stem + "/row")
            let product = graph.freshName(stem + "/product")
            graph.nodes[i] = Node(
                op: "Flatten", inputs: [node.inputs[0]], outputs: [row], name: row, attributes: [.int("axis", 1)])
            graph.nodes.append(
                Node(
                    op: "Gemm", inputs: [row, matrix] + node.inputs.dropFirst(2), outputs: [product], name: node.name,
                    attributes: [.int("transB", 1)]))
            let axes = graph.addShape([2, 3], stem: stem + "/axes")
            graph.nodes.append(
                Node(op: "Unsqueeze", inputs: [product, axes], outputs: [stem], name: graph.freshName(stem + "/pixel")))
            count += 1
        }
        return count
    }
}

extension Topology {
    /// The one slope of the PRelu `node`; nil where its slopes differ or would widen what they are applied to.
    func uniformSlope(_ node: Node) -> Float? {
        guard node.inputs.count == 2, let slopes = constant(node.inputs[1]), slopes.type == .float,
            let shape = shape(node.inputs[0]), slopes.dims.count <= shape.count,
            zip(slopes.dims.reversed(), shape.reversed()).allSatisfy({ $0 == 1 || $0 == $1 }),
            let values = try? slopes.floats(), let slope = values.first, slope.isFinite,
            values.allSatisfy({ $0 == slope })
        else { return nil }
        return slope
    }

    /// Input and result of the GELU that `erf` is in, when the constants are the right ones.
    func geluAround(_ erf: Node) -> (input: String, result: String)? {
        guard let scaled = producer(erf.inputs[0]), let input = scaled.inputs.first, isPrivate(erf.inputs[0]),
            scaled.op == "Div"
                ? isScalar(scaled.inputs[1], 1.4142135) : scaled.op == "Mul" && isScalar(scaled.inputs[1], 0.70710677),
            isPrivate(erf.outputs[0]), let sum = consumers(erf.outputs[0]).first, sum.op == "Add",
            sum.inputs.contains(where: { isScalar($0, 1) }), isPrivate(sum.outputs[0]),
            let product = consumers(sum.outputs[0]).first, product.op == "Mul"
        else { return nil }
        let other = product.inputs.first { $0 != sum.outputs[0] } ?? ""
        // Either (x * (1 + erf)) * 0.5 or (0.5 * x) * (1 + erf).
        if other == input, isPrivate(product.outputs[0]), let last = consumers(product.outputs[0]).first,
            last.op == "Mul", last.inputs.contains(where: { isScalar($0, 0.5) })
        {
            return (input, last.outputs[0])
        }
        if let half = producer(other), half.op == "Mul", half.inputs.contains(input),
            half.inputs.contains(where: { isScalar($0, 0.5) })
        {
            return (input, product.outputs[0])
        }
        return nil
    }

    /// Whether a tensor of one pixel has no more in any call.
    func isAlwaysOnePixel(_ name: String) -> Bool {
        if isStatic(beyondBatch: name) { return true }
        var name = name
        for _ in 0..<16 {
            guard let node = producer(name) else { return false }
            if node.op == "GlobalAveragePool" || node.op == "GlobalMaxPool" { return true }
            guard ["Relu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Conv", "Identity"].contains(node.op) else {
                return false
            }
            name = node.inputs[0]
        }
        return false
    }

    func isScalar(_ name: String, _ value: Float) -> Bool {
        guard let tensor = constant(name), tensor.count == 1, let found = try? tensor.floats().first else {
            return false
        }
        return abs(found - value) <= 1e-6 * abs(value)
    }

    /// Whether everything behind `tensor` up to the graph's outputs is one of `operators`.
    func leadsOutThrough(_ operators: Set<String>, from tensor: String) -> Bool {
        consumers(tensor).allSatisfy { node in
            operators.contains(node.op) && node.outputs.allSatisfy { leadsOutThrough(operators, from: $0) }
        }
    }
}
