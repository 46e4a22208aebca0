import Domain
import Foundation
import Storage
import Testing

/// Models, sample sets and the contents they name, for every backend.
@Suite struct CatalogueObjectTests {
    @Test(arguments: Catalogues.available)
    func aModelComesBackAsItWasStored(_ backend: CatalogueBackend) async throws {
        let bench = try Bench(backend)
        let row = bench.model("a", name: "first", external: ["w1", "w0"])
        let added = try await bench.catalogue.addModel(row)
        #expect(added.created && added.row == row)
        #expect(try await bench.catalogue.model(row.id.description) == row)
        #expect(try await bench.catalogue.model("first") == row)
        #expect(try await bench.catalogue.model("other") == nil)
        #expect(try await bench.catalogue.model(digest("nothing").description) == nil)
        #expect(try await bench.catalogue.model("sha256:short") == nil)
    }

    @Test(arguments: Catalogues.available)
    func theFirstRowOfAModelIsKeptAndFurtherNamesPointToIt(_ backend: CatalogueBackend) async throws {
        let bench = try Bench(backend)
        let first = bench.model("a", name: "one")
        _ = try await bench.catalogue.addModel(first)
        bench.clock.advance(by: 60)
        let again = try await bench.catalogue.addModel(bench.model("a", name: "two"))
        #expect(!again.created && again.row == first)
        #expect(try await bench.catalogue.model("two") == first)
        #expect(try await bench.catalogue.models(after: nil, limit: 10, name: "two").items == [first])
        #expect(try await bench.catalogue.models(after: nil, limit: 10, name: nil).items == [first])
    }

    @Test(arguments: Catalogues.available)
    func aNameMeansTheModelItWasLastGivenTo(_ backend: CatalogueBackend) async throws {
        let bench = try Bench(backend)
        let (a, b) = (bench.model("a", name: "net"), bench.model("b", name: "net"))
        _ = try await bench.catalogue.addModel(a)
        _ = try await bench.catalogue.addModel(b)
        #expect(try await bench.catalogue.model("net")?.id == b.id)
        _ = try await bench.catalogue.addModel(a)
        #expect(try await bench.catalogue.model("net")?.id == a.id)
        _ = try await bench.catalogue.deleteModel(a.id)
        #expect(try await bench.catalogue.model("net")?.id == b.id)
    }

