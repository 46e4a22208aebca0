import Domain
import Foundation
import Glibc
import Synchronization
import Testing

@testable import Storage

@Suite struct BlobDamageTests {
    let directory: TemporaryDirectory
    let store: LocalBlobStore

    init() throws {
        directory = try TemporaryDirectory()
        store = try LocalBlobStore(directory: directory("blobs"))
    }

    /// Expects `.corruptBlob` from every way of reading.
    private func expectDamage(_ digest: Digest, _ comment: Comment, location: SourceLocation = #_sourceLocation) {
        let ways: [(any BlobReader) throws -> Void] = [
            { _ = try $0.all() }, { _ = try $0.deflated().all() }, { _ = try $0.gzip().all() },
            { try $0.copy(to: directory("copy"), verifying: .whole) },
            { try $0.copy(to: directory("copy"), verifying: .blocks) },
        ]
        for way in ways {
            do {
                try way(try store.reader(digest))
                Issue.record("damage was not noticed: \(comment)", sourceLocation: location)
            } catch StorageError.corruptBlob(digest, _) {
            } catch {
                Issue.record("\(error): \(comment)", sourceLocation: location)
            }
        }
        #expect(!FileManager.default.fileExists(atPath: directory("copy")), comment, sourceLocation: location)
    }

    @Test(arguments: [SampleBytes.mixed, .quantized, .text, .weights])
    func anyFlippedBitIsNoticed(_ kind: SampleBytes) throws {
        let blob = try store.put(kind.make(1 << 20 + 200_000), kind == .text ? .text : .weights)
        let path = directory("blobs/\(blob.digest.hex)")
        let sound = try contents(of: path)
        let edges = [0, 1, 2, 3, 7, sound.count - 6, sound.count - 5, sound.count - 1]
        let spread = (0..<12).map { _ in Int.random(in: 0..<sound.count) }
        for position in edges + spread {
            var bytes = sound
            bytes[position] ^= 1 << UInt8.random(in: 0..<8)
            try overwrite(path, with: bytes)
            expectDamage(blob.digest, "byte \(position)")
        }
        try overwrite(path, with: sound)
        #expect(try store.reader(blob.digest).all().count == Int(blob.size))
    }

    @Test func aFileCutOffAnywhereIsNoticed() throws {
        let blob = try store.put(SampleBytes.mixed.make(2 << 20 + 5))
        let path = directory("blobs/\(blob.digest.hex)")
        let sound = try contents(of: path)
        for length in [0, 1, 2, 6, 7, sound.count / 3, 1 << 20, sound.count - 6, sound.count - 1] {
            try overwrite(path, with: Array(sound[..<length]))
            expectDamage(blob.digest, "\(length) bytes")
        }
        try overwrite(path, with: sound + [0])
        expectDamage(blob.digest, "a byte more")
    }

    @Test func aFileCutOffUnderAnOpenReaderIsNoticed() throws {
        let blob = try store.put(SampleBytes.mixed.make(3 << 20))
        let reader = try store.reader(blob.digest)
        let bytes = reader.bytes(0..<reader.size)
        #expect(try bytes.next() != nil)
        truncate(directory("blobs/\(blob.digest.hex)"), 10)
        #expect(throws: StorageError.self) { try bytes.all() }
    }

    @Test func aDamagedIndexIsNoticed() throws {
        let blob = try store.put(SampleBytes.mixed.make(2 << 20 + 5))
        let path = directory("blobs/\(blob.digest.hex).index")
        let sound = try contents(of: path)
        for position in sound.indices {
            var bytes = sound
            bytes[position] ^= 1 << UInt8.random(in: 0..<8)
            try overwrite(path, with: bytes)
            #expect(throws: StorageError.self, "byte \(position)") { try store.reader(blob.digest) }
        }
        for length in 0..<sound.count {
            try overwrite(path, with: Array(sound[..<length]))
            #expect(throws: StorageError.self, "\(length) bytes") { try store.reader(blob.digest) }
        }
    }

