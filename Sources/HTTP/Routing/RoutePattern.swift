/// "/v1/models/{id}": literal segments, and names that take exactly one non-empty segment each.
package struct RoutePattern: Sendable, Equatable, CustomStringConvertible {
    enum Segment: Sendable, Equatable {
        case literal(String)
        case name(String)
    }

    let segments: [Segment]
    package let description: String

    package init(_ pattern: String) {
        precondition(pattern.hasPrefix("/"), "a route starts with a slash: \(pattern)")
        description = pattern
        let parts = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        segments = parts.map { part in
            guard part.hasPrefix("{"), part.hasSuffix("}") else { return .literal(String(part)) }
            return .name(String(part.dropFirst().dropLast()))
        }
    }

    func matches(_ path: [String]) -> Bool {
        guard path.count == segments.count else { return false }
        for (segment, part) in zip(segments, path) {
            switch segment {
            case .literal(let text): guard text == part else { return false }
            case .name: guard !part.isEmpty else { return false }
            }
        }
        return true
    }

    /// The named segments of a path that matches.
    func parameters(_ path: [String]) -> [String: String] {
        var found: [String: String] = [:]
        for (segment, part) in zip(segments, path) {
            if case .name(let name) = segment { found[name] = part }
        }
        return found
    }

    /// True when a literal stands earlier here than in the other: "/a/b" goes before "/a/{x}".
    func isMoreSpecific(than other: RoutePattern) -> Bool {
        for (mine, theirs) in zip(segments, other.segments) {
            switch (mine, theirs) {
            case (.literal, .name): return true
            case (.name, .literal): return false
            case (.literal(let one), .literal(let two)) where one != two: return false
            default: continue
            }
        }
        return false
    }

    /// Same segments, whatever the names: two such patterns take the same paths.
    func hasShape(of other: RoutePattern) -> Bool {
        segments.count == other.segments.count
            && zip(segments, other.segments).allSatisfy { mine, theirs in
                if case .name = mine, case .name = theirs { return true }
                return mine == theirs
            }
    }
}
