import Foundation

/// Holds a data directory for one server. The lock goes with the process, however it ends; workers do not inherit it.
final class DirectoryLock: Sendable {
    private let file: Int32

    init(_ directory: String) throws {
        file = open(directory + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw ServiceError.system("open \(directory)/lock", errno) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            close(file)
            throw ServiceError.dataDirectoryInUse(directory)
        }
    }

    /// Gives the directory free at once. Closing alone would not, while somebody else still holds the lock's descriptor, as a
    /// child does between fork and exec.
    func release() { flock(file, LOCK_UN) }

    deinit { close(file) }
}
