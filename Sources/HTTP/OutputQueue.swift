/// Bytes on their way to one client. Small pieces are joined so that a head and its content leave in one send; large ones
/// are sent from where they lie.
struct OutputQueue {
    enum Outcome: Equatable { case drained, blocked, failed }

    /// The end of the queue; heads are written straight into it.
    var tail: [UInt8] = []
    private var pieces: [[UInt8]] = []
    private var offset = 0
    private(set) var sent: Int64 = 0

    static let joinedBytes = 32 * 1024

    var isEmpty: Bool { tail.isEmpty && pieces.isEmpty }
    /// Time to send before more is added.
    var isLarge: Bool { !pieces.isEmpty || tail.count > OutputQueue.joinedBytes }

    mutating func append(_ bytes: [UInt8]) {
        if bytes.count <= OutputQueue.joinedBytes { return tail.append(contentsOf: bytes) }
        closeTail()
        pieces.append(bytes)
    }

    private mutating func closeTail() {
        guard !tail.isEmpty else { return }
        pieces.append(tail)
        tail = []
    }

    /// Sends as much as the client takes. `more`: something else follows at once (a file).
    mutating func flush(_ transport: any Transport, more: Bool = false) -> Outcome {
        if pieces.isEmpty {
            guard !tail.isEmpty else { return .drained }
            let outcome = OutputQueue.send(tail, &offset, transport, more, &sent)
            if outcome == .drained { emptyTail() }
            return outcome
        }
        closeTail()
        var done = 0
        var outcome = Outcome.drained
        while done < pieces.count, outcome == .drained {
            outcome = OutputQueue.send(pieces[done], &offset, transport, more || done + 1 < pieces.count, &sent)
            if outcome == .drained {
                offset = 0
                done += 1
            }
        }
        pieces.removeFirst(done)
        return outcome
    }

    /// Keeps the memory for the next head unless it has grown large.
    private mutating func emptyTail() {
        offset = 0
        if tail.capacity > OutputQueue.joinedBytes { tail = [] } else { tail.removeAll(keepingCapacity: true) }
    }

    private static func send(
        _ bytes: [UInt8], _ offset: inout Int, _ transport: any Transport, _ more: Bool, _ total: inout Int64
    ) -> Outcome {
        bytes.withUnsafeBytes { (buffer: UnsafeRawBufferPointer) in
            while offset < buffer.count {
                switch transport.send(buffer.part(offset..<buffer.count), more: more) {
                case .moved(let count):
                    offset += count
                    total += Int64(count)
                case .wouldBlock: return .blocked
                case .ended, .failed: return .failed
                }
            }
            return .drained
        }
    }
}
