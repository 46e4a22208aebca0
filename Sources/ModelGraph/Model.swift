/// A whole model file.
package struct Model: Sendable, Equatable {
    package var irVersion: Int64
    package var opsets: [OpsetImport]
    package var producerName: String
    package var producerVersion: String
    package var domain: String
    package var modelVersion: Int64
    package var graph: Graph
    /// `metadata_props`, in order.
    package var metadata: [Property]
    /// Local functions, which are only carried along.
    package internal(set) var functions: [FunctionDefinition]
    /// Doc string, training info, device configurations and unknown fields, as they came.
    var extras = KeptFields()

    package init(graph: Graph, opset: Int = 17, irVersion: Int64 = 8) {
        self.graph = graph
        self.irVersion = irVersion
        opsets = [OpsetImport(domain: "", version: Int64(opset))]
        producerName = ""
        producerVersion = ""
        domain = ""
        modelVersion = 0
        metadata = []
        functions = []
    }

    /// Versions of ONNX's own operator set that can be read.
    package static let supportedOpsets: ClosedRange<Int64> = 7...24
    package static let supportedIRVersions: ClosedRange<Int64> = 3...13

    /// The imported version of a domain's operators; "" and "ai.onnx" are the same domain.
    package func opset(_ domain: String = "") -> Int? {
        opsets.first { OperatorDomain.same($0.domain, domain) }.flatMap { Int(exactly: $0.version) }
    }

    /// Imports this version, instead of another or newly.
    package mutating func setOpset(_ domain: String = "", _ version: Int) {
        if let place = opsets.firstIndex(where: { OperatorDomain.same($0.domain, domain) }) {
            opsets[place].version = Int64(version)
        } else {
            opsets.append(OpsetImport(domain: domain, version: Int64(version)))
        }
    }
}

package struct OpsetImport: Sendable, Equatable {
    package var domain: String
    package var version: Int64

    package init(domain: String, version: Int64) {
        self.domain = domain
        self.version = version
    }
}

/// A key with its value.
package struct Property: Sendable, Equatable, Hashable {
    package var key: String
    package var value: String

    package init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }
}

/// A local function as it came, with what nodes call it by.
package struct FunctionDefinition: Sendable, Equatable {
    package let domain: String
    package let name: String
    /// How often its body, subgraphs included, uses each operator, by `Node.qualifiedOp`.
    let calls: [String: Int]
    let encoded: ByteSlice

    /// What `Node.qualifiedOp` of a call is.
    var qualifiedName: String { OperatorDomain.isDefault(domain) ? name : "\(domain)::\(name)" }
}
