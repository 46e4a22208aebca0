/// Bytes to request heads, strictly (RFC 9112): lines end with CR LF and nothing else, every line is checked when it is
/// whole, and what is held never exceeds the limits. The outcome does not depend on how the bytes are cut.
struct RequestParser {
    private let limits: Limits
    private var builder = HeadBuilder()
    /// The begun line of which the end has not come.
    private var line: [UInt8] = []
    private var finishedBytes = 0
    private var skippedBlankLine = false

    init(limits: Limits) { self.limits = limits }

    /// True between the first byte of a head and its last.
    var hasBegun: Bool { finishedBytes > 0 || !line.isEmpty }

    /// Takes bytes up to the end of a head. Every byte is consumed unless a head ends before.
    mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(Refusal) -> (consumed: Int, head: RequestHead?) {
        var position = 0
        while position < bytes.count {
            guard let end = bytes.find(ASCII.lf, from: position) else {
                try checkSize(line.count + bytes.count - position)
                line.append(contentsOf: bytes.part(position..<bytes.count))
                return (bytes.count, nil)
            }
            let isLast = try take(bytes.part(position..<end))
            position = end + 1
            if isLast {
                let head = try builder.finish()
                self = RequestParser(limits: limits)
                return (position, head)
            }
        }
        return (position, nil)
    }

    /// One line without its LF. True when it ends the head.
    private mutating func take(_ piece: UnsafeRawBufferPointer) throws(Refusal) -> Bool {
        try checkSize(line.count + piece.count)
        if line.isEmpty { return try parse(piece) }
        line.append(contentsOf: piece)
        let whole = line
        line = []
        do {
            return try whole.withUnsafeBytes { try parse($0) }
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw .field("A line could not be read.")
        }
    }

    private mutating func parse(_ piece: UnsafeRawBufferPointer) throws(Refusal) -> Bool {
        guard piece.last == ASCII.cr else {
            throw Refusal(.badRequest, "bare-line-feed", "A line of the head does not end with CR LF.")
        }
        finishedBytes += piece.count + 1
        let content = piece.part(0..<piece.count - 1)
        if content.isEmpty { return try blankLine() }
        if builder.hasRequestLine {
            guard builder.fieldCount < limits.fieldCount else {
                throw Refusal(
                    .headerFieldsTooLarge, "too-many-fields", "There are more than \(limits.fieldCount) fields.")
            }
            try builder.field(content)
        } else {
            try builder.requestLine(content, limits: limits)
        }
        return false
    }

    /// RFC 9112 §2.2 lets one empty line stand before a request.
    private mutating func blankLine() throws(Refusal) -> Bool {
        if builder.hasRequestLine { return true }
        guard !skippedBlankLine else { throw .requestLine("There are empty lines before the request line.") }
        skippedBlankLine = true
        finishedBytes = 0
        return false
    }

    private func checkSize(_ lineBytes: Int) throws(Refusal) {
        // The method, two spaces and the version have 64 bytes; what is longer is the target.
        if !builder.hasRequestLine, lineBytes > limits.targetBytes + 64 { throw .targetTooLong(limits) }
        guard finishedBytes + lineBytes <= limits.headBytes else {
            throw Refusal(.headerFieldsTooLarge, "head-too-large", "The head is larger than \(limits.headBytes) bytes.")
        }
    }
}
