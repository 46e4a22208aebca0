import Domain
import Foundation
import Storage
import Testing

/// What calibration passes left, for every backend.
@Suite struct CatalogueStatisticsTests {
    private func blobs(_ contents: String...) -> Set<Digest> {
        Set(contents.flatMap { [digest($0), digest($0 + " summary")] })
    }

    @Test(arguments: Catalogues.available)
    func statisticsComeBackNewestFirst(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        _ = try await bench.catalogue.addSampleSet(bench.sampleSet("t"))
        let old = bench.statistics("a", "one")
        #expect(try await bench.catalogue.addStatistics(old) == Deletion(found: true, orphans: []))
        bench.clock.advance(by: 1)
        let new = bench.statistics("b", "two")
        _ = try await bench.catalogue.addStatistics(new)
        let other = bench.statistics("a", "one", set: "t")
        _ = try await bench.catalogue.addStatistics(other)
        #expect(try await bench.catalogue.statistics(of: old.model, on: old.calibration) == [new, old])
        #expect(try await bench.catalogue.statistics(of: old.model, on: other.calibration) == [other])
        #expect(try await bench.catalogue.statistics(of: old.calibration, on: old.calibration) == [])
        let first = try await bench.catalogue.statistics(of: old.model, key: nil, after: nil, limit: 2)
        #expect(first.items == [other, new])
        let rest = try await bench.catalogue.statistics(of: old.model, key: nil, after: first.next, limit: 2)
        #expect(rest.items == [old] && rest.next == nil)
        #expect(
            try await bench.catalogue.statistics(of: old.model, key: old.key, after: nil, limit: 9).items
                == [other, old])
    }

    @Test(arguments: Catalogues.available)
    func aKeyMeansWhatWasMeasuredLast(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        _ = try await bench.catalogue.addStatistics(bench.statistics("a", "one"))
        bench.clock.advance(by: 1)
        let again = bench.statistics("a", "two")
        #expect(try await Set(bench.catalogue.addStatistics(again).orphans) == blobs("one"))
        #expect(try await bench.catalogue.statistics(of: again.model, on: again.calibration) == [again])
        #expect(try await bench.catalogue.addStatistics(again).orphans == [])
    }

    @Test(arguments: Catalogues.available)
    func theOldestOfManyAreForgotten(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        var orphans: [Digest] = []
        for number in 0..<10 {
            orphans += try await bench.catalogue.addStatistics(bench.statistics("\(number)", "content \(number)"))
                .orphans
            bench.clock.advance(by: 1)
        }
        #expect(Set(orphans) == blobs("content 0", "content 1"))
        let kept = try await bench.catalogue.statistics(of: digest("model m"), on: digest("set s"))
        #expect(kept.map(\.content) == (2..<10).reversed().map { digest("content \($0)") })
    }

    @Test(arguments: Catalogues.available)
    func theyGoWithTheModelAndWithTheSet(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        _ = try await bench.catalogue.addSampleSet(bench.sampleSet("t"))
        _ = try await bench.catalogue.addStatistics(bench.statistics("a", "one"))
        _ = try await bench.catalogue.addStatistics(bench.statistics("a", "one", set: "t"))
        _ = try await bench.catalogue.addStatistics(bench.statistics("b", "two", set: "t"))
        #expect(try await bench.catalogue.referencedBlobs().isSuperset(of: blobs("one", "two")))
        #expect(
            try await Set(bench.catalogue.deleteSampleSet(digest("set t")).orphans)
                == blobs("two").union([digest("t")]))
        #expect(try await bench.catalogue.isReferenced(digest("one")))
        #expect(
            try await Set(bench.catalogue.deleteModel(digest("model m")).orphans) == blobs("one").union([digest("m")]))
        #expect(try await bench.catalogue.referencedBlobs() == [digest("s")])
    }

    @Test(arguments: Catalogues.available)
    func theyAreForgottenOnRequest(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        let row = bench.statistics("a", "one")
        _ = try await bench.catalogue.addStatistics(row)
        #expect(try await bench.catalogue.deleteStatistics(of: row.model, key: digest("key b")).found == false)
        #expect(
            try await Set(bench.catalogue.deleteStatistics(of: row.model, key: row.key).orphans) == blobs("one"))
        #expect(try await bench.catalogue.statistics(of: row.model, on: row.calibration) == [])
    }

    @Test(arguments: Catalogues.available)
    func nothingIsKeptOfWhatIsNotThere(_ backend: CatalogueBackend) async throws {
        let bench = try await Bench.stocked(backend)
        for row in [bench.statistics("a", "one", model: "x"), bench.statistics("a", "one", set: "x")] {
            await #expect(throws: StorageError.self) { try await bench.catalogue.addStatistics(row) }
        }
        #expect(try await !bench.catalogue.isReferenced(digest("one")))
    }
}
