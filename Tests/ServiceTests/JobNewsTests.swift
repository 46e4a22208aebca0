import Domain
import Foundation
import Storage
import Synchronization
import Testing

@testable import Service

@Suite struct JobNewsTests {
    private func claim(_ token: Int64) -> Claim {
        let digest = Digest(bytes: Array(repeating: 7, count: 32))
        let job = JobRow(
            id: "j", model: digest, calibration: digest, recipe: Recipe(),
            maxAttempts: 3, created: Date(timeIntervalSince1970: 0))
        return Claim(job: job, token: token)
    }

    /// An attempt that lost its lease says its last words while the next one runs.
    @Test func aLostAttemptDoesNotSpeakForTheNextOne() {
        let news = JobNews()
        let stopped = Mutex<[Int64]>([])
        let (lost, next) = (claim(1), claim(2))
        for claim in [lost, next] {
            news.began(claim, at: Date(timeIntervalSince1970: 0)) { stopped.withLock { $0.append(claim.token) } }
        }
        news.progressed(lost, .publish, 0.9)
        news.progressed(next, .calibrate, 0.2)
        news.ended(lost)
        #expect(news.live("j")?.progress == 0.2 && news.live("j")?.phase == .calibrate)
        news.cancel("j")
        #expect(stopped.withLock { $0 } == [2])
        news.ended(next)
        #expect(news.live("j") == nil)
    }
}
