import Synchronization

/// What a worker printed, bounded: the beginning and the end are kept, the middle is counted.
package final class WorkerLog: Sendable {
    private struct State {
        var head: [UInt8] = []
        var tail: [UInt8] = []
        var dropped = 0
    }
    private let limit: Int
    private let state = Mutex(State())

    /// Keeps at most `limit` bytes at each end.
    package init(limit: Int = 256 << 10) {
        self.limit = limit
    }

    package func append(_ bytes: some Collection<UInt8>) {
        state.withLock { state in
            let room = max(0, limit - state.head.count)
            state.head.append(contentsOf: bytes.prefix(room))
            state.tail.append(contentsOf: bytes.dropFirst(room))
            // Trimmed at twice the limit, so that each byte is moved at most once.
            if state.tail.count > 2 * limit {
                let excess = state.tail.count - limit
                state.tail.removeFirst(excess)
                state.dropped += excess
            }
        }
    }

    package func append(line: String) {
        append(Array((line + "\n").utf8))
    }

    package var bytes: [UInt8] {
        state.withLock { state in
            guard state.dropped > 0 else { return state.head + state.tail }
            return state.head + Array("\n[... \(state.dropped) bytes left out ...]\n".utf8) + state.tail
        }
    }

    /// The last lines, for a failure's detail.
    func lastLines(_ count: Int) -> String {
        let lines = String(decoding: bytes.suffix(4096), as: UTF8.self).split(separator: "\n")
        return lines.suffix(count).joined(separator: "\n")
    }
}
