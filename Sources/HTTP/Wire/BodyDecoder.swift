/// Follows one request body to its end, whatever its framing, and stops what is too long.
struct BodyDecoder {
    private enum Rest {
        case sized(Int64)
        case chunked(ChunkedDecoder)
    }

    private var rest: Rest
    private let limit: Int64
    /// Body bytes handed on so far.
    private(set) var delivered: Int64 = 0

    init(_ framing: RequestHead.Framing, limit: Int64) {
        self.limit = limit
        switch framing {
        case .none: rest = .sized(0)
        case .sized(let length): rest = .sized(length)
        case .chunked: rest = .chunked(ChunkedDecoder())
        }
    }

    var isComplete: Bool {
        switch rest {
        case .sized(let remaining): remaining == 0
        case .chunked(let decoder): decoder.isComplete
        }
    }

    /// Bytes still to come; nil when only the chunks will tell.
    var remaining: Int64? {
        if case .sized(let remaining) = rest { remaining } else { nil }
    }

    /// Counts bytes of a body of known length that were received where they are wanted: no more than remain.
    mutating func pass(_ count: Int) {
        guard case .sized(let remaining) = rest else { return }
        rest = .sized(max(0, remaining - Int64(count)))
        delivered += Int64(count)
    }

    /// Uses bytes up to the end of the body and returns how many.
    mutating func decode(
        _ bytes: UnsafeRawBufferPointer, _ consume: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Int {
        switch rest {
        case .sized(let remaining):
            let count = Int(min(remaining, Int64(bytes.count)))
            pass(count)
            if count > 0 { try consume(bytes.part(0..<count)) }
            return count
        case .chunked(var decoder):
            defer { rest = .chunked(decoder) }
            return try decoder.decode(bytes) { piece in
                delivered += Int64(piece.count)
                guard delivered <= limit else { throw HTTPError.bodyTooLarge(limit: limit) }
                try consume(piece)
            }
        }
    }
}

/// How fast a body comes: only the time spent waiting for the client counts, not what is done with the bytes.
struct BodyPace {
    private var waited: UInt64 = 0
    private var received: Int64 = 0
    private let grace: UInt64
    private let rate: Int64

    init(_ limits: Limits) {
        grace = limits.bodyTimeout.nanoseconds
        rate = limits.bodyMinimumRate
    }

    /// False when the client is slower than the minimum rate.
    mutating func took(_ nanoseconds: UInt64, for bytes: Int) -> Bool {
        waited += nanoseconds
        received += Int64(bytes)
        guard waited > grace else { return true }
        return Double(received) >= Double(rate) * Double(waited) / 1e9
    }
}

extension Duration {
    /// Never negative, never overflowing.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < 1 << 32 else { return 1 << 62 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000
    }
}
