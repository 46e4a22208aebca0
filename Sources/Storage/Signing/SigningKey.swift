import COpenSSL
package import Domain
import Glibc

/// The Ed25519 key that statements of provenance are signed with. It is made at the first start of a data directory and
/// kept there in PKCS #8's PEM form, for its owner alone.
///
/// One process at a time has the directory, so nobody else makes a key meanwhile.
// OpenSSL lets threads share a key that nobody changes, and nobody does.
package final class SigningKey: @unchecked Sendable {
    package static let fileName = "provenance.key"

    private let key: OpaquePointer
    /// The public half, as `openssl pkey -pubin` reads it.
    package let publicPEM: String
    /// SHA-256 of the public half in DER: `openssl pkey -pubin -in key.pem -outform DER | openssl dgst -sha256`.
    package let identifier: Digest
    /// Whether others could read the file until now; they no longer can.
    package let wasExposed: Bool

    /// Opens the directory's key, or makes it durably. Throws `.unusableKey` when the file holds something else.
    package convenience init(directory: String) throws {
        try self.init(directory: directory, calls: FileCalls())
    }

    init(directory: String, calls: FileCalls) throws {
        let path = directory + "/" + Self.fileName
        if let stored = try Self.stored(path) {
            (key, wasExposed) = stored
        } else {
            key = try Self.generate()
            wasExposed = false
            try Self.store(key, at: path, in: directory, calls)
        }
        publicPEM = String(decoding: try Self.text { [key] in PEM_write_bio_PUBKEY($0, key) }, as: UTF8.self)
        identifier = try Digest(sha256: Self.text { [key] in i2d_PUBKEY_bio($0, key) })
    }

    deinit { EVP_PKEY_free(key) }

    /// The 64 bytes of an Ed25519 signature (RFC 8032) over the message itself.
    package func sign(_ message: [UInt8]) throws -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { throw Self.failure("EVP_MD_CTX_new") }
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: 64)
        var count = signature.count
        guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
            EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count == signature.count
        else { throw Self.failure("EVP_DigestSign") }
        return signature
    }

    // MARK: The file

    private static let largestFile: Int64 = 16 << 10

    private static func stored(_ path: String) throws -> (OpaquePointer, exposed: Bool)? {
        let file: OpenFile
        do {
            file = try OpenFile(path, O_RDONLY | O_NOFOLLOW)
        } catch StorageError.io(_, _, ENOENT) {
            return nil
        }
        let status = try file.status()
        let exposed = status.st_mode & 0o077 != 0
        if exposed, fchmod(file.descriptor, 0o600) != 0 { throw StorageError.system("chmod", path) }
        let size = Int64(status.st_size)
        guard (1...largestFile).contains(size), let bytes = try file.read(Int(size), at: 0), let key = parse(bytes)
        else {
            throw StorageError.unusableKey(
                path: path,
                detail:
                    "it holds no Ed25519 key in PEM form; bring it back from a backup, or remove it to have a new one "
                    + "made, with which statements signed before cannot be checked")
        }
        return (key, exposed)
    }

    private static func parse(_ pem: [UInt8]) -> OpaquePointer? {
        guard let source = BIO_new_mem_buf(pem, Int32(pem.count)) else { return nil }
        defer { BIO_free(source) }
        // A key behind a password must not make the server ask for it.
        guard let key = PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in 0 }, nil) else { return nil }
        guard EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 else {
            EVP_PKEY_free(key)
            return nil
        }
        return key
    }

    private static func generate() throws -> OpaquePointer {
        guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil) else { throw failure("EVP_PKEY_CTX_new_id") }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_keygen(context, &key) == 1, let key else {
            throw failure("EVP_PKEY_keygen")
        }
        return key
    }

    /// Complete and on disk under its name, or not there.
    private static func store(
        _ key: OpaquePointer, at path: String, in directory: String, _ calls: FileCalls
    ) throws {
        let pem = try text { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
        let temporary = path + ".new"
        // Left by a server that died on the way.
        unlink(temporary)
        let file = try TemporaryFile(temporary, calls: calls, mode: 0o600)
        try file.append(pem)
        try file.sync()
        try file.publish(as: path)
        let names = try OpenFile(directory, O_RDONLY | O_DIRECTORY)
        guard calls.sync(names.descriptor) == 0 else { throw StorageError.system("fsync", directory) }
    }

    // MARK: OpenSSL

    /// What `write` writes.
    private static func text(_ write: (OpaquePointer) -> Int32) throws -> [UInt8] {
        guard let memory = BIO_new(BIO_s_mem()) else { throw failure("BIO_new") }
        defer { BIO_free(memory) }
        guard write(memory) == 1 else { throw failure("writing a key") }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1024)
        while case let count = Int(BIO_read(memory, &part, Int32(part.count))), count > 0 { bytes += part[..<count] }
        return bytes
    }

    private static func failure(_ call: String) -> StorageError {
        .storeFailed(detail: "OpenSSL's \(call) failed; check its configuration (a provider without Ed25519?)")
    }
}
