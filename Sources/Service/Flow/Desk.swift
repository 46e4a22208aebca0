import Dispatch

/// Where blocking work of the service is done (files, compression, digests): a few threads of its own, so that neither the
/// lanes nor the pool of the async functions ever wait for a disk.
package final class Desk: Sendable {
    private let turnstile: Turnstile
    private let queue: DispatchQueue

    package init(label: String, width: Int) {
        turnstile = Turnstile(width: width)
        queue = DispatchQueue(label: label, attributes: .concurrent)
    }

    package func run<R: Sendable>(_ work: @escaping @Sendable () throws -> R) async throws -> R {
        try await turnstile.pass {
            try await withCheckedThrowingContinuation { continuation in
                self.queue.async { continuation.resume(with: Result { try work() }) }
            }
        }
    }
}