    /// An index with a right checksum and wrong contents: what a bug or an attacker would write.
    @Test func anIndexThatLiesIsRefusedOrNoticed() throws {
        let bytes = SampleBytes.mixed.make(2 << 20 + 5)
        let blob = try store.put(bytes)
        let path = directory("blobs/\(blob.digest.hex).index")
        let sound = Array(try contents(of: path).dropLast(32))
        for _ in 0..<300 {
            var body = sound
            for _ in 0..<Int.random(in: 1...4) {
                body[Int.random(in: 12..<body.count)] = [0, 0xff, 0x80, .random(in: 0...255)].randomElement() ?? 0
            }
            try overwrite(path, with: body + (try Digest(sha256: body)).bytes)
            do {
                let reader = try store.reader(blob.digest)
                #expect(try reader.all() == bytes)
            } catch StorageError.corruptBlob {}
        }
    }

    @Test func aMissingIndexIsDamage() throws {
        let blob = try store.put([1, 2, 3])
        unlink(directory("blobs/\(blob.digest.hex).index"))
        expectDamage(blob.digest, "no index")
    }
}

@Suite struct FullDiskTests {
    /// Writes fail with `code` after some bytes.
    private func calls(failingAfter limit: Int, code: Int32) -> FileCalls {
        let written = Counter()
        var calls = FileCalls()
        calls.writev = { descriptor, vectors, count in
            guard written.value < limit else {
                errno = code
                return -1
            }
            // Short writes, as before a full disk.
            let part = Glibc.writev(descriptor, vectors, min(count, 3))
            written.add(part)
            return part
        }
        return calls
    }

    @Test(arguments: [0, 1, 100_000, 3 << 20], [ENOSPC, EDQUOT])
    func aFullDiskIsAnErrorThatLeavesNothing(_ limit: Int, _ code: Int32) throws {
        let directory = try TemporaryDirectory()
        let store = try LocalBlobStore(
            directory: directory("blobs"), calls: calls(failingAfter: limit, code: code))
        let error = #expect(throws: StorageError.self) { try store.put(SampleBytes.weights.make(4 << 20)) }
        guard case .outOfSpace = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try names(in: directory("blobs")) == ["tmp"])
        #expect(try names(in: directory("blobs/tmp")).isEmpty)
        #expect(throws: Never.self, "space may come back") { _ = try store.freeBytes() }
    }

    @Test func anotherWriteErrorNamesTheFile() throws {
        let directory = try TemporaryDirectory()
        let store = try LocalBlobStore(directory: directory("blobs"), calls: calls(failingAfter: 5000, code: EIO))
        let error = #expect(throws: StorageError.self) { try store.put(SampleBytes.weights.make(1 << 20)) }
        guard case .io("write", _, EIO) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(arguments: 1...3)
    func afterAFailedSyncNothingIsWrittenAnyMore(_ failing: Int) throws {
        let directory = try TemporaryDirectory()
        let syncs = Counter()
        var calls = FileCalls()
        calls.sync = { descriptor in
            syncs.add(1)
            guard syncs.value == 3 + failing else { return Glibc.fsync(descriptor) }
            errno = EIO
            return -1
        }
        let store = try LocalBlobStore(directory: directory("blobs"), calls: calls)
        let sound = try store.put([1, 2, 3])
        func expectRefusal(_ body: () throws -> Void) {
            let error = #expect(throws: StorageError.self) { try body() }
            guard case .storeFailed = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        expectRefusal { _ = try store.put([4, 5, 6]) }
        let before = syncs.value
        expectRefusal { _ = try store.put([4, 5, 6]) }
        expectRefusal { _ = try store.makeWriter(.text) }
        expectRefusal { _ = try store.delete(sound.digest) }
        #expect(syncs.value == before, "an fsync is never tried again")
        #expect(try store.reader(sound.digest).all() == [1, 2, 3], "reading goes on")
    }
}

final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add(_ amount: Int) { count.withLock { $0 += amount } }
}
