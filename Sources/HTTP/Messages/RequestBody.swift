/// A request's body, read at most once and only as far as the handler asks.
///
/// A client that sent `Expect: 100-continue` gets its 100 when the first read starts. A handler that answers without
/// reading refuses the body: the final status goes out at once and the connection closes after it.
package final class RequestBody: Sendable {
    /// Nil when the body is chunked.
    package let length: Int64?
    private let source: any BodySource

    package static let empty = RequestBody(bytes: [])

    package init(bytes: [UInt8]) {
        length = Int64(bytes.count)
        source = HeldBody(bytes: bytes)
    }

    init(length: Int64?, source: any BodySource) {
        self.length = length
        self.source = source
    }

    /// The whole body. Throws `HTTPError.bodyTooLarge` as soon as more than `limit` bytes are known to come.
    package func collect(limit: Int) async throws -> [UInt8] {
        if let length, length > Int64(limit) { throw HTTPError.bodyTooLarge(limit: Int64(limit)) }
        return try await source.collect(limit: limit)
    }

    /// Hands the body over piece by piece on a blocking queue of the server, never on a lane and never in the async pool.
    /// Returns the bytes delivered. An error thrown by `consume` stops the reading and is thrown on.
    package func forEachChunk(_ consume: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void) async throws
        -> Int64
    {
        try await receive(into: ChunkSink(consume: consume))
    }

    /// As `forEachChunk`, but a body of known length is received into the sink's own memory, and copied once less.
    package func receive(into sink: any BodySink) async throws -> Int64 { try await source.receive(into: sink) }
}

/// Where a body goes. Calls do not overlap; an error thrown by any of them stops the reading.
package protocol BodySink: Sendable {
    /// Memory that the next bytes may be received into, at least one byte of it; good until the next call. Nil when the sink
    /// has none: it is then given all bytes by `take`.
    func room() throws -> UnsafeMutableRawBufferPointer?
    /// The first `count` bytes of that memory are the next of the body.
    func filled(_ count: Int) throws
    /// The next bytes of the body, which lie elsewhere.
    func take(_ bytes: UnsafeRawBufferPointer) throws
}

/// Gives a body away piece by piece.
private struct ChunkSink: BodySink {
    let consume: @Sendable (UnsafeRawBufferPointer) throws -> Void

    func room() -> UnsafeMutableRawBufferPointer? { nil }

    func filled(_ count: Int) {}

    func take(_ bytes: UnsafeRawBufferPointer) throws { try consume(bytes) }
}

/// Where a body's bytes come from: memory, or a connection.
protocol BodySource: Sendable {
    func collect(limit: Int) async throws -> [UInt8]
    func receive(into sink: any BodySink) async throws -> Int64
}

struct HeldBody: BodySource {
    let bytes: [UInt8]

    func collect(limit: Int) async throws -> [UInt8] { bytes }

    func receive(into sink: any BodySink) async throws -> Int64 {
        if !bytes.isEmpty { try bytes.withUnsafeBytes { try sink.take($0) } }
        return Int64(bytes.count)
    }
}
