/// A request's head, checked: whoever holds one knows where its body ends.
struct RequestHead {
    enum Version { case http10, http11 }

    enum Framing: Equatable {
        case none
        case sized(Int64)
        case chunked
    }

    let method: Method
    let target: RequestTarget
    let version: Version
    let fields: Fields
    let framing: Framing
    /// The client waits for 100 before it sends the body.
    let expectsContinue: Bool
    /// The client is willing to go on with this connection.
    let keepsAlive: Bool
}

/// Collects a head line by line and checks what only the whole can tell (RFC 9112 §3.2, §6).
struct HeadBuilder {
    private var method: Method?
    private var target: RequestTarget?
    private var version = RequestHead.Version.http11
    private var fields = Fields()
    private var hosts = 0
    private var length: Int64?
    private var isChunked = false
    private var expectsContinue = false
    private var saysClose = false
    private var saysKeepAlive = false

    var hasRequestLine: Bool { method != nil }
    var fieldCount: Int { fields.count }

    /// "GET /path HTTP/1.1", single spaces, nothing else.
    mutating func requestLine(_ line: UnsafeRawBufferPointer, limits: Limits) throws(Refusal) {
        guard let methodEnd = line.firstIndex(of: ASCII.space), methodEnd > 0,
            line.part(0..<methodEnd).allSatisfy(ASCII.isToken)
        else { throw .requestLine("The request line does not begin with a method.") }
        let afterMethod = line.part(methodEnd + 1..<line.count)
        guard let targetEnd = afterMethod.firstIndex(of: ASCII.space), targetEnd > 0 else {
            throw .requestLine("The request line is not made of a method, a target and a version.")
        }
        version = try HeadBuilder.version(afterMethod.part(targetEnd + 1..<afterMethod.count))
        guard targetEnd <= limits.targetBytes else { throw .targetTooLong(limits) }
        let method = Method(rawValue: line.part(0..<methodEnd).text)
        guard method.rawValue != "CONNECT" else {
            throw Refusal(.notImplemented, "method-not-implemented", "This server is not a proxy.")
        }
        target = try RequestTarget(afterMethod.part(0..<targetEnd), method: method)
        self.method = method
    }

