import Foundation
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
    /// The pattern that this name alone matches.
    var asWildcard: String {
        replacingOccurrences(of: #"\"#, with: #"\\"#).replacingOccurrences(of: "*", with: #"\*"#)
    }

    /// Whether the whole string matches `pattern`, in which `*` stands for any run of characters, `\*` for an asterisk and
    /// `\\` for a backslash. Before anything else a backslash stands for itself.
    func matches(wildcard pattern: String) -> Bool {
        guard pattern.utf8.contains(where: { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "\\") }) else {
            return utf8.elementsEqual(pattern.utf8)
        }
        let text = Array(utf8)
        let pattern = Self.wildcardElements(pattern)
        var (i, p) = (0, 0)
        var retry: (text: Int, pattern: Int)?
        while i < text.count {
            if p < pattern.count, pattern[p] == nil {
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
        return pattern[p...].allSatisfy { $0 == nil }
    }

    /// The bytes of a pattern, nil for "any run of characters".
    private static func wildcardElements(_ pattern: String) -> [UInt8?] {
        let (star, backslash) = (UInt8(ascii: "*"), UInt8(ascii: "\\"))
        var elements: [UInt8?] = []
        var rest = pattern.utf8[...]
        while let byte = rest.popFirst() {
            if byte == backslash, let next = rest.first, next == star || next == backslash {
                elements.append(next)
                rest.removeFirst()
            } else {
                elements.append(byte == star ? nil : byte)
            }
        }
        return elements
    }
}
