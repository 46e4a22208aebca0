import Foundation

/// Immutable bytes with one owner: an array, or a file mapped into memory.
///
/// A file that shrinks under its mapping raises SIGBUS when the lost part is touched. So small files are read into memory
/// instead, and larger ones have to be files that nobody writes to any more, which staged files are.
final class ByteStore: @unchecked Sendable {
    // Nothing changes between init and deinit, so any thread may read.
    private enum Content {
        case array([UInt8])
        case mapping(UnsafeRawBufferPointer)
    }

    private let content: Content
    let count: Int

    init(_ bytes: [UInt8]) {
        content = .array(bytes)
        count = bytes.count
    }

    /// Takes over a descriptor's content: reads up to `mappingThreshold` bytes, maps what is larger. Does not close.
    init(descriptor: Int32, path: String, mappingThreshold: Int, limit: Int) throws {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw ModelError.unreadable(path: path, reason: Self.reason()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ModelError.unreadable(path: path, reason: "it is not a regular file")
        }
        guard let size = Int(exactly: status.st_size), size <= limit else {
            throw ModelError.tooLarge(what: "\(path) has \(status.st_size) bytes", limit: limit)
        }
        if size <= mappingThreshold {
            let bytes = try Self.read(descriptor, size: size, path: path)
            content = .array(bytes)
            count = bytes.count
            return
        }
        guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw ModelError.unreadable(path: path, reason: Self.reason())
        }
        content = .mapping(UnsafeRawBufferPointer(start: base, count: size))
        count = size
    }

    convenience init(path: String, mappingThreshold: Int, limit: Int) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw ModelError.unreadable(path: path, reason: Self.reason()) }
        defer { close(descriptor) }
        try self.init(descriptor: descriptor, path: path, mappingThreshold: mappingThreshold, limit: limit)
    }

    deinit {
        if case .mapping(let memory) = content {
            munmap(UnsafeMutableRawPointer(mutating: memory.baseAddress), memory.count)
        }
    }

    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        switch content {
        case .array(let bytes): try bytes.withUnsafeBytes(body)
        case .mapping(let memory): try body(memory)
        }
    }

    private static func read(_ descriptor: Int32, size: Int, path: String) throws -> [UInt8] {
        var failure: String?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            while filled < size {
                let got = Foundation.read(descriptor, buffer.baseAddress.map { $0 + filled }, size - filled)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = Self.reason() }
                if got <= 0 { break }
                filled += got
            }
        }
        if let failure { throw ModelError.unreadable(path: path, reason: failure) }
        return bytes
    }

    static func reason() -> String { String(cString: strerror(errno)) }
}

/// A run of bytes inside a store, which it keeps alive. Equal when the bytes are.
struct ByteSlice: Sendable {
    let store: ByteStore
    let offset: Int
    let count: Int

    static let empty = ByteSlice([])

    init(_ bytes: [UInt8]) {
        self.init(store: ByteStore(bytes), offset: 0, count: bytes.count)
    }

    /// The range has been checked against the store by whoever reads the file.
    init(store: ByteStore, offset: Int, count: Int) {
        precondition(offset >= 0 && count >= 0 && offset <= store.count - count)
        self.store = store
        self.offset = offset
        self.count = count
    }

    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try store.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count])) }
    }

    var array: [UInt8] { withBytes { [UInt8]($0) } }
}

extension ByteSlice: Equatable {
    static func == (a: ByteSlice, b: ByteSlice) -> Bool {
        guard a.count == b.count else { return false }
        guard a.count > 0 else { return true }
        return a.withBytes { left in
            b.withBytes { right in
                guard let l = left.baseAddress, let r = right.baseAddress else { return false }
                return memcmp(l, r, left.count) == 0
            }
        }
    }
}
