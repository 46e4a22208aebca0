import Domain
import Inference
import ModelGraph
import Quantization
import TestGraphs
import Testing

@testable import Optimizer

/// The choice between several forms: what is listed of it, by what it falls, and that its record makes it again.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct ObjectiveTests {
    /// A table of 512 rows, products behind it.
    private static func embedded() -> GraphBuilder {
        var g = GraphBuilder(seed: 41)
        let x = g.input("x", [1, 6], type: .int64)
        let table = g.floats([512, 48])
        let rows = g.add("Gather", [table, x], [.int("axis", 0)], shape: [1, 6, 48])
        let a = g.add("Tanh", [g.add("Add", [g.matMul(rows, 64), g.floats([64])])])
        g.output(g.matMul(a, 32))
        return g
    }

    private static var rows: SampleArrays {
        var arrays = SampleArrays()
        arrays.add("x", integers: (0..<48).map { Int64($0 * 37 % 512) }, [8, 6])
        return arrays
    }

    private static func silu() -> GraphBuilder {
        var g = GraphBuilder(seed: 8)
        let x = g.input("x", [1, 8, 8, 8])
        g.output(g.conv(g.silu(g.conv(g.relu(g.conv(x, 32)), 32)), 16))
        return g
    }

    private static func products() -> GraphBuilder {
        var g = GraphBuilder(seed: 31)
        let x = g.input("x", [1, 6, 48])
        let a = g.add("Tanh", [g.add("Add", [g.matMul(x, 64), g.floats([64])])])
        g.output(g.matMul(a, 32))
        return g
    }

    private static func model(_ name: String) -> (Model, SampleArrays) {
        switch name {
        case "embedded": (embedded().model(), rows)
        case "silu": (silu().model(), SampleArrays("x", [8, 8, 8], count: 6))
        case "products": (products().model(), SampleArrays("x", [6, 48], count: 6))
        default: (PipelineTests.branchy().model(), PipelineTests.samples)
        }
    }

    private func choose(
        _ name: String, _ objective: Objective?, seconds: Double = 0.02
    ) throws -> Conversions.Outcome {
        var conversion = try Conversions()
        conversion.recipe.objective = objective
        conversion.budget = .init(decision: seconds, report: 0.01)
        let (model, samples) = Self.model(name)
        return try conversion(model, samples)
    }

    /// Whatever the clock makes of it.
    @Test(arguments: ["embedded", "silu", "products", "branchy"], [Objective.latency, .size])
    func theRecordMakesTheSameBytesWithoutAClock(_ name: String, _ objective: Objective) throws {
        let first = try choose(name, objective)
        var again = try Conversions()
        again.recipe = try #require(first.report.plan?.record)
        #expect(again.recipe.scheme != .auto && again.recipe.objective == nil)
        let (model, samples) = Self.model(name)
        #expect(try again(model, samples).bytes == first.bytes)
    }

    @Test(arguments: [Objective.latency, .size]) func allCandidatesAreListed(_ objective: Objective) throws {
        let outcome = try choose("products", objective)
        let search = try #require(outcome.report.search)
        #expect(search.objective == objective && search.samples == 6)
        let chosen = try #require(search.candidates.first { $0.chosen })
        #expect(search.candidates.count { $0.chosen } == 1 && chosen.form == outcome.plan.form)
        // All but what the delivered file says of its origin.
        #expect((1...2000).contains(Int64(outcome.bytes.count) - chosen.bytes))
        #expect(search.candidates[0].form == "float32" && search.candidates[0].speedupInterval == nil)
        for candidate in search.candidates.dropFirst() {
            #expect(candidate.speedup ?? 0 > 0 && candidate.speedupInterval != nil, "\(candidate.name)")
            #expect(candidate.sqnrDb ?? 0 > 10 && candidate.bytes > 0 && candidate.optimal != nil, "\(candidate.name)")
        }
        #expect(search.candidates.contains { $0.optimal == true })
    }

    @Test func bySizeTheSmallestOfThoseThatFollowFP32IsDelivered() throws {
        let outcome = try choose("embedded", .size, seconds: 0)
        let search = try #require(outcome.report.search)
        let forms = Set(search.candidates.map(\.form))
        #expect(forms.isSuperset(of: ["integer", "weight-only", "dynamic", "blockwise-8", "blockwise-4"]), "\(forms)")
        let chosen = try #require(search.candidates.first { $0.chosen })
        for other in search.candidates.dropFirst() where Double(other.bytes) < 0.98 * Double(chosen.bytes) {
            #expect(other.reason.contains("FP32"), "\(other.name) \(other.bytes): '\(other.reason)'")
        }
        #expect(outcome.report.findings.contains { $0.code == "smallest" })
        #expect(outcome.report.plan?.record?.options.embeddings == .int8)
    }

    @Test func aGateDecidesWhatIsSmallEnough() throws {
        var conversion = try Conversions()
        conversion.recipe.objective = .size
        conversion.recipe.gate = .init(metric: .cosine, maxDrop: 1)
        let (model, samples) = Self.model("products")
        let outcome = try conversion(model, samples, evaluation: SampleArrays("x", [6, 48], count: 8, seed: 3))
        // Without a clock nothing is slower, so the gate alone decides, and it lets everything pass.
        #expect(outcome.plan.form == "blockwise-4")
        #expect(outcome.report.gate?.met == true && outcome.report.gate?.drop ?? 0 > 0)
        conversion.recipe.gate?.maxDrop = (outcome.report.gate?.drop ?? 0) / 2
        let closer = try conversion(model, samples, evaluation: SampleArrays("x", [6, 48], count: 8, seed: 3))
        #expect(closer.plan.form != "blockwise-4")
        let missed = closer.report.search?.candidates.filter { $0.met == false } ?? []
        #expect(missed.contains { $0.form == "blockwise-4" && $0.reason.contains("gate") }, "\(missed)")
    }

    @Test func aJobThatNothingIsTimedInHasNoTimes() throws {
        var conversion = try Conversions()
        conversion.recipe.objective = .size
        conversion.recipe.target = .onnxruntimeARM
        let (model, samples) = Self.model("products")
        let outcome = try conversion(model, samples)
        let search = try #require(outcome.report.search)
        #expect(search.candidates.dropFirst().allSatisfy { $0.speedup == nil && $0.optimal == nil })
    }

    @Test func theFormThatASchemeNamesIsWeighedAgainstNothing() throws {
        for scheme in [Scheme.int8Static, .int8Weights, .int4Blockwise] {
            var conversion = try Conversions()
            conversion.recipe.scheme = scheme
            let (model, samples) = Self.model("products")
            #expect(try conversion(model, samples).report.search == nil)
        }
    }
}

