/// How bytes get to and from a peer: plain sockets now, TLS beside them later. Calls never wait unless `setBlocking`.
/// Used by one lane or one worker at a time.
package protocol Transport: AnyObject, Sendable {
    /// What the epoll set watches.
    var descriptor: Int32 { get }
    func receive(into buffer: UnsafeMutableRawBufferPointer) -> TransportResult
    /// `more` promises that another send follows at once.
    func send(_ bytes: UnsafeRawBufferPointer, more: Bool) -> TransportResult
    /// Sends up to `count` bytes of an open file and advances `offset`.
    func sendFile(_ file: Int32, offset: inout Int64, count: Int) -> TransportResult
    /// While blocking, `receive` waits up to the time-out and then answers `.wouldBlock`; nil goes back.
    func setBlocking(_ timeout: Duration?) -> Bool
    /// Nothing more will be sent; the peer sees the end.
    func closeWriting()
    /// Wakes whoever waits in a call; every later call fails.
    func cut()
    func close()
}

package enum TransportResult: Sendable, Equatable {
    case moved(Int)
    case wouldBlock
    /// The peer's clean end of stream.
    case ended
    case failed(Int32)
}
