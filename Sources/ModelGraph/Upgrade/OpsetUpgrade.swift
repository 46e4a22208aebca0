/// Brings models of operator sets 7 to 12 to 13 without changing what they compute.
///
/// Between two versions of an operator most changes only allow more types, or spell out what runtimes did anyway. The
/// others are in `UpgradeRules`, one small function each. A node that has no exact counterpart is an error that names it:
/// a model that computes something slightly different would be worse.
package enum OpsetUpgrade {
    /// Nothing happens to models of this version or newer.
    package static let target = 13

    /// - Parameter rank: the number of dimensions of a value where that is known. It only makes the result shorter:
    ///   without it a Softmax is wrapped in Flatten and Reshape. Value infos of the graph are looked at as well.
    package static func upgrade(_ model: inout Model, to target: Int = target, rank: (String) -> Int?) throws {
        guard let opset = model.opset(), opset < target else { return }
        guard target == Self.target, opset >= 7 else {
            throw ModelError.unsupported("operator set \(opset) cannot be brought to \(target)")
        }
        guard model.functions.isEmpty else {
            throw ModelError.unsupported("a model with local functions cannot be brought to operator set \(target)")
        }
        try withoutActuallyEscaping(rank) { rank in
            var upgrader = Upgrader(model, rank: rank)
            for version in opset + 1...target {
                upgrader.version = version
                try upgrader.upgrade(&model.graph)
            }
        }
        model.setOpset("", target)
        // Until IR version 3 initializers had to be inputs and were constants. From 4 on such an input lets the caller give
        // another value, so a runtime no longer treats the weights as constants: results differ in the last bit.
        if model.irVersion < 4 { model.graph.dropInitializersFromInputs() }
        // Operator set 13 came with IR version 7.
        model.irVersion = max(model.irVersion, 7)
    }
}

/// One step of an upgrade, with what the rules want to know.
struct Upgrader {
    /// The operator set that the step leads to.
    var version = 0
    private let knownRank: (String) -> Int?
    private let ambiguous: Set<String>
    private let types: ElementTypes
    private var ranks: [String: Int] = [:]
    private var constants: [String: Tensor] = [:]
    private var readNames: Set<String> = []
    private var names = Graph()
    private var added: [Tensor] = []

    init(_ model: Model, rank: @escaping (String) -> Int?) {
        knownRank = rank
        ambiguous = Self.namesDefinedTwice(model.graph)
        types = ElementTypes(model.graph, ambiguous: ambiguous)
        names.reserveNames(model.graph.allNames())
        // Until IR version 3 all initializers had to be inputs too, and were constants for all that.
        let inputsAreDefaults = model.irVersion >= 4
        model.graph.visitGraphs { note($0, inputsAreDefaults: inputsAreDefaults) }
    }

    /// The branches of an If may use the same name for different things; nothing is known of such a name.
    private static func namesDefinedTwice(_ graph: Graph) -> Set<String> {
        var once: Set<String> = []
        var twice: Set<String> = []
        graph.visitGraphs { for name in $0.definedNames() where !once.insert(name).inserted { twice.insert(name) } }
        return twice
    }

    private mutating func note(_ graph: Graph, inputsAreDefaults: Bool) {
        for tensor in graph.initializers {
            constants[tensor.name] = tensor
            ranks[tensor.name] = tensor.dims.count
        }
        for value in graph.inputs where inputsAreDefaults { constants[value.name] = nil }
        for value in graph.inputs + graph.outputs + graph.valueInfo {
            if let shape = value.shape { ranks[value.name] = shape.count }
        }
        readNames.formUnion(graph.outputs.map(\.name))
        for node in graph.nodes {
            readNames.formUnion(node.inputs)
            if node.is("Constant"), let output = node.output(0), let tensor = node.tensor("value") {
                constants[output] = tensor
            }
        }
    }

    /// Applies the rules of this version to every node, inner graphs first.
    mutating func upgrade(_ graph: inout Graph) throws {
        let rules = UpgradeRules.changes[version] ?? [:]
        var nodes: [Node] = []
        nodes.reserveCapacity(graph.nodes.count)
        var own: [Tensor] = []
        for var node in graph.nodes {
            if node.hasSubgraphs { try node.editSubgraphs { try upgrade(&$0) } }
            guard node.isDefaultDomain, let rule = rules[node.op] else {
                nodes.append(node)
                continue
            }
            nodes += try rule(node, &self)
            own += added
            added = []
        }
        graph.nodes = nodes
        graph.initializers += own
    }

    // MARK: For the rules

    func failure(_ node: Node, _ reason: String) -> ModelError {
        .cannotUpgrade(node: node.label, opset: version, reason: reason)
    }

    func isRead(_ name: String) -> Bool { readNames.contains(name) }

    /// The value where it is fixed in the model.
    func constant(_ name: String) -> Tensor? { ambiguous.contains(name) ? nil : constants[name] }

    func rank(of name: String) -> Int? { ambiguous.contains(name) ? nil : knownRank(name) ?? ranks[name] }

    /// The element type of a floating point value.
    func floatType(of name: String, for node: Node) throws -> ElementType {
        guard let type = types[name] else { throw failure(node, "the element type of '\(name)' is not known") }
        return type
    }

    mutating func freshName(_ stem: String) -> String { names.freshName(stem) }

    /// Adds an initializer to the graph of the node at hand; returns its name.
    mutating func add(_ tensor: Tensor) -> String {
        let name = names.freshName(tensor.name)
        let tensor = tensor.named(name)
        constants[name] = tensor
        ranks[name] = tensor.dims.count
        added.append(tensor)
        return name
    }

    /// A scalar of the type that the value `name` has.
    mutating func addScalar(_ value: Float, like name: String, stem: String, for node: Node) throws -> String {
        let bytes: [UInt8]
        let type = try floatType(of: name, for: node)
        switch type {
        case .float: bytes = withUnsafeBytes(of: value.bitPattern) { [UInt8]($0) }
        case .double: bytes = withUnsafeBytes(of: Double(value).bitPattern) { [UInt8]($0) }
        case .float16: bytes = withUnsafeBytes(of: Float16(value).bitPattern) { [UInt8]($0) }
        default: throw failure(node, "'\(name)' holds \(type)")
        }
        return add(Tensor(name: stem, type: type, dims: [], bytes: bytes))
    }
}
