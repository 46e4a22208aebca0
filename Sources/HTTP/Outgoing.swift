import Glibc

/// The part of a response that does not fit into memory.
enum Outgoing {
    case file(OutgoingFile)
    case stream(OutgoingStream)

    var waitsForRoom: Bool { if case .file(let file) = self { file.waitsForRoom } else { false } }

    func closeFile() { if case .file(let file) = self { close(file.descriptor) } }
}

/// An open file on its way to a client.
struct OutgoingFile: Sendable {
    let descriptor: Int32
    var offset: Int64
    var remaining: Int64
    /// The client must take something first.
    var waitsForRoom = false

    enum Opened: Sendable {
        case small([UInt8])
        case open(OutgoingFile)
        case failed
    }

    enum Outcome: Sendable { case done, blocked, more, failed }

    /// Files up to this size are read at once and leave together with their head.
    static let smallBytes: Int64 = 32 * 1024

    /// Blocks. Checks that the range lies within a plain file.
    static func open(_ path: String, _ offset: Int64, _ length: Int64) -> Opened {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return .failed }
        var facts = stat()
        let end = offset.addingReportingOverflow(length)
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, offset >= 0, length >= 0,
            !end.overflow,
            end.partialValue <= Int64(facts.st_size)
        else {
            close(descriptor)
            return .failed
        }
        guard length <= smallBytes else {
            return .open(OutgoingFile(descriptor: descriptor, offset: offset, remaining: length))
        }
        defer { close(descriptor) }
        return read(descriptor, offset, Int(length)).map(Opened.small) ?? .failed
    }

    private static func read(_ descriptor: Int32, _ offset: Int64, _ length: Int) -> [UInt8]? {
        var filled = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
            while filled < length {
                let count = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, length - filled, Int(offset) + filled)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                filled += count
            }
            initialized = filled
        }
        return filled == length ? bytes : nil
    }

    /// Blocks on the disk, never on the client.
    mutating func send(_ transport: any Transport) -> Outcome {
        var budget: Int64 = 8 << 20
        while remaining > 0, budget > 0 {
            switch transport.sendFile(descriptor, offset: &offset, count: Int(min(remaining, 1 << 20))) {
            case .moved(let count):
                remaining -= Int64(count)
                budget -= Int64(count)
            case .wouldBlock: return .blocked
            case .ended, .failed: return .failed
            }
        }
        return remaining == 0 ? .done : .more
    }
}

/// A response that a producer makes piece by piece.
struct OutgoingStream {
    let isChunked: Bool
    /// Nil when the length was not promised.
    var remaining: Int64?
    /// The producer waits here until the client has taken its last piece.
    var producer: CheckedContinuation<Void, any Error>?
}