    private static func version(_ text: UnsafeRawBufferPointer) throws(Refusal) -> RequestHead.Version {
        guard text.count == 8, text.part(0..<5).elementsEqual("HTTP/".utf8), ASCII.isDigit(text[5]),
            text[6] == UInt8(ascii: "."), ASCII.isDigit(text[7])
        else { throw .requestLine("The request line does not end with an HTTP version.") }
        switch (text[5], text[7]) {
        case (UInt8(ascii: "1"), UInt8(ascii: "1")): return .http11
        case (UInt8(ascii: "1"), UInt8(ascii: "0")): return .http10
        default:
            throw Refusal(.versionNotSupported, "version-not-supported", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
        }
    }

    mutating func field(_ line: UnsafeRawBufferPointer) throws(Refusal) {
        let (name, value) = try FieldLine.split(line)
        try note(name, value)
        fields.append(name.text, value.text)
    }

    /// Remembers what the fields say about the message itself.
    private mutating func note(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(Refusal) {
        switch name.count {
        case 4 where name.equalsIgnoringCase("host"):
            hosts += 1
            guard value.allSatisfy(Host.isHost) else {
                throw Refusal(.badRequest, "bad-host", "The Host field is not a host with an optional port.")
            }
        case 6 where name.equalsIgnoringCase("expect"):
            guard value.equalsIgnoringCase("100-continue") else {
                throw Refusal(.expectationFailed, "expectation-failed", "Only 100-continue can be expected.")
            }
            expectsContinue = true
        case 10 where name.equalsIgnoringCase("connection"):
            for option in value.split(separator: UInt8(ascii: ",")) {
                let option = UnsafeRawBufferPointer(rebasing: option).trimmed
                if option.equalsIgnoringCase("close") { saysClose = true }
                if option.equalsIgnoringCase("keep-alive") { saysKeepAlive = true }
            }
        case 14 where name.equalsIgnoringCase("content-length"):
            guard length == nil else {
                throw Refusal(.badRequest, "duplicate-content-length", "There is more than one Content-Length.")
            }
            length = try HeadBuilder.size(value)
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            guard !isChunked else {
                throw Refusal(.badRequest, "bad-transfer-encoding", "There is more than one Transfer-Encoding.")
            }
            try HeadBuilder.checkCoding(value)
            isChunked = true
        default: break
        }
    }

    /// Digits only: no sign, no list, no underscore, and it fits (RFC 9110 §8.6).
    private static func size(_ text: UnsafeRawBufferPointer) throws(Refusal) -> Int64 {
        guard !text.isEmpty, text.count <= 18, text.allSatisfy(ASCII.isDigit) else {
            throw Refusal(.badRequest, "bad-content-length", "Content-Length is not a plain decimal number.")
        }
        return text.reduce(0) { $0 * 10 + Int64($1 &- 0x30) }
    }

    private static func checkCoding(_ text: UnsafeRawBufferPointer) throws(Refusal) {
        if text.equalsIgnoringCase("chunked") { return }
        let codings = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .map { UnsafeRawBufferPointer(rebasing: $0).trimmed }
        let areNames = codings.allSatisfy { !$0.isEmpty && $0.allSatisfy(ASCII.isToken) }
        // A coding before one final "chunked" could be meant; anything else has no framing that can be trusted.
        if areNames, codings.dropLast().allSatisfy({ !$0.equalsIgnoringCase("chunked") }) {
            throw Refusal(.notImplemented, "transfer-encoding-not-implemented", "Only the coding \"chunked\" is known.")
        }
        throw Refusal(.badRequest, "bad-transfer-encoding", "Transfer-Encoding must be exactly \"chunked\".")
    }

    /// Checks the whole and gives it out.
    mutating func finish() throws(Refusal) -> RequestHead {
        guard let method, let target else { throw .requestLine("There is no request line.") }
        guard hosts == 1 || (hosts == 0 && version == .http10) else {
            throw Refusal(.badRequest, "bad-host", "A request must have exactly one Host field.")
        }
        if isChunked, length != nil {
            throw Refusal(.badRequest, "ambiguous-length", "Content-Length and Transfer-Encoding exclude each other.")
        }
        if isChunked, version == .http10 {
            throw Refusal(.badRequest, "bad-transfer-encoding", "HTTP/1.0 has no Transfer-Encoding.")
        }
        // RFC 9112 §3.2.2: the target's authority wins over Host.
        if let authority = target.authority { fields["Host"] = authority }
        let framing: RequestHead.Framing =
            if isChunked { .chunked } else if let length, length > 0 { .sized(length) } else { .none }
        return RequestHead(
            method: method, target: target, version: version, fields: fields, framing: framing,
            expectsContinue: expectsContinue && version == .http11 && framing != .none,
            keepsAlive: !saysClose && (version == .http11 || saysKeepAlive))
    }
}

/// "name: value" (RFC 9112 §5), for heads and trailers.
enum FieldLine {
    static func split(
        _ line: UnsafeRawBufferPointer
    ) throws(Refusal) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        if line.first == ASCII.space || line.first == ASCII.tab {
            throw .field("A field goes on in a second line.")
        }
        guard let colon = line.firstIndex(of: ASCII.colon), colon > 0 else {
            throw .field("A field has no name and colon.")
        }
        let name = line.part(0..<colon)
        guard name.allSatisfy(ASCII.isToken) else {
            throw .field("A field's name holds a character that is not allowed.")
        }
        let value = line.part(colon + 1..<line.count).trimmed
        guard value.allSatisfy(ASCII.isFieldValue) else { throw .field("A field's value holds a control character.") }
        return (name, value)
    }
}

extension Refusal {
    static func requestLine(_ detail: String) -> Refusal { Refusal(.badRequest, "bad-request-line", detail) }
    static func field(_ detail: String) -> Refusal { Refusal(.badRequest, "bad-field", detail) }
    static func targetTooLong(_ limits: Limits) -> Refusal {
        Refusal(.uriTooLong, "target-too-long", "The target is longer than \(limits.targetBytes) bytes.")
    }
}
