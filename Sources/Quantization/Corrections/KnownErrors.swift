import ModelGraph

/// Errors of simulated layers, by what was simulated. Candidates for one model differ in a few layers, and a layer's error
/// depends on nothing beyond the anchors before it: what is known need not run again.
package final class KnownErrors {
    private var numbers: [Form: Int] = [:]
    private var errors: [Int: LayerError] = [:]

    package init() {}

    /// The same number for the same form.
    fileprivate func number(of form: Form) -> Int {
        if let known = numbers[form] { return known }
        numbers[form] = numbers.count
        return numbers.count - 1
    }

    subscript(number: Int) -> LayerError? {
        get { errors[number] }
        set { errors[number] = newValue }
    }
}

/// What a simulated tensor is made of, down to tensors of the float model; inputs are given by their numbers.
private enum Form: Hashable {
    case tensor(String)
    case weight(QuantizedWeight)
    case constant([UInt8])
    case result(Operation)

    struct Operation: Hashable {
        let op: String
        let domain: String
        let attributes: [Attribute]
        let inputs: [Int]
        /// Which of the node's outputs.
        let position: Int

        func hash(into hasher: inout Hasher) {
            hasher.combine(op)
            hasher.combine(inputs)
            hasher.combine(position)
        }
    }
}

/// Numbers the tensors of one simulation.
struct SimulationForms {
    private let known: KnownErrors
    private let nodes: [Node]
    private let weights: [String: QuantizedWeight]
    private var makers: [String: (node: Int, position: Int)] = [:]
    private var constants: [String: Tensor] = [:]
    private var numbers: [String: Int] = [:]

    init(_ builder: SimulationBuilder, _ known: KnownErrors) {
        self.known = known
        nodes = builder.added
        weights = builder.weights
        for (place, node) in nodes.enumerated() {
            for (position, name) in node.outputs.enumerated() { makers[name] = (place, position) }
        }
        for tensor in builder.graph.initializers.dropFirst(builder.topology.graph.initializers.count) {
            constants[tensor.name] = tensor
        }
    }

    mutating func number(of tensor: String) throws -> Int {
        if let number = numbers[tensor] { return number }
        let number = known.number(of: try form(of: tensor))
        numbers[tensor] = number
        return number
    }

    private mutating func form(of tensor: String) throws -> Form {
        if let weight = weights[tensor] { return .weight(weight) }
        if let constant = constants[tensor] { return .constant(try constant.bytes()) }
        guard let (place, position) = makers[tensor] else { return .tensor(tensor) }
        let node = nodes[place]
        return .result(
            Form.Operation(
                op: node.op, domain: node.domain, attributes: node.attributes,
                inputs: try node.inputs.map { try number(of: $0) }, position: position))
    }
}
