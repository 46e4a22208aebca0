extension Model {
    /// Checks that the graph stays within bounds once an engine has put the bodies of local functions in place of their
    /// calls: a few dozen functions, each calling the one before twice, are more nodes than any machine holds. Functions that
    /// call themselves, which ONNX forbids, are refused as well.
    func checkExpansion(limit: Int = ReadLimits.default.nodes) throws {
        guard !functions.isEmpty else { return }
        let sizes = try expandedSizes()
        var calls: [String: Int] = [:]
        graph.visitGraphs { for node in $0.nodes { calls[node.qualifiedOp, default: 0] += 1 } }
        guard Self.size(of: calls, sizes) <= limit else {
            throw ModelError.tooLarge(
                what: "the model has too many nodes when its functions are put in place", limit: limit)
        }
    }

    /// Nodes of each function with all that it calls; Int.max when they are more. Callees come before their callers (Kahn
    /// 1962), since a chain of functions may be longer than the stack is deep.
    private func expandedSizes() throws -> [String: Int] {
        // Overloads share a name: their calls together are at least those of each.
        let bodies = Dictionary(functions.map { ($0.qualifiedName, $0.calls) }) { $0.merging($1, uniquingKeysWith: +) }
        var callers: [String: [String]] = [:]
        var waiting: [String: Int] = [:]
        for (name, calls) in bodies {
            let callees = calls.keys.filter { bodies[$0] != nil }
            waiting[name] = callees.count
            for callee in callees { callers[callee, default: []].append(name) }
        }
        var ready = waiting.filter { $0.value == 0 }.map(\.key)
        var sizes: [String: Int] = [:]
        while let name = ready.popLast() {
            sizes[name] = Self.size(of: bodies[name] ?? [:], sizes)
            for caller in callers[name] ?? [] {
                waiting[caller, default: 0] -= 1
                if waiting[caller] == 0 { ready.append(caller) }
            }
        }
        guard sizes.count == bodies.count else {
            throw ModelError.cyclic(nodes: bodies.keys.filter { sizes[$0] == nil }.sorted())
        }
        return sizes
    }

    private static func size(of calls: [String: Int], _ sizes: [String: Int]) -> Int {
        calls.reduce(0) { sum, call in
            let (all, overflow) = call.value.multipliedReportingOverflow(by: sizes[call.key] ?? 1)
            let (total, beyond) = sum.addingReportingOverflow(all)
            return overflow || beyond ? .max : total
        }
    }
}
