import Domain
import Glibc

/// An open file that is only ever read at given offsets, so that any number of threads share it.
package final class SampleFile: Sendable {
    package let size: Int
    private let descriptor: Int32

    /// Opens a regular file. Throws `Failure`.
    package init(path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure(.internal, stage: .load, detail: "Cannot open the sample archive: \(reason(errno)).")
        }
        self.descriptor = descriptor
        size = try Self.size(of: descriptor)
    }

    /// Takes over an open descriptor.
    init(adopting descriptor: Int32) throws {
        self.descriptor = descriptor
        size = try Self.size(of: descriptor)
    }

    deinit { close(descriptor) }

    /// Fills the whole buffer from `offset`. Throws when the file ends earlier.
    package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let got = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else {
                throw Failure(.internal, stage: .load, detail: "Reading the sample archive failed: \(reason(errno)).")
            }
            guard got > 0 else {
                throw Failure.samples(
                    "The sample archive ends at byte \(offset + done); it was cut off. Post it again.")
            }
            done += got
        }
    }

    /// Up to `count` bytes from `offset`; fewer only at the end of the file.
    func bytes(at offset: Int, count: Int) throws -> [UInt8] {
        let available = max(0, min(count, size - max(0, offset)))
        guard offset >= 0, available > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: available)
        try bytes.withUnsafeMutableBytes { try read(at: offset, into: $0) }
        return bytes
    }

    private static func size(of descriptor: Int32) throws -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw Failure(.internal, stage: .load, detail: "The sample archive is not a regular file.")
        }
        return Int(status.st_size)
    }
}

/// The C library's words for an error number.
func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
