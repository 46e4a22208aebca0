import Domain
import Storage

/// Whether an attempt that failed is worth another one, and when.
///
/// Only faults that may pass are retried: a crash, a full disk, something internal. What the user must change first never
/// is.
struct RetryPolicy: Sendable {
    /// Before the second attempt; four times as long before each later one.
    let delay: Duration

    /// The catalogue fails the job by itself when the attempt was the last one; deciding it here keeps its log.
    func outcome(of failure: Failure, attempt: Int, maxAttempts: Int, artifacts: [ArtifactRow]) -> Outcome {
        guard failure.retryable, failure.fault == .service, attempt < maxAttempts else {
            return .failed(failure, artifacts: artifacts)
        }
        return .requeue(after: delay * Self.factor(attempt), failure)
    }

    private static func factor(_ attempt: Int) -> Int {
        1 << (2 * min(max(attempt - 1, 0), 8))
    }
}
