import Domain
import Testing

/// The frontier of the candidates of a job.
struct SearchTests {
    private func search(_ candidates: [Report.Search.Candidate]) -> Report.Search {
        Report.Search(objective: .latency, samples: 4, candidates: candidates, layers: [])
            .concluded(modelBytes: 1000, latency: nil)
    }

    private func candidate(
        _ name: String, _ bytes: Int64, _ speedup: Double?, _ sqnr: Double?, chosen: Bool = false
    ) -> Report.Search.Candidate {
        .init(name: name, form: "integer", bytes: bytes, speedup: speedup, sqnrDb: sqnr, chosen: chosen)
    }

    @Test func whatAnotherBeatsInAllThreeIsNotOnTheFrontier() {
        let found = search([
            candidate("fast", 300, 2, 30, chosen: true), candidate("worse", 400, 1.9, 29),
            candidate("small", 200, 1.5, 20), candidate("close", 500, 1.2, 40),
        ]).candidates
        #expect(found.map(\.optimal) == [true, true, false, true, true])
    }

    @Test func theModelItselfIsBeatenByNothingButAnIdenticalFile() {
        var same = candidate("same", 900, 1.1, nil)
        same.identical = true
        #expect(search([same]).candidates.map(\.optimal) == [false, true])
        #expect(search([candidate("like", 900, 1.1, 90)]).candidates.map(\.optimal) == [true, true])
    }

    @Test func whatWasNotMeasuredIsNotJudged() {
        let found = search([candidate("untimed", 300, nil, 30), candidate("unlike", 300, 2, nil)]).candidates
        #expect(found.map(\.optimal) == [true, nil, nil])
        #expect(found[1].speedup == nil)
    }
}
