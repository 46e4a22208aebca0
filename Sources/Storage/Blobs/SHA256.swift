import COpenSSL
package import Domain
import Glibc

/// A running SHA-256 over OpenSSL's EVP interface, which picks the processor's own instructions.
final class SHA256 {
    private let context: OpaquePointer

    init() throws {
        guard let context = EVP_MD_CTX_new() else { throw Self.failure("EVP_MD_CTX_new") }
        self.context = context
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else { throw Self.failure("EVP_DigestInit_ex") }
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.isEmpty || EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else {
            throw Self.failure("EVP_DigestUpdate")
        }
    }

    func update(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { (buffer: UnsafeRawBufferPointer) in try update(buffer) }
    }

    /// To be called once, at the end.
    func finish() throws -> Digest {
        var bytes = [UInt8](repeating: 0, count: 32)
        guard EVP_DigestFinal_ex(context, &bytes, nil) == 1 else { throw Self.failure("EVP_DigestFinal_ex") }
        return Digest(bytes: bytes)
    }

    private static func failure(_ call: String) -> StorageError {
        .storeFailed(detail: "OpenSSL's \(call) failed; check its configuration (a provider without SHA-256?)")
    }
}

extension Digest {
    /// SHA-256 of bytes in memory.
    package init(sha256 bytes: [UInt8]) throws {
        let hash = try SHA256()
        try hash.update(bytes)
        self = try hash.finish()
    }

    /// SHA-256 of a file. Blocks.
    package init(sha256OfFile path: String) throws {
        let file = try OpenFile(path, O_RDONLY)
        let hash = try SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = read(file.descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StorageError.system("read", path) }
            guard count > 0 else { break }
            try hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        self = try hash.finish()
    }
}
