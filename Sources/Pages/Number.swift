import Glibc

/// Numbers as text for people. No locale, no Foundation: the same everywhere.
package enum Number {
    /// A fixed number of decimals, rounded half away from zero; "–" for what is not finite.
    package static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "–" }
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let scaled = (abs(value) * scale).rounded()
        let whole = (scaled / scale).rounded(.towardZero)
        var text = String(Int64(whole))
        if decimals > 0 {
            let digits = String(Int64(scaled - whole * scale))
            text += "." + String(repeating: "0", count: max(0, decimals - digits.count)) + digits
        }
        return value < 0 && scaled > 0 ? "−" + text : text
    }

    /// "1 byte", "2 bytes", "0 boxes" (of "box" and "boxes").
    package static func count(_ number: some BinaryInteger, _ one: String, _ many: String? = nil) -> String {
        "\(number) \(number == 1 ? one : many ?? one + "s")"
    }

    /// About three significant digits.
    package static func short(_ value: Double) -> String {
        switch abs(value) {
        case 100...: fixed(value, 0)
        case 10..<100: fixed(value, 1)
        case 1..<10: fixed(value, 2)
        case 0.001..<1: fixed(value, 3)
        case 0: "0"
        default: scientific(value)
        }
    }

    /// A share as "98.4 %".
    package static func percent(_ share: Double, _ decimals: Int = 1) -> String { fixed(share * 100, decimals) + " %" }

    /// A share in percent points with its sign: "+0.4", "−1.0".
    package static func points(_ share: Double, _ decimals: Int = 1) -> String {
        let text = fixed(share * 100, decimals)
        return text.hasPrefix("−") || share * 100 == 0 ? text : "+" + text
    }

    /// A factor as "2.1×"; two decimals near 1, where one would hide the difference.
    package static func times(_ factor: Double) -> String { fixed(factor, factorDecimals(factor)) + "×" }

    package static func factorDecimals(_ factor: Double) -> Int { factor < 1.5 ? 2 : factor < 100 ? 1 : 0 }

    /// Bytes in decimal units, as file managers and networks count.
    package static func bytes(_ count: Int64) -> String {
        switch count {
        case ..<1000: "\(count) B"
        case ..<1_000_000: fixed(Double(count) / 1e3, 1) + " kB"
        case ..<1_000_000_000: fixed(Double(count) / 1e6, 1) + " MB"
        default: fixed(Double(count) / 1e9, 2) + " GB"
        }
    }

    /// A probability; very small ones as a bound.
    package static func probability(_ p: Double) -> String { p < 0.001 ? "< 0.001" : fixed(p, 3) }

    private static func scientific(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        let exponent = Int(log10(abs(value)).rounded(.down))
        return fixed(value / pow(10, Double(exponent)), 1) + "e\(exponent)"
    }
}
