import Foundation

/// Words for people: suggestions, short numbers, sizes.
package enum Text {
    /// "'exlude' is unknown; did you mean 'exclude'?", or the list when nothing is near.
    package static func unknown(_ word: String, among known: [String], what: String? = nil) -> String {
        let subject = what.map { "The \($0) '\(word)'" } ?? "'\(word)'"
        if let near = nearest(to: word, among: known) { return "\(subject) is unknown; did you mean '\(near)'?" }
        return "\(subject) is unknown; known: \(known.joined(separator: ", "))."
    }

    /// The known word with the fewest edits, when they are few enough to be a slip.
    package static func nearest(to word: String, among known: [String]) -> String? {
        let limit = max(2, word.count / 3)
        let lowered = String(word.lowercased().prefix(64))
        let scored = known.map { (edits(lowered, $0.lowercased()), $0) }
        return scored.filter { $0.0 <= limit }.min { $0.0 < $1.0 }?.1
    }

    /// Levenshtein distance.
    private static func edits(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substituted = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, min(row[j], diagonal) + 1)
            }
        }
        return row[b.count]
    }

    /// With a capital and a full stop.
    static func sentence(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() + "." }

    /// A number without a needless fraction.
    static func short(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? "\(number)"
    }

    /// "1.5 GiB"; for sentences only, JSON has integers.
    static func size(_ bytes: Int64) -> String {
        var value = Double(bytes)
        var unit = bytes == 1 ? "byte" : "bytes"
        for next in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
            value /= 1024
            unit = next
        }
        let rounded = (value * 10).rounded() / 10
        return "\(short(rounded)) \(unit)"
    }

    /// "15m", "90s", "2h", "1d" or plain seconds. Nil when it is none of these or not positive.
    package static func duration(_ text: String) -> Double? {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        let factor = text.last.flatMap { units[$0] }
        guard let number = Double(factor == nil ? text[...] : text.dropLast()), number.isFinite, number > 0 else {
            return nil
        }
        return number * (factor ?? 1)
    }

    /// "0.00392", "1/255". Nil when it is no finite number.
    static func fraction(_ text: String) -> Double? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Double($0) }
        guard parts.count <= 2, let first = parts.first, let first else { return nil }
        guard parts.count == 2 else { return first.isFinite ? first : nil }
        guard let second = parts[1], (first / second).isFinite else { return nil }
        return first / second
    }
}
