import Domain
import Glibc

/// A file of the scratch directory that lost its name when it was opened, so that it is gone whatever happens to this
/// process. Written at any place from any thread.
final class NamelessFile: Sendable {
    private let descriptor: Int32

    init(in directory: String) throws {
        let path = directory + "/samples-\(getpid())-\(UInt64.random(in: .min ... .max))"
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.failure(errno) }
        unlink(path)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw Self.failure(errno) }
            done += written
        }
    }

    /// The same file for reading.
    func reading() throws -> SampleFile {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw Self.failure(errno) }
        return try SampleFile(adopting: copy)
    }

    private static func failure(_ number: Int32) -> Failure {
        let full = number == ENOSPC || number == EDQUOT || number == EFBIG
        return Failure(
            full ? .outOfDisk : .internal, stage: .load,
            detail: "Unpacking the samples failed: \(reason(number))."
                + (full ? " Free some space, or post fewer samples; 100 to 1000 are plenty for calibration." : ""))
    }
}
