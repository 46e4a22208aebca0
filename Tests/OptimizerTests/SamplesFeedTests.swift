import Domain
import Foundation
import Inference
import ModelGraph
import TestGraphs
import Testing

@testable import Optimizer

@Suite struct SamplesFeedTests {
    private let directory: TestDirectory

    init() throws { directory = try TestDirectory() }

    /// A feed of one array of stored.npz into an input of the given shape.
    private func feed(
        _ array: String, as type: ElementKind = .float32, _ shape: [Int], _ preprocessing: Preprocessing = .identity,
        file: String = "stored.npz"
    ) throws -> SampleFeed {
        let archive = try SampleArchive.open(path: TestFixture.path("samples/" + file), unpackInto: directory.path)
        return try feed(archive, array, type, shape, preprocessing)
    }

    private func feed(
        _ archive: SampleArchive, _ array: String, _ type: ElementKind, _ shape: [Int], _ preprocessing: Preprocessing
    ) throws -> SampleFeed {
        let input = TensorSignature(name: array, type: type, shape: shape.map { .fixed($0) })
        let model = ModelSummary(
            irVersion: 8, opsets: [:], producer: nil, inputs: [input], outputs: [], parameters: 0, weightBytes: 0,
            operators: [:], externalData: [], quantized: false, findings: [])
        let fit = try Fit(model: model, set: archive.outline(preprocessing: preprocessing))
        return try SampleFeed(archive: archive, fit: fit, preprocessing: preprocessing)
    }

    /// The bytes of all samples of an array of expected.npz, which numpy computed.
    private func expected(_ name: String) throws -> (shape: [Int], samples: [[UInt8]]) {
        let archive = try SampleArchive.open(path: TestFixture.path("samples/expected.npz"), unpackInto: directory.path)
        let array = try #require(archive.arrays.first { $0.name == name })
        return (
            Array(array.shape.dropFirst()),
            try (0..<archive.samples).map { index in
                var bytes = [UInt8](repeating: 0, count: array.sampleBytes)
                try bytes.withUnsafeMutableBytes { try array.read(sample: index, into: $0) }
                return bytes
            }
        )
    }

    private func expectEqual(_ feed: SampleFeed, _ array: String, _ name: String) throws {
        let (shape, samples) = try expected(name)
        for index in samples.indices {
            let value = try #require(try feed.sample(index)[array])
            #expect(value.shape == [1] + shape)
            #expect(value.withBytes { Array($0) } == samples[index], "sample \(index) of \(name)")
        }
    }

