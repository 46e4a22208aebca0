import Domain
import Foundation
import Inference
import ModelGraph
import Quantization
import Synchronization
import TestGraphs
import Testing

@testable import Optimizer

/// A second conversion that makes no calibration pass, and what it must not differ in from one that does.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct StatisticsReuseTests {
    private static let model = PipelineTests.branchy().model()
    private static let samples = PipelineTests.samples

    /// One that has a digest of its own for every file.
    private func conversions(_ options: (inout Recipe.Options) -> Void = { _ in }) throws -> Conversions {
        var conversions = try Conversions()
        conversions.namesFiles = true
        conversions.recipe.scheme = .int8Static
        options(&conversions.recipe.options)
        return conversions
    }

    /// The statistics that a conversion leaves, in a file of their own.
    private func left(_ conversions: Conversions) throws -> (path: String, bytes: [UInt8]) {
        let bytes = try conversions.scratch.read("statistics.bin")
        try conversions.scratch.write(bytes, "kept.bin")
        return (conversions.scratch.path + "/kept.bin", bytes)
    }

    private func source(_ outcome: Conversions.Outcome) -> Report.CalibrationHealth.Statistics.Source? {
        outcome.report.calibration?.statistics?.source
    }

    private static let otherOptions: [@Sendable (inout Recipe.Options) -> Void] = [
        { _ in }, { $0.calibrator = .percentile }, { $0.calibrator = .meanMinMax }, { $0.calibrator = .entropy },
        { $0.exclude = ["conv*"] }, { $0.rounding = .nearest }, { $0.minLayerSqnr = 10 }, { $0.activations = .int16 },
        { $0.threads = 1 },
    ]

    @Test(arguments: otherOptions.indices)
    func anotherRecipeReusesThemAndGivesTheBytesOfOneThatMeasures(_ place: Int) throws {
        let first = try conversions { $0.calibrator = .minMax }
        let measured = try first(Self.model, Self.samples)
        #expect(source(measured) == .measured)
        let kept = try left(first)

        let anew = try conversions(Self.otherOptions[place])(Self.model, Self.samples)
        var second = try conversions(Self.otherOptions[place])
        second.statistics = [kept.path]
        let reused = try second(Self.model, Self.samples)
        #expect(source(anew) == .measured && source(reused) == .reused)
        #expect(reused.bytes == anew.bytes)
        #expect(reused.report.calibration?.convergence == measured.report.calibration?.convergence)
        #expect(reused.report.calibration?.statistics?.key == measured.report.calibration?.statistics?.key)
        #expect(reused.log.contains { $0.hasPrefix("calibration pass saved") }, "\(reused.log)")
        #expect(!FileManager.default.fileExists(atPath: second.scratch.path + "/statistics.bin"))
    }

    @Test func shuffledSamplesAndMoreThreadsGiveTheSameBytesAndAreReused() throws {
        let first = try conversions()
        _ = try first(Self.model, Self.samples)
        let kept = try left(first)
        let shuffled = Self.samples.reordered([3, 0, 5, 1, 4, 2])
        var other = try conversions()
        other.threads = 3
        _ = try other(Self.model, shuffled)
        #expect(try left(other).bytes == kept.bytes)
        other.statistics = [kept.path]
        #expect(source(try other(Self.model, shuffled)) == .reused)
    }

    /// What does change what a pass would see.
    @Test func otherPassesAreMade() throws {
        let first = try conversions()
        _ = try first(Self.model, Self.samples)
        let kept = try left(first)
        func isReused(
            _ model: Model = Self.model, _ samples: SampleArrays = Self.samples,
            _ options: (inout Recipe.Options) -> Void = { _ in }
        ) throws -> Bool {
            var second = try conversions(options)
            second.statistics = [kept.path]
            return source(try second(model, samples)) == .reused
        }
        #expect(try isReused())
        #expect(try !isReused(Self.model, Self.samples) { $0.maxSamples = 3 })
        #expect(try isReused(Self.model, Self.samples) { $0.maxSamples = 6 })
        #expect(try !isReused(Self.model, SampleArrays("x", [8, 8, 8], count: 6, seed: 8)))
        #expect(try !isReused(Self.model, SampleArrays("x", [8, 8, 8], count: 5)))
        var g = GraphBuilder(seed: 5)
        g.output(g.gemm(g.flatten(g.globalPool(g.relu(g.conv(g.input("x", [1, 8, 8, 8]), 24)))), 10))
        #expect(try !isReused(g.model()))
        var scaled = try conversions()
        scaled.statistics = [kept.path]
        scaled.preprocessing = Preprocessing(scale: 0.5)
        #expect(source(try scaled(Self.model, Self.samples)) == .measured)
    }

    @Test func theFirstFileThatFitsIsTaken() throws {
        let (few, all) = (try conversions { $0.maxSamples = 2 }, try conversions())
        _ = try few(Self.model, Self.samples)
        _ = try all(Self.model, Self.samples)
        var second = try conversions()
        second.statistics = ["/nowhere", try left(few).path, try left(all).path]
        let outcome = try second(Self.model, Self.samples)
        #expect(source(outcome) == .reused)
        #expect(outcome.log.contains { $0.contains("cannot be read") })
    }

    @Test func damagedFilesAreMeasuredAnew() throws {
        let first = try conversions()
        let measured = try first(Self.model, Self.samples)
        let kept = try left(first)
        var cut = kept.bytes
        cut.removeLast(cut.count / 3)
        var flipped = kept.bytes
        flipped[flipped.count / 2] ^= 4
        for damaged in [[], [1, 2, 3], cut, flipped, Array(repeating: 0x80, count: 5000)] {
            var second = try conversions()
            try second.scratch.write(damaged, "damaged.bin")
            second.statistics = [second.scratch.path + "/damaged.bin"]
            let outcome = try second(Self.model, Self.samples)
            #expect(source(outcome) == .measured && outcome.bytes == measured.bytes)
            #expect(outcome.log.contains { $0.hasPrefix("statistics of an earlier job are not used") })
            #expect(try left(second).bytes == kept.bytes)
        }
    }

    /// Without a digest nothing has a name, and with an uncalibrated scheme nothing is measured.
    @Test func nothingIsKeptThatCannotBeNamed() throws {
        let unnamed = try Conversions()
        let outcome = try unnamed(Self.model, Self.samples)
        #expect(outcome.report.calibration?.statistics == nil)
        #expect(!FileManager.default.fileExists(atPath: unnamed.scratch.path + "/statistics.bin"))
        var weights = try conversions()
        weights.recipe.scheme = .int8Weights
        #expect(try weights(Self.model, Self.samples).report.calibration?.statistics == nil)
    }
}
