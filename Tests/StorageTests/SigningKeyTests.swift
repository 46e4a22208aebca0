import Domain
import Foundation
import Testing

@testable import Storage

@Suite struct SigningKeyTests {
    private func permissions(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
    }

    @Test func aKeyIsMadeOnceForItsOwnerAlone() throws {
        let directory = try TemporaryDirectory()
        let first = try SigningKey(directory: directory.path)
        #expect(try permissions(directory("provenance.key")) == 0o600)
        let again = try SigningKey(directory: directory.path)
        #expect(again.publicPEM == first.publicPEM && again.identifier == first.identifier && !again.wasExposed)
        // Ed25519 has one signature for a message.
        #expect(try again.sign([1, 2, 3]) == first.sign([1, 2, 3]))
        #expect(try first.sign([]) != first.sign([0]))
        #expect(first.publicPEM.hasPrefix("-----BEGIN PUBLIC KEY-----"))
        let other = try TemporaryDirectory()
        #expect(try SigningKey(directory: other.path).identifier != first.identifier)
    }

    @Test func whatADyingServerLeftIsReplaced() throws {
        let directory = try TemporaryDirectory()
        try Data("half".utf8).write(to: URL(fileURLWithPath: directory("provenance.key.new")))
        _ = try SigningKey(directory: directory.path)
        #expect(!FileManager.default.fileExists(atPath: directory("provenance.key.new")))
    }

    @Test func withoutAFailedSyncThereIsNoKey() throws {
        let directory = try TemporaryDirectory()
        var calls = FileCalls()
        calls.sync = { _ in
            errno = EIO
            return -1
        }
        #expect(throws: StorageError.self) { try SigningKey(directory: directory.path, calls: calls) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }

    @Test func aKeyThatOthersCouldReadIsTakenFromThem() throws {
        let directory = try TemporaryDirectory()
        let first = try SigningKey(directory: directory.path)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: directory("provenance.key"))
        let again = try SigningKey(directory: directory.path)
        #expect(again.wasExposed && again.identifier == first.identifier)
        #expect(try permissions(directory("provenance.key")) == 0o600)
    }

    @Test(arguments: ["", "nothing", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
    func anythingElseIsRefused(_ content: String) throws {
        let directory = try TemporaryDirectory()
        let path = directory("provenance.key")
        try Data(content.utf8).write(to: URL(fileURLWithPath: path))
        #expect {
            try SigningKey(directory: directory.path)
        } throws: {
            if case StorageError.unusableKey(path, _) = $0 { true } else { false }
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == content, "never overwritten")
    }

    @Test func aFileIsHashedAsItsBytesAre() throws {
        let directory = try TemporaryDirectory()
        let bytes = [UInt8](repeating: 7, count: 3 << 20) + [1]
        try Data(bytes).write(to: URL(fileURLWithPath: directory("file")))
        #expect(try Digest(sha256OfFile: directory("file")) == Digest(sha256: bytes))
        #expect(throws: StorageError.self) { try Digest(sha256OfFile: directory("nothing")) }
    }
}
