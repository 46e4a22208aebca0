import Domain
import Glibc

/// The system calls that a full or failing disk shows up in, so that tests can let them fail.
struct FileCalls: Sendable {
    var writev: @Sendable (Int32, UnsafePointer<iovec>, Int32) -> Int = { Glibc.writev($0, $1, $2) }
    var sync: @Sendable (Int32) -> Int32 = { Glibc.fsync($0) }
}

/// A file descriptor with an owner.
final class OpenFile: Sendable {
    let descriptor: Int32
    let path: String

    init(_ path: String, _ flags: Int32, mode: mode_t = 0) throws {
        self.path = path
        descriptor = open(path, flags | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw StorageError.system("open", path) }
    }

    deinit { close(descriptor) }

    func status() throws -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StorageError.system("stat", path) }
        return status
    }

    /// Fills the buffer from `offset`; false when the file ends before.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Bool {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StorageError.system("read", path) }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// `count` bytes from `offset`; nil when the file ends before.
    func read(_ count: Int, at offset: Int64) throws -> [UInt8]? {
        var whole = false
        let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            whole = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            filled = whole ? count : 0
        }
        return whole ? bytes : nil
    }

    /// Writes some pieces one behind the other.
    func write(_ pieces: [UnsafeRawBufferPointer], at offset: Int64) throws {
        let vectors = pieces.map {
            iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
        }
        let whole = pieces.reduce(0) { $0 + $1.count }
        guard vectors.count > 64 || pwritev(descriptor, vectors, Int32(vectors.count), off_t(offset)) != whole else {
            return
        }
        // Interrupted, or the disk is full: piece by piece, which says what is wrong.
        var place = offset
        for piece in pieces {
            try write(piece, at: place)
            place += Int64(piece.count)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StorageError.system("write", path) }
            done += count
        }
    }
}

extension StorageError {
    /// The error of the system call that just failed.
    static func system(_ operation: String, _ path: String) -> StorageError {
        let code = errno
        guard code == ENOSPC || code == EDQUOT else { return .io(operation: operation, path: path, errno: code) }
        return .outOfSpace(detail: "\(operation) \(path): \(String(cString: strerror(code)))")
    }
}

/// A file being written under a temporary name. Removed when it is dropped before `publish`.
final class TemporaryFile {
    /// Bytes after which the kernel is told to start writing, so that the final fsync finds little left to do.
    private static let stride: Int64 = 8 << 20

    private let file: OpenFile
    private let calls: FileCalls
    private var started: Int64 = 0
    /// Whether there is a file under the temporary name.
    private var hasName = true
    private(set) var position: Int64 = 0

    init(_ path: String, calls: FileCalls, mode: mode_t = 0o640) throws {
        file = try OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
        self.calls = calls
    }

    deinit { discard() }

    /// Removes the file unless it has been published.
    func discard() {
        if hasName { unlink(file.path) }
        hasName = false
    }

    func append(_ parts: [UnsafeRawBufferPointer]) throws {
        var rest = parts.filter { !$0.isEmpty }
        while !rest.isEmpty {
            let vectors = rest.prefix(64).map {
                iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
            }
            let count = calls.writev(file.descriptor, vectors, Int32(vectors.count))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StorageError.system("write", file.path) }
            position += Int64(count)
            Self.drop(count, from: &rest)
        }
        startWriteback()
    }

    func append(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { (buffer: UnsafeRawBufferPointer) in try append([buffer]) }
    }

    private static func drop(_ count: Int, from parts: inout [UnsafeRawBufferPointer]) {
        var left = count
        while left > 0, let first = parts.first {
            if first.count <= left {
                left -= first.count
                parts.removeFirst()
            } else {
                parts[0] = UnsafeRawBufferPointer(rebasing: first[left...])
                left = 0
            }
        }
    }

    /// POSIX_FADV_DONTNEED on dirty pages starts their writing and leaves them in memory (mm/fadvise.c); only pages that are
    /// on disk already would be dropped.
    private func startWriteback() {
        guard position - started >= Self.stride else { return }
        posix_fadvise(file.descriptor, off_t(started), off_t(position - started), POSIX_FADV_DONTNEED)
        started = position
    }

    func sync() throws {
        guard calls.sync(file.descriptor) == 0 else { throw StorageError.system("fsync", file.path) }
    }

    /// Moves the file to its name, in place of what is there.
    func publish(as path: String) throws {
        guard rename(file.path, path) == 0 else { throw StorageError.system("rename", path) }
        hasName = false
    }
}
