import Domain
import Inference
import ModelGraph
import TestGraphs
import Testing

@testable import Optimizer

/// What an artifact says of its origin, and that its record makes it again.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct MarkingTests {
    private func recipe(in artifact: Model) throws -> Recipe {
        let text = try #require(artifact.metadata.first { $0.key == "octavo.recipe" }?.value)
        return try JSON.decode(Recipe.self, from: text.utf8)
    }

    @Test func theRecordOfATimedJobMakesTheSameBytes() throws {
        let model = PipelineTests.branchy().model()
        var timed = try Conversions()
        timed.budget = Pipeline.Budget(decision: 0.02, report: 0.01)
        timed.recipe.options.exclude = ["gemm*"]
        let first = try timed(model, PipelineTests.samples)
        let record = try #require(first.report.plan?.record)
        #expect(record.scheme != .auto && record.gate == nil)
        var again = try Conversions()
        again.recipe = record
        let second = try again(model, PipelineTests.samples)
        #expect(second.bytes == first.bytes)
        #expect(second.report.plan?.record == record, "the record of a record is the record itself")
    }

    @Test func whatDecidesNoByteIsNotSaid() throws {
        let model = PipelineTests.branchy().model()
        var conversion = try Conversions()
        let plain = try conversion(model, PipelineTests.samples)
        conversion.recipe.options.threads = 1
        conversion.recipe.options.head = DetectionHead.none
        let other = try conversion(model, PipelineTests.samples)
        #expect(plain.bytes == other.bytes)
        let said = try recipe(in: plain.artifact)
        #expect(said == plain.report.plan?.record)
        // Without digests of the inputs there is nothing else to say.
        #expect(plain.artifact.metadata.map(\.key) == ["octavo.recipe"])
    }

    @Test func theModelsOwnMetadataStays() throws {
        var model = PipelineTests.branchy().model()
        model.metadata = [Property("author", "somebody"), Property("octavo.recipe", "of another artifact")]
        let outcome = try Conversions()(model, PipelineTests.samples)
        #expect(outcome.artifact.metadata.map(\.key) == ["author", "octavo.recipe"])
        #expect(try recipe(in: outcome.artifact) == outcome.report.plan?.record)
    }

    @Test func theDigestsOfTheInputsAreSaid() throws {
        let digest = try #require(Digest(String(repeating: "ab", count: 32)))
        var conversion = try Conversions()
        conversion.digest = digest
        let outcome = try conversion(
            PipelineTests.branchy().model(), PipelineTests.samples,
            evaluation: SampleArrays("x", [8, 8, 8], count: 2, seed: 3))
        let said = Dictionary(uniqueKeysWithValues: outcome.artifact.metadata.map { ($0.key, $0.value) })
        for key in ["octavo.model", "octavo.calibration_set", "octavo.evaluation_set"] {
            #expect(said[key] == digest.description, "\(key)")
        }
    }

    @Test func eachLayersNoiseIsKnownAloneAndInSum() throws {
        let report = try Conversions()(PipelineTests.branchy().model(), PipelineTests.samples).report
        let layers = try #require(report.plan?.layers).sorted { ($0.place ?? 0) < ($1.place ?? 0) }
        #expect(layers.count == 6)
        let sums = layers.compactMap(\.accumulatedSqnrDb)
        #expect(sums.count == layers.count && sums.allSatisfy { (10...80).contains($0) }, "\(layers)")
        // Behind others there is their noise as well; at the last layer it is that of the model's output.
        #expect(zip(layers, sums).dropFirst().contains { $0.sqnrDb > $1 + 1 }, "\(layers)")
        let output = try #require(report.fidelity?.outputs.first?.sqnrDb)
        #expect(abs(output - (sums.last ?? 0)) < 6, "\(output) \(sums)")
        let ranges = try #require(report.plan?.ranges)
        #expect(ranges.count == report.plan?.quantizedActivations && ranges.allSatisfy { $0.low <= 0 && $0.high > 0 })
    }

    @Test func loadingIsTimedFromDiskAndFromMemory() throws {
        let load = try #require(try Conversions()(PipelineTests.branchy().model(), PipelineTests.samples).report.load)
        #expect((load.fp32ColdMs == nil) == (load.coldAbsence != nil))
        for value in [load.fp32Ms, load.int8Ms, load.fp32FirstRunMs, load.int8FirstRunMs] { #expect(value ?? 0 > 0) }
        if let cold = load.fp32ColdMs { #expect(cold > 0) }
    }

    @Test func theReportSaysWhetherTheBytesAreThoseOfTheFirstTime() throws {
        let model = PipelineTests.branchy().model()
        let first = try #require(Digest(String(repeating: "01", count: 32)))
        let other = try #require(Digest(String(repeating: "02", count: 32)))
        var conversion = try Conversions()
        conversion.artifactDigest = first
        for expected in [first, other] {
            conversion.reproduces = Reproduction(
                job: "job_1", expected: expected, original: .init(engineVersion: "1.0"))
            let report = try conversion(model, PipelineTests.samples).report
            #expect(report.identity.artifact.digest == first)
            #expect(report.reproduces?.identical == (expected == first))
            #expect((report.reproduces?.reasons?.first?.contains("1.0") ?? false) == (expected == other))
        }
    }
}
