import HTTP

/// What a client says it would like: media types, codings, how long it wants to wait.
struct Preferences: Sendable {
    private struct Item {
        var value: String
        var weight: Double
    }
    private let accept: [Item]
    private let codings: [Item]
    /// `Prefer: wait=30` (RFC 7240 §4.3).
    let wait: Double?

    init(_ fields: Fields) {
        accept = Self.items(fields.all("Accept"))
        codings = Self.items(fields.all("Accept-Encoding"))
        let preferences = fields.all("Prefer").flatMap { $0.split(whereSeparator: { $0 == "," || $0 == ";" }) }
        wait =
            preferences.lazy.compactMap { text -> Double? in
                let parts = text.filter { $0 != " " }.split(separator: "=")
                guard parts.count == 2, parts[0].lowercased() == "wait" else { return nil }
                return Double(parts[1]).flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
            }.first
    }

    /// The offered type that is liked best; the first of equals. Without an Accept field it is the first one.
    func mediaType(among offered: [String]) -> String? {
        guard !accept.isEmpty else { return offered.first }
        let scored = offered.map { (weight(of: $0), $0) }
        guard let best = scored.map(\.0).max(), best > 0 else { return nil }
        return scored.first { $0.0 == best }?.1
    }

    /// Whether the type is asked for by name.
    func names(_ mediaType: String) -> Bool { accept.contains { $0.value == mediaType && $0.weight > 0 } }

    /// The coding that is liked best among `deflate`, `gzip` and `identity`; codings must be named to be used, and of
    /// equals the stored bytes win, since they cost nothing.
    var coding: Coding {
        func weight(_ name: String) -> Double { codings.first { $0.value == name }?.weight ?? 0 }
        let named = codings.first { $0.value == "identity" }?.weight
        let best = [Coding.deflate, .gzip].max { weight($0.rawValue) < weight($1.rawValue) } ?? .deflate
        let chosen = weight(Coding.deflate.rawValue) >= weight(best.rawValue) ? .deflate : best
        let liked = weight(chosen.rawValue)
        return liked > 0 && liked >= named ?? 0 ? chosen : .identity
    }

    /// Whether bytes as they are may be sent; they may unless that is refused (RFC 9110 §12.5.3).
    var takesIdentity: Bool {
        let named = codings.first { $0.value == "identity" } ?? codings.first { $0.value == "*" }
        return named?.weight != 0
    }

    private func weight(of mediaType: String) -> Double {
        let family = mediaType.prefix { $0 != "/" } + "/*"
        for range in [mediaType, String(family), "*/*"] {
            if let item = accept.first(where: { $0.value == range }) { return item.weight }
        }
        return 0
    }

    /// "a;q=0.5, b" (RFC 9110 §12.4.2); parameters other than q are ignored.
    private static func items(_ values: [String]) -> [Item] {
        values.flatMap { $0.split(separator: ",") }.compactMap { text in
            let parts = text.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard let value = parts.first, !value.isEmpty else { return nil }
            let weights = parts.dropFirst().filter { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 }
            return Item(value: value, weight: min(max(weights.first ?? 1, 0), 1))
        }
    }
}

/// How a representation's bytes are coded on the wire.
enum Coding: String, Sendable, CaseIterable { case identity, deflate, gzip }
