import Domain
import Foundation
import Storage
import Synchronization

/// A job's changes as server-sent events: each event carries the whole job, so a client that reconnects has missed nothing.
/// Ends after the event with a terminal state.
final class JobEvents: Sendable {
    private struct State {
        var first: JobPayload?
        var seen: UInt64
        var tag = ""
        var number = 0
        var ended = false
    }
    private let api: API
    private let id: String
    private let bell: Bell
    private let state: Mutex<State>
    /// A comment after so much silence keeps proxies from closing the connection.
    private static let silence = 15.0

    init(api: API, first: JobPayload) {
        self.api = api
        id = first.id
        bell = api.queue.news.watch(first.id)
        state = Mutex(State(first: first, seen: bell.count))
    }

    deinit { api.queue.news.unwatch(id) }

    /// The next event's bytes; nil when there will be none.
    func next() async throws -> [UInt8]? {
        if let first = state.withLock({ state in state.first.take() }) { return try event(first) }
        if state.withLock({ $0.ended }) { return nil }
        let end = Clock.monotonic + Self.silence
        while Clock.monotonic < end {
            let seen = state.withLock { $0.seen }
            await bell.wait(after: seen, seconds: end - Clock.monotonic)
            // The server is going to stop: the client reconnects.
            if bell.isClosed { return nil }
            state.withLock { $0.seen = bell.count }
            guard let row = try await api.catalogue.job(id) else { return nil }
            let body = try await api.payload(row)
            if try body.tag != state.withLock({ $0.tag }) { return try event(body) }
        }
        return Array(": still here\n\n".utf8)
    }

    private func event(_ body: JobPayload) throws -> [UInt8] {
        let tag = try body.tag
        let number = state.withLock { state in
            state.number += 1
            state.tag = tag
            state.ended = body.state.isTerminal
            return state.number
        }
        let head = "id: \(number)\nevent: \(body.state.isTerminal ? "end" : "job")\ndata: "
        return try Array(head.utf8) + JSON.encode(body) + Array("\n\n".utf8)
    }
}
