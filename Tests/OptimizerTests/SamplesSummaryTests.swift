import Domain
import TestGraphs
import Testing

@testable import Optimizer

@Suite struct SamplesSummaryTests {
    private let directory: TestDirectory

    init() throws { directory = try TestDirectory() }

    private func archive(_ arrays: [(String, [UInt8])]) throws -> SampleArchive {
        let zip = ZipWriter(members: arrays.map { ZipWriter.Member($0.0 + ".npy", $0.1) })
        return try SampleArchive.open(path: directory.file(zip.bytes), unpackInto: directory.path)
    }

    private func summary(_ arrays: [(String, [UInt8])], _ preprocessing: Preprocessing = .identity) throws
        -> SampleSetSummary
    {
        try archive(arrays).summary(preprocessing: preprocessing)
    }

    private func expectRefusal(_ arrays: [(String, [UInt8])], _ words: String) {
        #expect {
            try summary(arrays)
        } throws: {
            SamplesNPYTests.isRefusal($0, words)
        }
    }

    @Test func rangesTypesAndLabelsAreSummedUp() throws {
        let summary = try summary([
            ("b", NPY.array("<i2", [2, 2], [Int16(-5), 7, 0, 3])), ("a", NPY.floats([2, 1], [0.5, -1.5])),
            ("labels", NPY.array("|u1", [2], [UInt8(1), 0])),
        ])
        #expect(summary.samples == 2)
        #expect(summary.labelled)
        #expect(
            summary.arrays == [
                .init(name: "a", type: .float32, shape: [2, 1], minimum: -1.5, maximum: 0.5),
                .init(name: "b", type: .int16, shape: [2, 2], minimum: -5, maximum: 7),
            ])
        #expect(summary.findings.map(\.code) == ["few-samples"])
    }

    @Test func theOutlineIsTheSummaryWithoutValues() throws {
        let archive = try archive([("a", NPY.floats([2, 1], [0.5, .nan]))])
        let outline = archive.outline(preprocessing: .identity)
        #expect(outline.arrays == [.init(name: "a", type: .float32, shape: [2, 1], minimum: nil, maximum: nil)])
    }

    @Test func aValueThatIsNotFiniteIsNamedByArrayAndSample() {
        let inf: [Float] = [0, 1, 2, 3, .infinity, 5]
        expectRefusal([("audio", NPY.floats([3, 2], inf))], "'audio' has NaN or infinity in sample 2 (value 0 of it)")
        let nan: [Double] = [0, .nan, 2]
        expectRefusal([("wave", NPY.array("<f8", [3], nan))], "'wave' has NaN or infinity in sample 1")
        let half: [Float16] = [0, 1, -.infinity, 3]
        expectRefusal([("h", NPY.array("<f2", [2, 2], half))], "'h' has NaN or infinity in sample 1 (value 0 of it)")
    }

    @Test func aBadValueFarIntoALargeArrayIsFound() {
        var values = [Float](repeating: 0.25, count: 3 * 200_000)
        values[2 * 200_000 + 77] = .nan
        expectRefusal([("x", NPY.floats([3, 200_000], values))], "in sample 2 (value 77 of it)")
    }

    @Test func arraysThatDisagreeOnTheSamplesAreRefused() {
        let x = NPY.floats([2, 1], [1, 2])
        expectRefusal([("a", x), ("b", NPY.floats([3], [1, 2, 3]))], "'b' has 3 samples but 'a' has 2")
        expectRefusal([("a", x), ("labels", NPY.array("<i8", [3], [1, 2, 3]))], "'labels' has 3 values")
        expectRefusal([("a", x), ("labels", NPY.floats([2], [1, 2]))], "'labels' is float32[2]")
        expectRefusal([("a", x), ("labels", NPY.array("<i8", [2, 1], [1, 2]))], "'labels' is int64[2, 1]")
        expectRefusal([("a", x), ("labels", NPY.array("<i8", [2], [1, -2]))], "below 0")
        expectRefusal([("labels", NPY.array("<i8", [2], [1, 2]))], "no arrays of samples")
        expectRefusal([("a", NPY.floats([0, 3], []))], "no samples")
        expectRefusal([("a", NPY.floats([3, 0], []))], "samples are empty")
        expectRefusal([("a", NPY.floats([], [1]))], "single number")
    }

    @Test func suspiciousSetsGetFindings() throws {
        let pixels = (0..<24).map { Float($0 * 11) }
        let codes = try summary([
            ("image", NPY.floats([2, 3, 2, 2], pixels)), ("mask", NPY.floats([2, 1], [1, 1])),
        ]).findings.map { "\($0.severity) \($0.code) \($0.pointer ?? "")" }
        #expect(codes == ["info few-samples ", "warning range-suspicion image", "warning constant-array mask"])
        let scaled = try summary([("image", NPY.floats([2, 3, 2, 2], pixels))], Preprocessing(scale: 1 / 255.0))
        #expect(!scaled.findings.contains { $0.code == "range-suspicion" })
        let bytes = NPY.array("|u1", [2, 3, 2, 2], pixels.map { UInt8($0) })
        #expect(try summary([("image", bytes)]).findings.contains { $0.code == "raw-pixels" && $0.severity == .info })
    }

    @Test func repeatedSamplesAreCounted() throws {
        let findings = try summary([("x", NPY.floats([4, 2], [1, 2, 3, 4, 1, 2, 1, 2]))]).findings
        #expect(findings.contains { $0.code == "duplicate-samples" && $0.detail.hasPrefix("2 of 4") })
    }

    /// The arithmetic is that of float32: beyond its range everything would become 0, NaN or infinite.
    @Test(arguments: [
        Preprocessing(scale: .nan), Preprocessing(std: [1, 0, 1]), Preprocessing(mean: [.infinity]),
        Preprocessing(scale: 0), Preprocessing(scale: 1e-300), Preprocessing(scale: 1e300), Preprocessing(std: [1e300]),
        Preprocessing(std: [1e-300]), Preprocessing(mean: [-1e300]),
    ])
    func impossiblePreprocessingIsRefused(_ preprocessing: Preprocessing) {
        #expect(throws: Failure.self) { try summary([("x", NPY.floats([1, 3], [1, 2, 3]))], preprocessing) }
    }

    @Test func digestsNameSamplesByTheirBytesAlone() throws {
        let one = try archive([("a", NPY.floats([3, 2], [1, 2, 3, 4, 5, 6]))]).digests()
        let other = try archive([
            ("z", NPY.floats([2, 2], [5, 6, 1, 2])), ("labels", NPY.array("|u1", [2], [UInt8(0), 1])),
        ])
        .digests()
        #expect(one.count == 3 && Set(one).count == 3)
        #expect(other == [one[2], one[0]])
        let pair = try archive([("a", NPY.floats([1], [1])), ("b", NPY.floats([1], [2]))]).digests()
        let swapped = try archive([("a", NPY.floats([1], [2])), ("b", NPY.floats([1], [1]))]).digests()
        #expect(pair != swapped)
    }

    /// Vectors of the xxHash project's own sanity table and widely published ones.
    @Test(arguments: [
        ("", "ef46db3751d8e999"), ("a", "d24ec4f1a98c6e5b"), ("abc", "44bc2cf5ad770999"),
        ("Nobody inspects the spammish repetition", "fbcea83c8a378bf1"),
    ])
    func theHashIsXXH64(_ text: String, _ digest: String) {
        for piece in [1, 3, 8, 31, 32, 33, 64] {
            var hash = XXH64()
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                Array(rest.prefix(piece)).withUnsafeBytes { hash.update($0) }
                rest = rest.dropFirst(piece)
            }
            #expect(SampleDigest(value: hash.finish()).description == digest)
        }
    }

    @Test func largeSamplesHashTheSameInPieces() throws {
        let values = (0..<700_000).map { Float($0 % 977) }
        let digests = try archive([("x", NPY.floats([2, 350_000], values))]).digests()
        var whole = XXH64()
        values[350_000...].withUnsafeBytes { whole.update($0) }
        #expect(digests[1].value == whole.finish())
    }
}