/// Tables of which only rows are looked up.
@Suite(.enabled(if: RealEngine.isInstalled, RealEngine.absence)) struct EmbeddingTests {
    private func graph(shared: Bool = false, results: Int = 32) -> GraphBuilder {
        var g = GraphBuilder(seed: 43)
        let x = g.input("x", [1, 6], type: .int64)
        let table = g.floats([256, 48])
        let rows = g.add("Gather", [table, x], [.int("axis", 0)], shape: [1, 6, 48])
        let last = g.matMul(rows, results)
        g.output(last)
        if shared {
            let mean = g.add("ReduceMean", [last], [.int("keepdims", 0)], shape: [])
            g.output(g.add("Mul", [table, mean], shape: [256, 48]))
        }
        return g
    }

    private var samples: SampleArrays {
        var arrays = SampleArrays()
        arrays.add("x", integers: (0..<24).map { Int64($0 * 11 % 256) }, [4, 6])
        return arrays
    }

    private func convert(
        _ g: GraphBuilder, exclude: [String] = [], _ embeddings: Embeddings = .int8
    ) throws -> Conversions.Outcome {
        var conversion = try Conversions()
        conversion.recipe.scheme = .int8Weights
        conversion.recipe.options.embeddings = embeddings
        conversion.recipe.options.exclude = exclude
        let outcome = try conversion(g.model(), samples)
        #expect(outcome.graph.structuralProblems() == [])
        return outcome
    }

    private func tables(_ graph: Graph) -> [ElementType] {
        graph.initializers.filter { $0.dims == [256, 48] }.map(\.type)
    }

    /// As a causal mask is.
    @Test func aTableWithInfinitiesStaysAsItIs() throws {
        var g = GraphBuilder(seed: 43)
        let x = g.input("x", [1, 6], type: .int64)
        let table = g.constant((0..<(256 * 48)).map { $0 % 7 == 0 ? -.infinity : 0 }, [256, 48])
        let rows = g.add("Gather", [table, x], [.int("axis", 0)], shape: [1, 6, 48])
        g.output(g.matMul(g.add("Exp", [rows], shape: [1, 6, 48]), 32))
        #expect(try tables(convert(g).graph) == [.float])
    }

    @Test func rowsAreStoredInEightBitsAndRestoredWhenTaken() throws {
        let g = graph()
        let outcome = try convert(g)
        #expect(tables(outcome.graph) == [.int8])
        let inputs = [
            "x": try TensorValue(
                type: .int64, shape: [1, 6], bytes: (0..<6).flatMap { [UInt8($0 * 40), 0, 0, 0, 0, 0, 0, 0] })
        ]
        let (a, b) = try (Evaluation(g.model())(inputs), Evaluation(outcome.artifact, optimization: .all)(inputs))
        #expect(relativeDifference(a, b) < 0.02)
        #expect(outcome.report.plan?.record?.options.embeddings == .int8)
    }

    @Test func byThemselvesTablesAreStoredSoThatAreATenthOfTheModel() throws {
        let most = try convert(graph(), .auto)
        #expect(tables(most.graph) == [.int8] && most.report.findings.contains { $0.code == "tables-in-8-bits" })
        // 256 rows of 48 beside 48 rows of 2,400.
        let few = try convert(graph(results: 2400), .auto)
        #expect(tables(few.graph) == [.float] && !few.report.findings.contains { $0.code == "tables-in-8-bits" })
        #expect(try tables(convert(graph(), .float).graph) == [.float])
    }

    @Test func aTableThatIsReadOtherwiseTooStaysAsItIs() throws {
        #expect(try tables(convert(graph(shared: true)).graph).allSatisfy { $0 == .float })
    }

    @Test func aTableOfANodeThatStaysFloatIsLeftAlone() throws {
        let g = graph()
        let gather = try #require(g.graph.nodes.first { $0.op == "Gather" })
        let outcome = try convert(g, exclude: [gather.name])
        #expect(tables(outcome.graph) == [.float])
        #expect(outcome.report.plan?.record?.options.embeddings == .float)
    }
}
