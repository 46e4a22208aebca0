import Domain

/// Whether a failed attempt is worth another one, and when.
///
/// Only faults that may pass are retried: a crash, a full disk, something internal. What the user must change first never
/// is.
struct RetryPolicy: Sendable {
    /// Before the second attempt; four times as long before each later one.
    let delay: Duration

    /// How long to wait before the next attempt; nil when there is none.
    func pause(after failure: Failure, attempt: Int, maxAttempts: Int) -> Duration? {
        guard failure.retryable, failure.fault == .service, attempt < maxAttempts else { return nil }
        return delay * (1 << (2 * min(max(attempt - 1, 0), 8)))
    }
}