    @Test(arguments: Catalogues.available)
    func aModelThatAJobNeedsIsNotDeleted(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let job = try await bench.enqueue()
        await #expect(throws: StorageError.inUse(jobs: [job.id])) {
            try await bench.catalogue.deleteModel(job.model)
        }
        await #expect(throws: StorageError.inUse(jobs: [job.id])) {
            try await bench.catalogue.deleteSampleSet(job.calibration)
        }
        _ = try await bench.catalogue.requestCancel(job.id)
        #expect(try await bench.catalogue.deleteModel(job.model).found)
        #expect(try await bench.catalogue.deleteSampleSet(job.calibration).found)
        #expect(try await bench.catalogue.job(job.id)?.state == .cancelled)
    }

    @Test(arguments: Catalogues.available)
    func aDeletionNamesTheContentsThatNothingNamesAnyMore(_ backend: CatalogueBackend) async throws {
        let bench = try Bench(backend)
        let one = bench.model("a", external: ["shared", "own"])
        let two = bench.model("b", external: ["shared", "b"])
        _ = try await bench.catalogue.addModel(one)
        _ = try await bench.catalogue.addModel(two)
        _ = try await bench.catalogue.addSampleSet(bench.sampleSet("own"))
        let all = Set(["a", "b", "shared", "own"].map(digest))
        #expect(try await bench.catalogue.referencedBlobs() == all)
        #expect(try await bench.catalogue.deleteModel(one.id).orphans == [digest("a")])
        #expect(try await !bench.catalogue.isReferenced(digest("a")))
        #expect(try await bench.catalogue.isReferenced(digest("shared")))
        #expect(try await Set(bench.catalogue.deleteModel(two.id).orphans) == Set(["b", "shared"].map(digest)))
        #expect(try await bench.catalogue.deleteSampleSet(digest("set own")).orphans == [digest("own")])
        #expect(try await bench.catalogue.referencedBlobs().isEmpty)
        #expect(try await bench.catalogue.deleteModel(one.id) == Deletion(found: false, orphans: []))
        #expect(try await bench.catalogue.deleteSampleSet(one.id) == Deletion(found: false, orphans: []))
    }

    @Test(arguments: Catalogues.available)
    func aSampleSetGetsTheNextVersionOfItsName(_ backend: CatalogueBackend) async throws {
        let bench = try Bench(backend)
        let one = try await bench.catalogue.addSampleSet(bench.sampleSet("1", name: "cats"))
        let two = try await bench.catalogue.addSampleSet(bench.sampleSet("2", name: "cats", role: .evaluation))
        let same = try await bench.catalogue.addSampleSet(bench.sampleSet("1", name: "cats"))
        let other = try await bench.catalogue.addSampleSet(bench.sampleSet("1", name: "dogs@home"))
        #expect([one, two, other].allSatisfy(\.created) && !same.created)
        #expect([one, two, same, other].map(\.row.version) == [1, 2, 1, 1])
        #expect(same.row == one.row)
        #expect(try await bench.catalogue.sampleSet("cats") == two.row)
        #expect(try await bench.catalogue.sampleSet("cats@1") == one.row)
        #expect(try await bench.catalogue.sampleSet("cats@3") == nil)
        #expect(try await bench.catalogue.sampleSet("dogs@home") == other.row)
        #expect(try await bench.catalogue.sampleSet("dogs@home@1") == other.row)
        #expect(try await bench.catalogue.sampleSet(two.row.id.description) == two.row)
        let evaluation = try await bench.catalogue.sampleSets(after: nil, limit: 9, name: "cats", role: .evaluation)
        #expect(evaluation.items == [two.row])
    }

    @Test(arguments: Catalogues.available)
    func aVersionIsNeverUsedTwice(_ backend: CatalogueBackend) async throws {
        let bench = try Bench(backend)
        _ = try await bench.catalogue.addSampleSet(bench.sampleSet("1"))
        let two = try await bench.catalogue.addSampleSet(bench.sampleSet("2"))
        _ = try await bench.catalogue.deleteSampleSet(two.row.id)
        #expect(try await bench.catalogue.addSampleSet(bench.sampleSet("3")).row.version == 3)
        #expect(try await bench.catalogue.addSampleSet(bench.sampleSet("2")).row.version == 4)
    }

    @Test(arguments: Catalogues.available, [1, 2, 3, 7, 100])
    func pagesGiveEveryRowOnceNewestFirst(_ backend: CatalogueBackend, _ limit: Int) async throws {
        let bench = try Bench(backend)
        var names: [String] = []
        for number in 0..<7 {
            // Some at the same time.
            if number % 2 == 0 { bench.clock.advance(by: 1) }
            _ = try await bench.catalogue.addModel(bench.model("\(number)", name: "n\(number)"))
            names.insert("n\(number)", at: 0)
        }
        var seen: [String?] = []
        var cursor: String?
        repeat {
            let page = try await bench.catalogue.models(after: cursor, limit: limit, name: nil)
            #expect(page.items.count <= limit)
            seen += page.items.map(\.name)
            cursor = page.next
            // Neither this one nor the deleted ones before disturb the rest.
            bench.clock.advance(by: 1)
            _ = try await bench.catalogue.addModel(bench.model("late \(seen.count)"))
            if let last = page.items.last { _ = try await bench.catalogue.deleteModel(last.id) }
        } while cursor != nil
        #expect(seen == names)
    }

    @Test(arguments: Catalogues.available, ["", "x", "____", "MSAyIDM", "18446744073709551616 1"])
    func aForeignCursorIsRefused(_ backend: CatalogueBackend, _ cursor: String) async throws {
        let bench = try Bench(backend)
        await #expect(throws: StorageError.invalidCursor(cursor)) {
            try await bench.catalogue.jobs(after: cursor, limit: 5, state: nil)
        }
    }

    @Test(arguments: Catalogues.available)
    func aHealthyCatalogueAnswersThePing(_ backend: CatalogueBackend) async throws {
        let bench = try Bench(backend)
        try await bench.catalogue.ping()
    }
}
