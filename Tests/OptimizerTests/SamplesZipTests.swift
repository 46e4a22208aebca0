import Domain
import TestGraphs
import Testing

@testable import Optimizer

@Suite struct SamplesZipTests {
    private let directory: TestDirectory
    private let x = NPY.floats([2, 3], [1, 2, 3, 4, 5, 6])

    init() throws { directory = try TestDirectory() }

    private func open(_ bytes: [UInt8], limits: SampleLimits = .default) throws -> SampleArchive {
        try SampleArchive.open(path: directory.file(bytes), unpackInto: directory.path, limits: limits)
    }

    private func expectRefusal(_ bytes: [UInt8], _ words: String, limits: SampleLimits = .default) {
        #expect {
            try open(bytes, limits: limits)
        } throws: {
            SamplesNPYTests.isRefusal($0, words)
        }
    }

    private func values(_ archive: SampleArchive, _ sample: Int) throws -> [Float] {
        var values = [Float](repeating: 0, count: archive.arrays[0].sampleBytes / 4)
        try values.withUnsafeMutableBytes { try archive.arrays[0].read(sample: sample, into: $0) }
        return values
    }

    @Test(arguments: ["stored", "deflated", "zip64", "comment", "extra"])
    func everyFormOfArchiveGivesTheSameSamples(_ form: String) throws {
        var zip = ZipWriter(members: [
            ZipWriter.Member("x.npy", x), ZipWriter.Member("labels.npy", NPY.array("<i8", [2], [4, 0])),
        ])
        switch form {
        case "deflated": zip.members[0].deflated = Deflate.stored(x)
        case "zip64": zip.zip64 = true
        case "comment": zip.comment = Array("PK and more".utf8)
        case "extra": zip.members[0].extra = [0x55, 0x54, 1, 0, 9]
        default: break
        }
        let archive = try open(zip.bytes)
        #expect(archive.samples == 2)
        #expect(archive.arrays.map(\.name) == ["x"])
        #expect(try values(archive, 1) == [4, 5, 6])
        #expect(try archive.labels() == [4, 0])
    }

    @Test(arguments: ["stored.npz", "deflated.npz"])
    func whatNumpyWritesIsRead(_ file: String) throws {
        let archive = try SampleArchive.open(path: TestFixture.path("samples/" + file), unpackInto: directory.path)
        #expect(archive.format == .npz)
        #expect(archive.samples == 5)
        #expect(archive.arrays.count == 9)
        #expect(try archive.labels() == [3, 0, 9, 1, 1])
        #expect(archive.arrays.first { $0.name == "pixels" }?.shape == [5, 4, 6, 3])
        #expect(try directory.contents().isEmpty, "unpacked samples leave no file behind")
    }

    @Test(arguments: ["version2.npy", "version3.npy", "pixels.npy"])
    func aLoneArrayIsRead(_ file: String) throws {
        let archive = try SampleArchive.open(path: TestFixture.path("samples/" + file), unpackInto: directory.path)
        #expect(archive.format == .npy)
        #expect(archive.arrays.map(\.name) == ["array"])
        #expect(archive.samples == 5)
    }

    @Test(arguments: [
        "../x.npy", "a/../../x.npy", "/etc/x.npy", "a\\x.npy", "a\0b.npy", ".npy", "notes.txt", "./x.npy",
    ])
    func namesThatNoArrayHasAreRefused(_ name: String) {
        expectRefusal(ZipWriter(members: [ZipWriter.Member(name, x)]).bytes, "ember")
    }

    @Test func aSlashInsideANameIsKeptForInputsNamedSo() throws {
        let archive = try open(ZipWriter(members: [ZipWriter.Member("serving/x:0.npy", x)]).bytes)
        #expect(archive.arrays.map(\.name) == ["serving/x:0"])
    }

    @Test func lyingArchivesAreRefused() {
        var zip = ZipWriter(members: [ZipWriter.Member("x.npy", x), ZipWriter.Member("y.npy", x)])
        func with(_ change: (inout ZipWriter) -> Void) -> [UInt8] {
            var copy = zip
            change(&copy)
            return copy.bytes
        }
        expectRefusal(with { $0.members[0].crc = 1 }, "checksum")
        expectRefusal(
            with {
                $0.members[0].deflated = Deflate.stored(x); $0.members[0].crc = 1
            }, "checksum")
        expectRefusal(with { $0.members[0].flags = 1 }, "encrypted")
        expectRefusal(with { $0.members[0].method = 12 }, "method 12")
        expectRefusal(with { $0.members[1].name = "x.npy" }, "two members named 'x.npy'")
        expectRefusal(with { $0.members[0].localName = "z.npy" }, "headers")
        expectRefusal(with { $0.offsetShift = -40 }, "damaged")
        expectRefusal(with { $0.members[0].size = 17 }, "impossible sizes")
        expectRefusal(with { $0.members[0].data.removeLast() }, "cut off")
        expectRefusal(with { $0.members[0].data.append(0) }, "too many")
        expectRefusal(
            with {
                $0.members[0].deflated = [0xff, 0xff]; $0.members[0].data = x
            }, "damaged")
        expectRefusal(with { $0.members[0].deflated = Deflate.stored(Array(x.dropLast(4))) }, "checksum")
        expectRefusal(with { $0.members[0].deflated = Deflate.stored(x + [0]) }, "checksum")
        expectRefusal(with { $0.members[0].deflated = Deflate.stored(x).dropLast() }, "checksum")
        zip.members = []
        expectRefusal(zip.bytes, "no arrays")
    }

    @Test func bombsAreRefusedBeforeTheyAreUnpacked() throws {
        let count = 4 << 20
        let head = NPY.bytes(NPY.header("|u1", [1, count]), [])
        let member = ZipWriter.Member("x.npy", head + [UInt8](repeating: 0, count: count))
        let total = member.data.count
        var bomb = member
        bomb.deflated = Deflate.zeros(after: head, total: total)
        var limits = SampleLimits()
        limits.inflatedBytes = 1 << 20
        expectRefusal(ZipWriter(members: [bomb]).bytes, "unpacks to more than", limits: limits)
        limits = SampleLimits()
        limits.ratioFreeBytes = 1 << 20
        limits.ratio = 50
        expectRefusal(ZipWriter(members: [bomb]).bytes, "more than real samples do", limits: limits)
        // A claim smaller than what comes out stops at the claim.
        var liar = ZipWriter.Member("x.npy", NPY.array("|u1", [1, 10], [UInt8](repeating: 0, count: 10)))
        liar.deflated = Deflate.zeros(after: Array(liar.data.dropLast(10)), total: total)
        expectRefusal(ZipWriter(members: [liar]).bytes, "checksum")
        // A head that promises other than the directory is refused without unpacking.
        bomb.size = UInt32(total + 1)
        expectRefusal(ZipWriter(members: [bomb]).bytes, "too many")
        #expect(try directory.contents() == ["samples.npz"])
    }

    @Test func tooManyMembersAreRefused() {
        let members = (0..<5).map { ZipWriter.Member("x\($0).npy", x) }
        var limits = SampleLimits()
        limits.arrays = 4
        expectRefusal(ZipWriter(members: members).bytes, "5 members", limits: limits)
    }

    @Test func everyTruncationIsRefusedAndLeavesNothing() throws {
        var zip = ZipWriter(members: [ZipWriter.Member("x.npy", x), ZipWriter.Member("y.npy", x)])
        zip.members[1].deflated = Deflate.stored(x)
        let whole = zip.bytes
        for length in 0..<whole.count {
            #expect(throws: Failure.self) { try open(Array(whole[..<length])) }
        }
        let numpy = try TestFixture.bytes("samples/deflated.npz")
        for length in stride(from: 0, to: numpy.count, by: 53) {
            #expect(throws: Failure.self) { try open(Array(numpy[..<length])) }
        }
        #expect(try directory.contents() == ["samples.npz"])
    }

    @Test(arguments: ["stored.npz", "deflated.npz", "pixels.npy"])
    func noChangeOfBytesEverTraps(_ file: String) throws {
        let whole = try TestFixture.bytes("samples/" + file)
        var random = SplitMix64(seed: 5)
        var refused = 0
        for _ in 0..<800 {
            var bytes = whole
            for _ in 0...random.below(6) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            do {
                _ = try open(bytes).summary(preprocessing: .identity)
            } catch {
                #expect((error as? Failure)?.type == .invalidCalibrationSet)
                refused += 1
            }
        }
        #expect(file == "pixels.npy" || refused > 700)
    }

    @Test(
        arguments: [
            ([], "empty"), (Array("TFL3 and so on".utf8), "neither"), ([0x08, 0x07, 0x12], "neither"),
            ([0x80, 4, 0x95, 1], "pickle"), ([0x50, 0x4b, 3, 4], "damaged"),
        ] as [([UInt8], String)])
    func otherFilesAreRefused(_ bytes: [UInt8], _ words: String) { expectRefusal(bytes, words) }
}
