import Domain
import Foundation
import Testing

@testable import Storage

@Suite struct BlobStoreTests {
    let directory: TemporaryDirectory
    let store: LocalBlobStore

    init() throws {
        directory = try TemporaryDirectory()
        store = try LocalBlobStore(directory: directory("blobs"))
    }

    static let sizes = [0, 1, 4095, 65535, 65536, 1 << 20 - 1, 1 << 20, 1 << 20 + 1, 5 << 20]

    @Test(arguments: SampleBytes.allCases, sizes)
    func everyCodingGivesBackWhatWasStored(_ kind: SampleBytes, _ size: Int) throws {
        let bytes = kind.make(size)
        let blob = try store.put(bytes, kind == .text ? .text : .weights)
        #expect(blob.digest == (try Digest(sha256: bytes)))
        #expect(blob.size == Int64(size))
        let reader = try store.reader(blob.digest)
        #expect(try reader.all() == bytes)
        for verification in [Verification.whole, .blocks] {
            let copy = directory("copy")
            try reader.copy(to: copy, verifying: verification)
            #expect(try contents(of: copy) == bytes)
        }
        #expect(reader.storedSize == blob.storedSize)
        #expect(try contents(of: reader.path).count == Int(blob.storedSize))
    }

    @Test(arguments: SampleBytes.allCases, sizes)
    func theSizeOfAStoredFileIsKnownBeforehand(_ kind: SampleBytes, _ size: Int) throws {
        let bytes = kind.make(size)
        let path = directory("file")
        try overwrite(path, with: bytes)
        let known = try PackedSize.ofWeights(path)
        let blob = try store.put(bytes)
        #expect(known.stored == blob.storedSize)
        #expect(try known.gzip == store.reader(blob.digest).gzipSize)
    }

    @Test func aFileThatIsNotThereHasNoSize() {
        #expect(throws: StorageError.self) { try PackedSize.ofWeights(directory("nothing")) }
    }

