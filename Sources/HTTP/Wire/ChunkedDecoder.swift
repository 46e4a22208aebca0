/// The chunked coding (RFC 9112 §7.1), strictly: sizes of 1 to 16 hexadecimal digits, CR LF everywhere, bounded extensions
/// and trailers. Extensions and trailers are checked and dropped.
struct ChunkedDecoder {
    private enum State {
        case size(digits: Int)
        case chunkExtension
        case sizeLineFeed
        case data
        case dataCarriageReturn
        case dataLineFeed
        case trailer
        case done
    }

    static let extensionBytes = 4 * 1024
    static let trailerBytes = 8 * 1024
    static let trailerFields = 32

    private var state = State.size(digits: 0)
    private var remaining: UInt64 = 0
    private var seenExtensionBytes = 0
    private var seenTrailerBytes = 0
    private var seenTrailers = 0
    private var line: [UInt8] = []

    var isComplete: Bool { if case .done = state { true } else { false } }

    /// Decodes up to the end of the body; returns the bytes used. Data goes to `body` in the pieces in which it lies there.
    mutating func decode(
        _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        var position = 0
        while position < bytes.count, !isComplete {
            switch state {
            case .data:
                let available = UInt64(bytes.count - position)
                let count = Int(min(remaining, available))
                remaining -= UInt64(count)
                if remaining == 0 { state = .dataCarriageReturn }
                let piece = bytes.part(position..<position + count)
                position += count
                try body(piece)
            case .trailer:
                position = try trailer(bytes, position)
            default:
                try step(bytes[position])
                position += 1
            }
        }
        return position
    }

    /// One byte of framing.
    private mutating func step(_ byte: UInt8) throws(HTTPError) {
        switch state {
        case .size(let digits): try sizeByte(byte, digits)
        case .chunkExtension:
            seenExtensionBytes += 1
            guard seenExtensionBytes <= ChunkedDecoder.extensionBytes else {
                throw .malformedBody("The chunk extensions are too long.")
            }
            if byte == ASCII.cr { return state = .sizeLineFeed }
            guard ASCII.isFieldValue(byte) else {
                throw .malformedBody("A chunk extension holds a control character.")
            }
        case .sizeLineFeed:
            guard byte == ASCII.lf else { throw .malformedBody("A chunk size does not end with CR LF.") }
            state = remaining == 0 ? .trailer : .data
        case .dataCarriageReturn:
            guard byte == ASCII.cr else { throw .malformedBody("A chunk is longer than its size.") }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == ASCII.lf else { throw .malformedBody("A chunk does not end with CR LF.") }
            state = .size(digits: 0)
        case .data, .trailer, .done: break
        }
    }

    private mutating func sizeByte(_ byte: UInt8, _ digits: Int) throws(HTTPError) {
        if let value = ASCII.hexValue(byte) {
            guard digits < 16, remaining >> 59 == 0 else { throw .malformedBody("A chunk size is too large.") }
            remaining = remaining << 4 | UInt64(value)
            return state = .size(digits: digits + 1)
        }
        guard digits > 0 else { throw .malformedBody("A chunk size is not a hexadecimal number.") }
        switch byte {
        case ASCII.cr: state = .sizeLineFeed
        case ASCII.semicolon: state = .chunkExtension
        default: throw .malformedBody("A chunk size is not a plain hexadecimal number.")
        }
    }

    private mutating func trailer(_ bytes: UnsafeRawBufferPointer, _ start: Int) throws -> Int {
        let end = bytes.find(ASCII.lf, from: start)
        let piece = bytes.part(start..<(end ?? bytes.count))
        seenTrailerBytes += piece.count + (end == nil ? 0 : 1)
        guard seenTrailerBytes <= ChunkedDecoder.trailerBytes else {
            throw HTTPError.malformedBody("The trailer is too long.")
        }
        line.append(contentsOf: piece)
        guard let end else { return bytes.count }
        guard line.last == ASCII.cr else { throw HTTPError.malformedBody("A trailer line does not end with CR LF.") }
        if line.count == 1 { state = .done } else { try checkTrailer() }
        line = []
        return end + 1
    }

    /// RFC 9110 §6.5.1: what frames or routes a message may not come after it.
    private mutating func checkTrailer() throws {
        seenTrailers += 1
        guard seenTrailers <= ChunkedDecoder.trailerFields else {
            throw HTTPError.malformedBody("The trailer has too many fields.")
        }
        try line.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            do {
                let (name, _) = try FieldLine.split(bytes.part(0..<bytes.count - 1))
                let forbidden: [StaticString] = [
                    "content-length", "transfer-encoding", "host", "trailer", "connection",
                ]
                guard !forbidden.contains(where: name.equalsIgnoringCase) else {
                    throw HTTPError.malformedBody("A field of the trailer may stand only in the head.")
                }
            } catch let refusal as Refusal {
                throw HTTPError.malformedBody(refusal.detail)
            }
        }
    }
}