    private static let imagenet = Preprocessing(
        scale: 1 / 255.0, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], layout: .nhwcToNCHW)

    @Test(arguments: ["stored.npz", "deflated.npz"])
    func picturesComeOutAsNumpyComputesThem(_ file: String) throws {
        try expectEqual(
            try feed("pixels", [1, 3, 4, 6], Self.imagenet, file: file), "pixels", "pixels_normalized")
    }

    @Test func everyPathGivesNumpysBits() throws {
        var reversed = Self.imagenet
        reversed.reverseChannels = true
        try expectEqual(try feed("pixels", [1, 3, 4, 6], reversed), "pixels", "pixels_reversed")
        var asIs = Self.imagenet
        asIs.layout = .asIs
        try expectEqual(try feed("pixels", [1, 4, 6, 3], asIs), "pixels", "pixels_as_is")
        try expectEqual(try feed("planes", [1, 3, 4, 6], asIs), "planes", "planes_as_is")
        try expectEqual(try feed("planes", [1, 3, 4, 6], .init(reverseChannels: true)), "planes", "planes_reversed")
        let wave = Preprocessing(scale: 2, mean: [0.5], std: [0.25])
        try expectEqual(try feed("wave", [1, 1, 16], wave), "wave", "wave_scaled")
        try expectEqual(try feed("half", [1, 1, 16], wave), "half", "half_scaled")
        try expectEqual(try feed("wave", as: .float16, [1, 1, 16], wave), "wave", "wave_half")
        let tokens = Preprocessing(scale: 0.01, mean: [1], std: [2])
        try expectEqual(try feed("tokens", [1, 7], tokens), "tokens", "tokens_scaled")
        try expectEqual(try feed("long", [1, 7], tokens), "long", "tokens_scaled")
        try expectEqual(try feed("small", [1, 7], tokens), "small", "small_scaled")
        try expectEqual(try feed("mask", [1, 7]), "mask", "mask_plain")
    }

    @Test func integersForIntegerInputsWidenAndIgnoreThePreprocessing() throws {
        let rule = Preprocessing(scale: 0.5, mean: [1, 2, 3], layout: .nhwcToNCHW)
        let wide = try feed("tokens", as: .int64, [1, 7], rule)
        let plain = try feed("long", as: .int64, [1, 7])
        for index in 0..<5 {
            let a = try #require(try wide.sample(index)["tokens"])
            let b = try #require(try plain.sample(index)["long"])
            #expect(a.type == .int64)
            #expect(a.withBytes { Array($0) } == b.withBytes { Array($0) })
        }
    }

    @Test func anIntegerOutOfRangeIsNamed() throws {
        #expect {
            _ = try feed("tokens", as: .int8, [1, 7]).sample(0)
        } throws: {
            SamplesNPYTests.isRefusal($0, "does not fit the input's type int8")
        }
    }

    @Test func valuesOfTheInputsTypeComeThroughUnchanged() throws {
        let stored = try feed("single", [1, 1, 16])
        let unpacked = try feed("single", [1, 1, 16], file: "deflated.npz")
        let scaled = try feed("wave", [1, 1, 16])
        #expect(stored.labels == [3, 0, 9, 1, 1])
        #expect(stored.count == 5)
        let floats = try #require(try stored.sample(3)["single"]).floats()
        #expect(try unpacked.sample(3)["single"]?.floats() == floats)
        #expect(try scaled.sample(3)["wave"]?.floats() == floats)
    }

    @Test func channelsThatDoNotFitAreRefused() {
        for rule in [
            Preprocessing(mean: [1, 2], layout: .nhwcToNCHW), Preprocessing(mean: [1, 2, 3], std: [1, 2]),
            Preprocessing(mean: [1, 2, 3, 4, 5]),
        ] {
            #expect {
                _ = try feed("pixels", rule.layout == .asIs ? [1, 4, 6, 3] : [1, 3, 4, 6], rule)
            } throws: {
                SamplesNPYTests.isRefusal($0, "channel")
                    && SamplesNPYTests.isRefusal($0, "Input 'pixels' expects float32[")
            }
        }
    }

    @Test func refillingReusesTheTensor() throws {
        let feed = try feed("pixels", [1, 3, 4, 6], Self.imagenet)
        let values = try feed.sample(0)
        let fresh = try #require(try feed.sample(2)["pixels"])
        try feed.refill(values, with: 2)
        #expect(values["pixels"]?.withBytes { Array($0) } == fresh.withBytes { Array($0) })
    }

    @Test func manyThreadsReadTheSameSamples() throws {
        let feed = try feed("pixels", [1, 3, 4, 6], Self.imagenet)
        let single = try (0..<5).map { try #require(try feed.sample($0)["pixels"]).floats() }
        DispatchQueue.concurrentPerform(iterations: 64) { round in
            let floats = try? feed.sample(round % 5)["pixels"]?.floats()
            #expect(floats == single[round % 5])
        }
    }

    /// The file is sparse and of a size that would show above whatever other tests do meanwhile.
    @Test func memoryDoesNotGrowWithTheSamples() throws {
        let before = try #require(HostEnvironment.peakResidentBytes())
        let (count, sample) = (100_000, 3 * 64 * 64)
        let path = try directory.file(NPY.bytes(NPY.header("|u1", [count, 64, 64, 3]), []), "large.npy")
        let head = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        truncate(path, try #require(head) + count * sample)
        let archive = try SampleArchive.open(path: path, unpackInto: directory.path)
        let feed = try feed(archive, "array", .float32, [1, 3, 64, 64], Self.imagenet)
        for index in stride(from: 0, to: count, by: 500) { _ = try feed.sample(index) }
        let grown = try #require(HostEnvironment.peakResidentBytes()) - before
        #expect(grown < 512 << 20, "from \(count * sample) bytes the process grew by \(grown)")
    }
}