    @Test(arguments: SampleBytes.allCases, [0, 1, 65536, 1 << 20, 1 << 20 + 1, 3 << 20])
    func pythonReadsTheZlibStreamAndTheGzipForm(_ kind: SampleBytes, _ size: Int) throws {
        let bytes = kind.make(size)
        let blob = try store.put(bytes, kind == .text ? .text : .weights)
        let reader = try store.reader(blob.digest)
        let gzip = try reader.gzip().all()
        let deflated = try reader.deflated().all()
        #expect(Int64(gzip.count) == reader.gzipSize)
        #expect(reader.gzip().length == reader.gzipSize)
        #expect(deflated == (try contents(of: reader.path)))
        if let digest = reader.deflateDigest { #expect(try Digest(sha256: deflated) == digest) }
        if let digest = reader.gzipDigest { #expect(try Digest(sha256: gzip) == digest) }
        try overwrite(directory("x.gz"), with: gzip)
        let script = """
            import sys, zlib, gzip, hashlib
            d = zlib.decompressobj(); a = d.decompress(open(sys.argv[1], 'rb').read()); assert d.eof and not d.unused_data
            b = gzip.decompress(open(sys.argv[2], 'rb').read())
            print(hashlib.sha256(a).hexdigest(), hashlib.sha256(b).hexdigest())
            """
        let output = try python(script, reader.path, directory("x.gz"))
        #expect(output == "\(blob.digest.hex) \(blob.digest.hex)")
    }

    @Test func compressionHappensWhereItPaysAndOnlyThere() throws {
        let size = 3 << 20
        func share(_ kind: SampleBytes, _ hint: ContentHint) throws -> Double {
            let blob = try store.put(kind.make(size), hint)
            return Double(blob.storedSize) / Double(blob.size)
        }
        #expect(try share(.weights, .weights) < 1.0002)
        #expect(try share(.weights, .weights) > 1)
        #expect(try share(.quantized, .weights) < 0.9)
        #expect(try share(.zeros, .weights) < 0.01)
        #expect(try share(.text, .text) < 0.1)
    }

    @Test func digestsOfCodingsAreKeptWhereTheCodingSaves() throws {
        let saved = try store.reader(try store.put(SampleBytes.quantized.make(10 << 20)).digest)
        #expect(saved.deflateDigest != nil && saved.gzipDigest != nil)
        let raw = try store.reader(try store.put(SampleBytes.weights.make(10 << 20)).digest)
        #expect(raw.deflateDigest == nil && raw.gzipDigest == nil)
    }

    @Test(arguments: [SampleBytes.mixed, .quantized, .weights])
    func rangesAreSlicesOfTheWhole(_ kind: SampleBytes) throws {
        let bytes = kind.make(3 << 20 + 77)
        let reader = try store.reader(try store.put(bytes).digest)
        var generator = SystemRandomNumberGenerator()
        for round in 0..<60 {
            let near = Int64(1 << 20) * Int64.random(in: 0...3, using: &generator)
            let from = round % 2 == 0 ? Int64.random(in: 0...reader.size) : min(max(0, near - 3), reader.size)
            let to = round % 3 == 0 ? min(from + 9, reader.size) : Int64.random(in: from...reader.size)
            let range = reader.bytes(from..<to)
            #expect(range.length == to - from)
            #expect(try range.all() == Array(bytes[Int(from)..<Int(to)]), "\(from)..<\(to)")
        }
        #expect(try reader.bytes((reader.size - 1)..<(reader.size + 50)).all() == [bytes[bytes.count - 1]])
        #expect(try reader.bytes((reader.size + 1)..<(reader.size + 50)).all() == [])
    }

    @Test func theSameContentIsKeptOnce() throws {
        let bytes = SampleBytes.quantized.make(2 << 20)
        let first = try store.put(bytes)
        let path = try store.reader(first.digest).path
        let number = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
        let second = try store.put(bytes, piece: 4096)
        #expect(first == second)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int == number)
        #expect(try names(in: directory("blobs/tmp")).isEmpty)
        #expect(try store.digests() == [first.digest])
    }

    @Test func aDamagedBlobIsReplacedWhenItsContentComesAgain() throws {
        let bytes = SampleBytes.quantized.make(100_000)
        let blob = try store.put(bytes)
        try overwrite(directory("blobs/\(blob.digest.hex).index"), with: [1, 2, 3])
        #expect(throws: StorageError.self) { try store.reader(blob.digest) }
        #expect(try store.put(bytes) == blob)
        #expect(try store.reader(blob.digest).all() == bytes)
    }

    @Test func manyWritersOfTheSameContentAtOnceAgree() throws {
        let bytes = SampleBytes.mixed.make(3 << 20)
        let results = Results<StoredBlob>()
        DispatchQueue.concurrentPerform(iterations: 6) { number in
            results.note { try store.put(bytes, piece: 100_000 + number) }
        }
        let blobs = try results.get()
        #expect(Set(blobs.map(\.digest)).count == 1)
        #expect(blobs.count == 6)
        #expect(try store.reader(blobs[0].digest).all() == bytes)
        #expect(try names(in: directory("blobs/tmp")).isEmpty)
    }

    @Test func aDeletedBlobIsGoneAndItsBytesAreCounted() throws {
        let bytes = SampleBytes.weights.make(300_000)
        let blob = try store.put(bytes)
        let reader = try store.reader(blob.digest)
        #expect(store.contains(blob.digest))
        #expect(try store.delete(blob.digest) >= 300_000)
        #expect(!store.contains(blob.digest))
        #expect(throws: StorageError.missingBlob(blob.digest)) { try store.reader(blob.digest) }
        #expect(try store.delete(blob.digest) == 0)
        #expect(try reader.all() == bytes, "an open reader keeps working")
        #expect(try names(in: directory("blobs")) == ["tmp"])
    }

    @Test(arguments: [1, 4095, 1 << 20, 1 << 20 + 1, 3 << 20])
    func bytesPutIntoAWritersRoomAreStoredLikeWrittenOnes(_ size: Int) throws {
        let bytes = SampleBytes.mixed.make(size)
        let writer = try store.makeWriter(.weights)
        var done = 0
        while done < size {
            // In turn, with lengths that do not meet the ends of blocks.
            let room = try writer.room()
            let count = min(room.count, size - done, done % 2 == 0 ? 65_537 : 300_000)
            try bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
                let piece = UnsafeRawBufferPointer(rebasing: bytes[done..<(done + count)])
                guard done % 3 != 0 else { return try writer.write(piece) }
                room.copyMemory(from: piece)
                try writer.filled(count)
            }
            done += count
        }
        let blob = try writer.finish()
        #expect(blob.digest == (try Digest(sha256: bytes)))
        #expect(try store.reader(blob.digest).all() == bytes)
    }

    @Test func aWriterDoesNotBelieveMoreThanItHasRoomFor() throws {
        let writer = try store.makeWriter(.weights)
        #expect(throws: StorageError.writerClosed) { try writer.filled(1) }
        let other = try store.makeWriter(.weights)
        let room = try other.room()
        #expect(throws: StorageError.writerClosed) { try other.filled(room.count + 1) }
        #expect(throws: StorageError.writerClosed) { try other.room() }
        #expect(try names(in: directory("blobs/tmp")).isEmpty)
    }

    @Test func anAbandonedOrDroppedWriterLeavesNothing() throws {
        let bytes = SampleBytes.mixed.make(4 << 20)
        var writer: (any BlobWriter)? = try store.makeWriter(.weights)
        try bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in try writer?.write(bytes) }
        writer?.abandon()
        #expect(try names(in: directory("blobs/tmp")).isEmpty)
        #expect(throws: StorageError.writerClosed) { try writer?.finish() }
        writer = try store.makeWriter(.weights)
        try bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in try writer?.write(bytes) }
        writer = nil
        #expect(try names(in: directory("blobs/tmp")).isEmpty)
        #expect(try store.digests().isEmpty)
    }

    @Test func theSweepRemovesWhatInterruptedWritesLeft() throws {
        let blob = try store.put([1, 2, 3])
        let orphan = String(repeating: "ab", count: 32) + ".index"
        try overwrite(directory("blobs/tmp/1-2-3"), with: [9])
        try overwrite(directory("blobs/\(orphan)"), with: [9])
        try store.sweepTemporary()
        #expect(try names(in: directory("blobs/tmp")).isEmpty)
        #expect(try names(in: directory("blobs")) == [blob.digest.hex, blob.digest.hex + ".index", "tmp"].sorted())
        #expect(try store.reader(blob.digest).all() == [1, 2, 3])
    }

    @Test func freeSpaceIsKnown() throws {
        #expect(try store.freeBytes() > 0)
    }

    @Test func aCopyIsWrittenOnTheWay() throws {
        let store = try LocalBlobStore(directory: directory.path + "/blobs")
        let bytes = (0..<(3 * Framing.blockSize / 2)).map { UInt8(truncatingIfNeeded: $0 * $0 >> 7) }
        let path = directory.path + "/copy"
        let writer = try store.makeWriter(.weights, copy: BlobCopy(path: path))
        try bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            try writer.write(UnsafeRawBufferPointer(rebasing: bytes[..<1000]))
            try writer.write(UnsafeRawBufferPointer(rebasing: bytes[1000...]))
        }
        let stored = try writer.finish()
        #expect(try store.reader(stored.digest).all() == bytes)
        #expect(FileManager.default.contents(atPath: path).map(Array.init) == bytes)
        // A file that is there is not written over.
        #expect(throws: StorageError.self) { try store.makeWriter(.weights, copy: BlobCopy(path: path)) }
    }

    /// Keeps the even pages.
    private struct EvenPages: ByteSieve {
        var position = 0
        mutating func sift(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
            defer { position += bytes.count }
            return (0..<bytes.count).filter { (position + $0) / 4096 % 2 == 0 }.map { $0..<($0 + 1) }
        }
    }

    @Test func aSieveLeavesHolesInTheCopy() throws {
        let store = try LocalBlobStore(directory: directory.path + "/blobs")
        let bytes = [UInt8](repeating: 3, count: 6 * 4096)
        let path = directory.path + "/copy"
        let writer = try store.makeWriter(.weights, copy: BlobCopy(path: path, sieve: EvenPages()))
        try bytes.withUnsafeBytes { try writer.write($0) }
        let stored = try writer.finish()
        #expect(try store.reader(stored.digest).all() == bytes)
        let expected = bytes.indices.map { UInt8($0 / 4096 % 2 == 0 ? 3 : 0) }
        #expect(FileManager.default.contents(atPath: path).map(Array.init) == expected)
        var status = stat()
        #expect(stat(path, &status) == 0 && Int(status.st_blocks) * 512 < bytes.count)
    }
}
