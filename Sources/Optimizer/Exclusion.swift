import ModelGraph
import Quantization

extension Graph {
    /// Nodes that one of the recipe's `exclude` patterns names, which stay float.
    func excluded(by patterns: [String]) -> [String: Reason] {
        var excluded: [String: Reason] = [:]
        for node in nodes {
            if let pattern = patterns.first(where: node.isNamed) {
                excluded[node.name] = Reason("excluded by '\(pattern)'")
            }
        }
        return excluded
    }
}

extension Node {
    /// Whether the name that this node had in the customer's model matches. What the engine makes of a MatMul and an Add is
    /// called "name of the MatMul/MatMulAddFusion".
    func isNamed(_ pattern: String) -> Bool {
        if name.matches(wildcard: pattern) { return true }
        guard name.hasSuffix("Fusion"), let slash = name.lastIndex(of: "/") else { return false }
        return String(name[..<slash]).matches(wildcard: pattern)
    }
}

extension String {
    /// Whether the whole string matches `pattern`, in which `*` stands for any run of characters.
    func matches(wildcard pattern: String) -> Bool {
        let text = Array(utf8)
        let pattern = Array(pattern.utf8)
        let star = UInt8(ascii: "*")
        var (i, p) = (0, 0)
        var retry: (text: Int, pattern: Int)?
        while i < text.count {
            if p < pattern.count, pattern[p] == star {
                retry = (i, p)
                p += 1
            } else if p < pattern.count, pattern[p] == text[i] {
                i += 1
                p += 1
            } else if let last = retry {
                retry = (last.text + 1, last.pattern)
                i = last.text + 1
                p = last.pattern + 1
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == star }
    }
}
