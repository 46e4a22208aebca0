import Domain
import Testing

@Suite struct ReproductionTests {
    private let then = Reproduction.Conditions(
        octavoVersion: "0.1.0", engine: "onnxruntime", engineVersion: "1.32.0", kernels: "avx512", processor: "A")

    private func digest(_ digit: String) throws -> Digest { try #require(Digest(String(repeating: digit, count: 64))) }

    @Test func theSameBytesNeedNoReason() throws {
        let wish = Reproduction(job: "job_1", expected: try digest("a"), original: then)
        #expect(wish.identical == nil && wish.digest == nil)
        var now = then
        now.engineVersion = "1.33.0"
        let result = wish.concluded(try digest("a"), under: now)
        #expect(result.identical == true && result.reasons == nil)
    }

    @Test func everythingThatDiffersIsNamed() throws {
        let wish = Reproduction(job: "job_1", expected: try digest("a"), original: then)
        let now = Reproduction.Conditions(
            octavoVersion: "0.2.0", engine: "onnxruntime", engineVersion: "1.33.0", kernels: "avx2", processor: "B")
        let result = wish.concluded(try digest("b"), under: now)
        #expect(
            result.reasons == [
                "The version of octavo was 0.1.0 and is 0.2.0 now.",
                "The engine's version was 1.32.0 and is 1.33.0 now.", "The processor was A and is B now.",
                "The choice of kernels was avx512 and is avx2 now.",
            ])
        #expect(result.identical == false)
        #expect(try JSON.decode(Reproduction.self, from: JSON.encode(result)) == result)
    }

    @Test func whereNothingDiffersThatIsSaid() throws {
        let wish = Reproduction(job: "job_1", expected: try digest("a"), original: then)
        // What is not known is no reason.
        for now in [then, .init()] {
            let reasons = wish.concluded(try digest("b"), under: now).reasons ?? []
            #expect(reasons.count == 1 && reasons.first?.hasPrefix("Nothing that is recorded") == true)
        }
    }
}
