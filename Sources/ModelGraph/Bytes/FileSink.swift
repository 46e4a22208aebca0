import Foundation

/// Writes a file under a temporary name and renames it when it is complete.
struct FileSink: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private var offset = 0

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    static func write(to path: String, _ body: (inout FileSink) throws -> Void) throws {
        let temporary = "\(path).\(UInt64.random(in: 0 ... .max)).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw ModelError.cannotWrite(path: path, reason: ByteStore.reason()) }
        var sink = FileSink(descriptor: descriptor, path: path)
        do {
            try body(&sink)
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        guard close(descriptor) == 0, rename(temporary, path) == 0 else {
            let reason = ByteStore.reason()
            unlink(temporary)
            throw ModelError.cannotWrite(path: path, reason: reason)
        }
    }

    mutating func write(_ piece: ProtobufWriter.Piece) throws {
        switch piece {
        case .owned(let bytes): try bytes.withUnsafeBytes { try writeAll($0) }
        case .slice(let slice): try slice.withBytes { try writeAll($0) }
        }
    }

    /// Zeros up to an offset that has not been passed.
    mutating func pad(to target: Int) throws {
        try [UInt8](repeating: 0, count: target - offset).withUnsafeBytes { try writeAll($0) }
    }

    private mutating func writeAll(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            // Linux writes at most about 2 GiB at once.
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            let count = Foundation.write(descriptor, part.baseAddress, part.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw ModelError.cannotWrite(path: path, reason: ByteStore.reason()) }
            rest = rest.dropFirst(count)
            offset += count
        }
    }
}
