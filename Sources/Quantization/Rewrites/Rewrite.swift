package import ModelGraph

/// A change of the float graph that computes the same function and lets more of it run fast in integers.
package struct Rewrite: Sendable {
    package let name: String
    /// Edits the graph and returns how many places changed.
    let apply: @Sendable (inout Graph, Topology) throws -> Int

    /// All rewrites in the order they are tried; each sees the result of those before it.
    package static let all: [Rewrite] = [
        constantReshape, constantArithmetic, padIntoConv, reduceMeanToPooling, hardSwish, subtractAndDivide,
        uniformSlope, erfGelu, matMulAddToGemm, pointwiseToGemm, focusToStridedConv, distributionFocalHead,
    ]

    /// Rewrites that only pay where the place computes in integers, to be tried after `all`. Nodes that `keepFloat` names do
    /// not.
    package static func integerOnly(keepFloat: [String: Reason]) -> [Rewrite] {
        [transposedConv(keepFloat), doubleUpsample(keepFloat), partedConv(keepFloat)]
    }

    /// Applies `rewrites`, asking `describe` for fresh shapes and types after each one that changed something.
    /// Returns how often each was applied.
    package static func run(
        _ rewrites: [Rewrite], on topology: inout Topology, describe: (Graph) throws -> Topology
    ) throws -> [String: Int] {
        var applied: [String: Int] = [:]
        for rewrite in rewrites {
            var graph = topology.graph
            let count = try rewrite.apply(&graph, topology)
            guard count > 0 else { continue }
            try graph.sortTopologically()
            graph.removeUnused()
            topology = try describe(graph)
            applied[rewrite.name] = count
        }
        return applied
    }
}

extension Graph {
    /// Adds an int64 constant and returns its name.
    mutating func addShape(_ values: [Int], stem: String) -> String {
        addInitializer(Tensor(name: stem, int64s: values.map(Int64.init), dims: [values.count]))
    }

    /// Adds a float constant and returns its name.
    mutating func addFloats(_ values: [Float], dims: [Int], stem: String) -> String {
        addInitializer(Tensor(name: stem, floats: values, dims: dims))
    }
}
