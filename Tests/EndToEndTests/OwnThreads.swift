import Foundation
import Testing

/// Runs tests on a few threads of their own. They wait for other programs in blocking calls, and the pool that all tasks
/// share has only as many threads as there are processors: servers that other suites run in this process would starve.
struct OwnThreads: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(ThreadExecutor.shared) { try await function() }
    }
}

extension Trait where Self == OwnThreads {
    static var ownThreads: OwnThreads { OwnThreads() }
}

private final class ThreadExecutor: TaskExecutor {
    static let shared = ThreadExecutor()
    private let threads = OperationQueue()

    init() { threads.maxConcurrentOperationCount = 3 }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        threads.addOperation { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
