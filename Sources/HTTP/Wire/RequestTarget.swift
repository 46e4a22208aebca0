/// The target of a request line, taken apart (RFC 9112 §3.2): origin form, absolute form, or "*" for OPTIONS.
struct RequestTarget: Equatable {
    let path: String
    let segments: [String]
    let query: Query
    /// The authority of an absolute form; it stands in for Host.
    let authority: String?

    init(_ target: UnsafeRawBufferPointer, method: Method) throws(Refusal) {
        if target.count == 1, target[0] == UInt8(ascii: "*") {
            guard method == .options else { throw .target("\"*\" is a target of OPTIONS only.") }
            self.init(path: "*", segments: ["*"], query: Query(), authority: nil)
            return
        }
        let (authority, origin) = try RequestTarget.splitAuthority(target)
        let cut = origin.firstIndex(of: ASCII.question) ?? origin.count
        let path = origin.part(0..<cut)
        guard path.allSatisfy(ASCII.isPath) else { throw .target("The path holds a character that must be escaped.") }
        var query = Query()
        if cut < origin.count { query = try RequestTarget.query(origin.part(cut + 1..<origin.count)) }
        self.init(
            path: path.isEmpty ? "/" : path.text, segments: try RequestTarget.segments(path), query: query,
            authority: authority)
    }

    private init(path: String, segments: [String], query: Query, authority: String?) {
        self.path = path
        self.segments = segments
        self.query = query
        self.authority = authority
    }

    private static func splitAuthority(
        _ target: UnsafeRawBufferPointer
    ) throws(Refusal) -> (String?, UnsafeRawBufferPointer) {
        if target.first == ASCII.slash { return (nil, target) }
        let schemes: [StaticString] = ["http://", "https://"]
        for scheme in schemes where target.count > scheme.utf8CodeUnitCount {
            let length = scheme.utf8CodeUnitCount
            guard target.part(0..<length).equalsIgnoringCase(scheme) else { continue }
            let rest = target.part(length..<target.count)
            let end = rest.firstIndex { $0 == ASCII.slash || $0 == ASCII.question } ?? rest.count
            let authority = rest.part(0..<end)
            guard !authority.isEmpty, authority.allSatisfy(Host.isHost) else { break }
            return (authority.text, rest.part(end..<rest.count))
        }
        throw .target("The target is neither a path nor an http URL.")
    }

    /// Cut at "/" first and decoded afterwards, so that an escaped slash never becomes a separator.
    private static func segments(_ path: UnsafeRawBufferPointer) throws(Refusal) -> [String] {
        guard !path.isEmpty else { return [""] }
        var segments: [String] = []
        var start = 1
        while start <= path.count {
            let end = path[start...].firstIndex(of: ASCII.slash) ?? path.count
            segments.append(try segment(path.part(start..<end)))
            start = end + 1
        }
        return segments
    }

    private static func segment(_ raw: UnsafeRawBufferPointer) throws(Refusal) -> String {
        let text = try decode(raw, plusIsSpace: false)
        guard text != ".", text != ".." else { throw .target("The path holds a dot segment.") }
        guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == ASCII.slash }) else {
            throw .target("The path holds an escaped slash or control character.")
        }
        return text
    }

    private static func query(_ raw: UnsafeRawBufferPointer) throws(Refusal) -> Query {
        guard raw.allSatisfy(ASCII.isQuery) else { throw .target("The query holds a character that must be escaped.") }
        var pairs: [(String, String)] = []
        var start = 0
        while start < raw.count {
            let end = raw[start...].firstIndex(of: ASCII.ampersand) ?? raw.count
            if end > start {
                let cut = raw[start..<end].firstIndex(of: ASCII.equals) ?? end
                let name = try decode(raw.part(start..<cut), plusIsSpace: true)
                let value = cut < end ? try decode(raw.part(cut + 1..<end), plusIsSpace: true) : ""
                pairs.append((name, value))
            }
            start = end + 1
        }
        return Query(pairs)
    }

    private static func decode(_ raw: UnsafeRawBufferPointer, plusIsSpace: Bool) throws(Refusal) -> String {
        guard raw.contains(where: { $0 == ASCII.percent || (plusIsSpace && $0 == ASCII.plus) }) else { return raw.text }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(raw.count)
        var index = 0
        while index < raw.count {
            let byte = raw[index]
            index += 1
            if byte == ASCII.plus, plusIsSpace {
                decoded.append(ASCII.space)
            } else if byte == ASCII.percent {
                guard index + 1 < raw.count, let high = ASCII.hexValue(raw[index]),
                    let low = ASCII.hexValue(raw[index + 1])
                else { throw .target("A percent sign is not followed by two hexadecimal digits.") }
                decoded.append(high << 4 | low)
                index += 2
            } else {
                decoded.append(byte)
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self) else {
            throw .target("The target's escaped bytes are not UTF-8.")
        }
        return text
    }
}

/// What a Host field or an authority may hold: a name, an address, a port; no user, no path, no list.
enum Host {
    static func isHost(_ byte: UInt8) -> Bool {
        switch byte {
        case ASCII.slash, ASCII.question, UInt8(ascii: "@"), UInt8(ascii: ","): false
        default: ASCII.isPath(byte)
        }
    }
}

extension Refusal {
    static func target(_ detail: String) -> Refusal { Refusal(.badRequest, "bad-target", detail) }
}
