import Dispatch
import Glibc

/// A blocking TCP client that says exactly the bytes it is told to. Use it inside `blocking`.
final class RawClient {
    struct Reply {
        var status: Int
        var head: String
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        func field(_ name: String) -> String? {
            for line in head.split(separator: "\r\n").dropFirst() {
                guard let colon = line.firstIndex(of: ":") else { continue }
                if line[..<colon].lowercased() == name.lowercased() {
                    return line[line.index(after: colon)...].drop { $0 == " " }.description
                }
            }
            return nil
        }
    }

    enum Failure: Error { case connect(Int32), ended, timedOut, malformed(String) }

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(port: Int, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        // Only keeps a failing test from hanging.
        var time = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        if var receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // `deinit` closes: it runs for an initializer that throws once everything is set, too.
        guard result == 0 else { throw Failure.connect(errno) }
    }

    deinit { close() }
    private var isClosed = false

    func close() {
        if !isClosed { Glibc.close(descriptor) }
        isClosed = true
    }

    /// Ends with a reset instead of a clean end.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func closeWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// False when the server no longer takes the bytes.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { (buffer: UnsafeRawBufferPointer) in
                Glibc.send(
                    descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent,
                    Int32(truncatingIfNeeded: MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    private func fill() throws {
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        let count = recv(descriptor, &piece, piece.count, 0)
        if count < 0, errno == EAGAIN { throw Failure.timedOut }
        guard count > 0 else { throw Failure.ended }
        buffer.append(contentsOf: piece[0..<count])
    }

    func receive(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try fill() }
        defer { buffer.removeFirst(count) }
        return Array(buffer[0..<count])
    }

    private func line() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                defer { buffer.removeFirst(end + 1) }
                return String(decoding: buffer[0..<max(0, end - 1)], as: UTF8.self)
            }
            try fill()
        }
    }

    /// True when the server closed and nothing was left to read.
    func isAtEnd() throws -> Bool {
        guard buffer.isEmpty else { return false }
        do { try fill() } catch Failure.ended { return true }
        return false
    }

    /// The next response. `hasBody` false after HEAD.
    func reply(hasBody: Bool = true) throws -> Reply {
        var head = try line()
        guard head.hasPrefix("HTTP/1.1 "), let status = Int(head.dropFirst(9).prefix(3)) else {
            throw Failure.malformed(head)
        }
        while true {
            let next = try line()
            if next.isEmpty { break }
            head += "\r\n" + next
        }
        var reply = Reply(status: status, head: head, body: [])
        guard hasBody, status >= 200, status != 204, status != 304 else { return reply }
        if let length = reply.field("Content-Length") {
            guard let length = Int(length) else { throw Failure.malformed(head) }
            reply.body = try receive(length)
        } else if reply.field("Transfer-Encoding") == "chunked" {
            reply.body = try chunks()
        } else {
            while true { do { try fill() } catch Failure.ended { break } }
            reply.body = buffer
            buffer = []
        }
        return reply
    }

    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let size = try line()
            guard let count = Int(size, radix: 16) else { throw Failure.malformed(size) }
            if count == 0 {
                _ = try line()
                return body
            }
            body += try receive(count)
            _ = try receive(2)
        }
    }
}

/// Runs blocking calls away from the pool on which the server's handlers need to run.
func blocking<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue(label: "test.blocking").async { continuation.resume(with: Result { try work() }) }
    }
}
