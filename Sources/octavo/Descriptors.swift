import Foundation

/// The descriptors of this process, so that connections leave enough of them for files, the catalogue and workers.
enum Descriptors {
    /// For the catalogue, lanes, listeners and one worker; beside it a quarter of the limit, up to 512, for blobs.
    private static let base = 68

    /// Connections that a process with this limit may have. The server answers 503 to an eighth and 16 more.
    static func connections(limit: Int) -> Int { max(8, (limit - base - min(limit / 4, 512)) / 9 * 8) }

    /// Raises the soft limit, if the hard one allows it, to what `connections` need, and gives those that there is room for.
    static func makeRoom(for connections: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return connections }
        let wanted = rlim_t(clamping: base + 512 + connections / 8 * 9 + 32)
        if limit.rlim_cur < wanted {
            var raised = limit
            raised.rlim_cur = min(wanted, limit.rlim_max)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return min(connections, Self.connections(limit: Int(clamping: limit.rlim_cur)))
    }
}
