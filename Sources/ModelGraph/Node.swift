/// One operator of a graph. An empty input or output name means "not given".
package struct Node: Sendable, Equatable {
    package var name: String
    package var op: String
    /// Empty for the operators of ONNX itself ("ai.onnx" in a file is read as empty by `isDefaultDomain` only).
    package var domain: String
    package var inputs: [String]
    package var outputs: [String]
    package var attributes: [Attribute]
    /// Doc string, overload, metadata and unknown fields, as they came.
    var extras = KeptFields()

    package init(
        op: String, inputs: [String], outputs: [String], name: String = "", domain: String = "",
        attributes: [Attribute] = []
    ) {
        self.op = op
        self.inputs = inputs
        self.outputs = outputs
        self.name = name
        self.domain = domain
        self.attributes = attributes
    }

    package var isDefaultDomain: Bool { OperatorDomain.isDefault(domain) }

    /// Whether this is one of ONNX's own operators of that name.
    package func `is`(_ op: String) -> Bool { self.op == op && isDefaultDomain }
    package func `is`(anyOf ops: Set<String>) -> Bool { isDefaultDomain && ops.contains(op) }

    /// "Conv 'conv1'", or "Conv to 'y'" when the node has no name.
    package var label: String {
        name.isEmpty ? "\(op) to '\(outputs.first { !$0.isEmpty } ?? "")'" : "\(op) '\(name)'"
    }

    /// The operator as counted: the domain first unless it is the default one.
    package var qualifiedOp: String { isDefaultDomain ? op : "\(domain)::\(op)" }

    /// The input at this place; nil when there is none or it is left out.
    package func input(_ index: Int) -> String? {
        guard index < inputs.count, !inputs[index].isEmpty else { return nil }
        return inputs[index]
    }

    package func output(_ index: Int) -> String? {
        guard index < outputs.count, !outputs[index].isEmpty else { return nil }
        return outputs[index]
    }
}

extension Node {
    package func attribute(_ name: String) -> Attribute? { attributes.first { $0.name == name } }

    package func int(_ name: String) -> Int64? {
        if case .int(let value) = attribute(name)?.value { return value }
        return nil
    }

    package func ints(_ name: String) -> [Int64]? {
        if case .ints(let values) = attribute(name)?.value { return values }
        return nil
    }

    package func float(_ name: String) -> Float? {
        if case .float(let value) = attribute(name)?.value { return value }
        return nil
    }

    package func floats(_ name: String) -> [Float]? {
        if case .floats(let values) = attribute(name)?.value { return values }
        return nil
    }

    package func string(_ name: String) -> String? {
        if case .string(let value) = attribute(name)?.value { return String(validating: value, as: UTF8.self) }
        return nil
    }

    package func tensor(_ name: String) -> Tensor? {
        if case .tensor(let value) = attribute(name)?.value { return value }
        return nil
    }

    package func graph(_ name: String) -> Graph? {
        if case .graph(let value) = attribute(name)?.value { return value }
        return nil
    }

    /// Replaces the attribute of this name, or adds it.
    package mutating func set(_ attribute: Attribute) {
        if let index = attributes.firstIndex(where: { $0.name == attribute.name }) {
            attributes[index] = attribute
        } else {
            attributes.append(attribute)
        }
    }

    @discardableResult
    package mutating func removeAttribute(_ name: String) -> Attribute? {
        attributes.firstIndex { $0.name == name }.map { attributes.remove(at: $0) }
    }

    /// The bodies of If, Loop, Scan and the like.
    package var subgraphs: [Graph] {
        var found: [Graph] = []
        for attribute in attributes {
            switch attribute.value {
            case .graph(let graph): found.append(graph)
            case .graphs(let graphs): found += graphs
            default: break
            }
        }
        return found
    }

    package var hasSubgraphs: Bool {
        attributes.contains {
            switch $0.value {
            case .graph, .graphs: true
            default: false
            }
        }
    }

    /// Edits each body in place.
    package mutating func editSubgraphs(_ edit: (inout Graph) throws -> Void) rethrows {
        for index in attributes.indices {
            switch attributes[index].value {
            case .graph(var graph):
                try edit(&graph)
                attributes[index].value = .graph(graph)
            case .graphs(var graphs):
                for place in graphs.indices { try edit(&graphs[place]) }
                attributes[index].value = .graphs(graphs)
            default: break
            }
        }
    }
}

/// Names of operator domains. "" and "ai.onnx" are the same one.
package enum OperatorDomain {
    package static let microsoft = "com.microsoft"
    package static let classicalML = "ai.onnx.ml"

    package static func isDefault(_ domain: String) -> Bool { domain.isEmpty || domain == "ai.onnx" }
    package static func same(_ a: String, _ b: String) -> Bool { a == b || (isDefault(a) && isDefault(b)) }
}
