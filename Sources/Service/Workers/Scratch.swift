import Foundation

/// The place where workers read their inputs and leave their results: one fresh directory for each run, gone afterwards.
/// What a killed server left there is swept at its next start.
package struct Scratch: Sendable {
    package let root: String

    package init(root: String) throws {
        self.root = root
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    /// An empty directory that nobody else uses.
    func makeDirectory(_ label: String) throws -> ScratchDirectory {
        var template = Array((root + "/" + label + ".XXXXXX").utf8CString)
        guard let made = mkdtemp(&template) else { throw ServiceError.system("mkdtemp in \(root)", errno) }
        return ScratchDirectory(path: String(cString: made))
    }

    /// Removes everything; for the start of a server, when no worker of its own is running. Blocks for up to a second: a
    /// worker of a killed server may be writing until it learns of its end, and fill a directory that is being removed.
    package func sweep() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: root) {
            try Self.remove(root + "/" + name, attempts: 20)
        }
    }

    private static func remove(_ path: String, attempts: Int) throws {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            guard FileManager.default.fileExists(atPath: path) else { return }
            guard attempts > 1 else { throw error }
            usleep(50_000)
            try remove(path, attempts: attempts - 1)
        }
    }
}

struct ScratchDirectory: Sendable {
    let path: String

    func remove() {
        // A directory that cannot be removed now is swept at the next start.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Opens a file by plain name and passes its bytes on in pieces. The name comes from a worker, which is not trusted:
    /// anything but a regular file directly in this directory is refused.
    func read(_ name: String, _ consume: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.utf8.contains(0) else {
            throw ServiceError.badResult("'\(name)' is not a plain file name")
        }
        let file = open(path + "/" + name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw ServiceError.badResult("'\(name)': \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ServiceError.badResult("'\(name)' is not a regular file")
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = Foundation.read(file, buffer.baseAddress, buffer.count)
            if count == 0 { return }
            if count > 0 {
                try consume(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            } else if errno != EINTR {
                throw ServiceError.system("read", errno)
            }
        }
    }
}
