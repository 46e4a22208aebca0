import CLinux
import Glibc

/// A TCP socket without encryption.
final class PlainTransport: Transport {
    let descriptor: Int32

    /// Takes over a connected, non-blocking socket.
    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    func receive(into buffer: UnsafeMutableRawBufferPointer) -> TransportResult {
        while true {
            let result = octavo_receive(descriptor, buffer.baseAddress, buffer.count)
            if result == 0 { return .ended }
            if result != -Int(EINTR) { return PlainTransport.result(result) }
        }
    }

    func send(_ bytes: UnsafeRawBufferPointer, more: Bool) -> TransportResult {
        while true {
            let result = octavo_send(descriptor, bytes.baseAddress, bytes.count, more ? 1 : 0)
            if result != -Int(EINTR) { return PlainTransport.result(result) }
        }
    }

    func sendFile(_ file: Int32, offset: inout Int64, count: Int) -> TransportResult {
        while true {
            let result = octavo_sendfile(descriptor, file, &offset, count)
            if result == 0 { return .ended }
            if result != -Int(EINTR) { return PlainTransport.result(result) }
        }
    }

    private static func result(_ value: Int) -> TransportResult {
        if value >= 0 { return .moved(value) }
        let code = Int32(-value)
        return code == EAGAIN || code == EWOULDBLOCK ? .wouldBlock : .failed(code)
    }

    func setBlocking(_ timeout: Duration?) -> Bool {
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0 else { return false }
        if let timeout {
            let nanoseconds = timeout.nanoseconds
            var time = timeval(
                tv_sec: Int(nanoseconds / 1_000_000_000), tv_usec: Int(max(1000, nanoseconds % 1_000_000_000 / 1000)))
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        }
        return fcntl(descriptor, F_SETFL, timeout == nil ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0
    }

    func closeWriting() { shutdown(descriptor, Int32(SHUT_WR)) }
    func cut() { shutdown(descriptor, Int32(SHUT_RDWR)) }
    func close() { Glibc.close(descriptor) }
}
