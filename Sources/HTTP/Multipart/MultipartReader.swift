/// A streaming reader of multipart/form-data (RFC 7578, RFC 2046 §5.1). Feed it a body in any pieces; data goes straight
/// through, nothing but the head of the current part is held.
package struct MultipartReader: Sendable {
    package struct Part: Sendable, Equatable {
        package let name: String
        /// As the client wrote it: a name to compare, never a path to open.
        package let fileName: String?
        package let fields: Fields
    }

    package enum Event {
        case partBegan(Part)
        /// Valid during the call only.
        case data(UnsafeRawBufferPointer)
        case partEnded
    }

    package struct Limits: Sendable {
        /// All fields of one part.
        package var headBytes = 8 * 1024
        package var fieldCount = 16
        package var parts = 64
        /// Bytes before the first boundary.
        package var preambleBytes = 4 * 1024

        package init() {}
    }

    private enum State {
        case preamble
        /// Behind a boundary: "--" ends all, a line end begins a part.
        case afterBoundary
        case closingHyphen
        case lineFeed
        case head
        case data
        case epilogue
    }

    private let limits: Limits
    /// CR LF "--" and the boundary. CR stands only in front, so a match that fails can only start anew.
    private let delimiter: [UInt8]
    private var state = State.preamble
    /// The body may begin with a boundary: its line end counts as seen.
    private var matched = 2
    /// Of the matched bytes, those that came with earlier pieces.
    private var carried = 2
    private var head: [UInt8] = []
    private var lineStart = 0
    private var preambleBytes = 0
    private var parts = 0

    /// Throws `HTTPError.malformedMultipart` when the field is not multipart/form-data with a usable boundary.
    package init(contentType: String, limits: Limits = Limits()) throws {
        guard let type = FieldParameters(contentType), type.value == "multipart/form-data" else {
            throw HTTPError.malformedMultipart("The content type is not multipart/form-data.")
        }
        guard let boundary = type["boundary"], MultipartReader.isBoundary(boundary) else {
            throw HTTPError.malformedMultipart("The content type has no usable boundary.")
        }
        self.limits = limits
        delimiter = Array("\r\n--\(boundary)".utf8)
    }

    /// RFC 2046 §5.1.1.
    private static func isBoundary(_ text: String) -> Bool {
        (1...70).contains(text.utf8.count) && text.utf8.last != ASCII.space
            && text.utf8.allSatisfy { ASCII.isDigit($0) || ASCII.isLetter($0) || "'()+_,-./:=? ".utf8.contains($0) }
    }

    /// Takes the next piece of the body. Errors thrown by `emit` are thrown on.
    package mutating func push(_ bytes: UnsafeRawBufferPointer, _ emit: (Event) throws -> Void) throws {
        var position = 0
        while position < bytes.count {
            switch state {
            case .preamble, .data: position = try content(bytes, position, emit)
            case .head: position = try headBytes(bytes, position, emit)
            case .epilogue: return
            case .afterBoundary, .closingHyphen, .lineFeed:
                try boundaryByte(bytes[position])
                position += 1
            }
        }
    }

    /// Throws when the closing boundary has not come.
    package func finish() throws {
        guard case .epilogue = state else {
            throw HTTPError.malformedMultipart("The body ends before its closing boundary.")
        }
    }

    // MARK: Content

    /// Looks for the delimiter. What is certainly not part of one goes out in pieces as large as they came.
    private mutating func content(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ emit: (Event) throws -> Void
    ) throws -> Int {
        var position = start
        while position < bytes.count {
            if matched == 0 {
                guard let found = bytes.find(ASCII.cr, from: position) else {
                    position = bytes.count
                    break
                }
                position = found + 1
                matched = 1
            } else if bytes[position] == delimiter[matched] {
                position += 1
                matched += 1
                if matched == delimiter.count { return try boundary(bytes, start, position, emit) }
            } else {
                try releaseCarried(emit)
                matched = 0
            }
        }
        try give(bytes.part(start..<max(start, position - (matched - carried))), emit)
        carried = matched
        return position
    }

    private mutating func boundary(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int, _ emit: (Event) throws -> Void
    ) throws -> Int {
        try give(bytes.part(start..<max(start, end - (matched - carried))), emit)
        if case .data = state { try emit(.partEnded) }
        matched = 0
        carried = 0
        state = .afterBoundary
        return end
    }

    /// A match that began in an earlier piece failed: its bytes are data, and they are known.
    private mutating func releaseCarried(_ emit: (Event) throws -> Void) throws {
        let count = carried
        carried = 0
        guard count > 0 else { return }
        try delimiter.withUnsafeBytes { try give($0.part(0..<count), emit) }
    }

    private mutating func give(_ piece: UnsafeRawBufferPointer, _ emit: (Event) throws -> Void) throws {
        guard !piece.isEmpty else { return }
        if case .data = state { return try emit(.data(piece)) }
        preambleBytes += piece.count
        guard preambleBytes <= limits.preambleBytes else {
            throw HTTPError.malformedMultipart("The first boundary does not come.")
        }
    }

    // MARK: Boundaries and heads

    private mutating func boundaryByte(_ byte: UInt8) throws {
        switch (state, byte) {
        case (.afterBoundary, ASCII.hyphen): state = .closingHyphen
        case (.afterBoundary, ASCII.space), (.afterBoundary, ASCII.tab): break
        case (.afterBoundary, ASCII.cr): state = .lineFeed
        case (.closingHyphen, ASCII.hyphen): state = .epilogue
        case (.lineFeed, ASCII.lf):
            parts += 1
            guard parts <= limits.parts else {
                throw HTTPError.malformedMultipart("There are more than \(limits.parts) parts.")
            }
            head = []
            lineStart = 0
            state = .head
        default: throw HTTPError.malformedMultipart("A boundary is followed by something else than a line end.")
        }
    }

    private mutating func headBytes(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ emit: (Event) throws -> Void
    ) throws -> Int {
        let end = bytes.find(ASCII.lf, from: start).map { $0 + 1 } ?? bytes.count
        guard head.count + end - start <= limits.headBytes else {
            throw HTTPError.malformedMultipart("The head of a part is larger than \(limits.headBytes) bytes.")
        }
        head.append(contentsOf: bytes.part(start..<end))
        guard head.last == ASCII.lf else { return end }
        guard head.count >= 2, head[head.count - 2] == ASCII.cr else {
            throw HTTPError.malformedMultipart("A line of a part's head does not end with CR LF.")
        }
        if head.count - lineStart == 2 {
            try emit(.partBegan(try part()))
            head = []
            state = .data
        } else {
            lineStart = head.count
        }
        return end
    }

    private func part() throws -> Part {
        var fields = Fields()
        do {
            try head.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
                var start = 0
                while let end = bytes.find(ASCII.lf, from: start), end - start > 1 {
                    let (name, value) = try FieldLine.split(bytes.part(start..<end - 1))
                    fields.append(name.text, value.text)
                    start = end + 1
                }
            }
        } catch let refusal as Refusal {
            throw HTTPError.malformedMultipart(refusal.detail)
        }
        guard fields.count <= limits.fieldCount else {
            throw HTTPError.malformedMultipart("A part has more than \(limits.fieldCount) fields.")
        }
        guard fields.all("Content-Disposition").count == 1,
            let disposition = fields["Content-Disposition"].flatMap(FieldParameters.init),
            disposition.value == "form-data", let name = disposition["name"]
        else { throw HTTPError.malformedMultipart("A part has no Content-Disposition of form-data with a name.") }
        if let coding = fields["Content-Transfer-Encoding"]?.lowercased(), !["binary", "8bit", "7bit"].contains(coding)
        {
            throw HTTPError.malformedMultipart("A part has a Content-Transfer-Encoding other than binary.")
        }
        return Part(name: name, fileName: disposition["filename"], fields: fields)
    }
}
