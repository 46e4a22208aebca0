import Glibc

/// A file that receives a blob's identity bytes while they are stored. It is the caller's, who removes it; without the
/// writer's `finish` it is not complete.
package struct BlobCopy: Sendable {
    package var path: String
    /// Chooses what is really written; nil writes all.
    package var sieve: (any ByteSieve)?

    package init(path: String, sieve: (any ByteSieve)? = nil) {
        self.path = path
        self.sieve = sieve
    }
}

/// Tells which bytes of a stream somebody will look at. The others become holes, which read as zeros, so that a copy of a
/// large file costs next to nothing.
package protocol ByteSieve: Sendable {
    /// The ranges, ascending, of the next `bytes` of the stream that are to be kept.
    mutating func sift(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>]
}

/// A copy being written.
final class CopyFile {
    private let file: OpenFile
    private var sieve: (any ByteSieve)?
    private var size: Int64 = 0

    /// Makes the file, which must not be there.
    init(_ copy: BlobCopy) throws {
        file = try OpenFile(copy.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o640)
        sieve = copy.sieve
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        for range in sieve?.sift(bytes) ?? [0..<bytes.count] {
            try file.write(UnsafeRawBufferPointer(rebasing: bytes[range]), at: size + Int64(range.lowerBound))
        }
        size += Int64(bytes.count)
    }

    /// Gives the file its size, which a hole at its end did not.
    func finish() throws {
        guard sieve != nil else { return }
        guard ftruncate(file.descriptor, off_t(size)) == 0 else { throw StorageError.system("ftruncate", file.path) }
    }
}
