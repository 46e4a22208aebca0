import Foundation
import Pages

/// What can go wrong in the service that is neither a problem with a request nor a failure of a job.
package enum ServiceError: Error, CustomStringConvertible {
    /// A system call failed.
    case system(_ call: String, _ code: Int32)
    /// Another server uses the same data directory.
    case dataDirectoryInUse(String)
    /// The data directory cannot be made.
    case dataDirectoryUnusable(String, reason: String)
    /// As many jobs wait as may.
    case queueFull(_ length: Int)
    /// A worker named a result that is not a plain file in its scratch directory.
    case badResult(String)

    package var description: String {
        switch self {
        case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
        case .dataDirectoryInUse(let path):
            "another octavo server uses \(path); stop it, or give this one another directory with --data"
        case .dataDirectoryUnusable(let path, let reason):
            "cannot use \(path) for data: \(reason); give another directory with --data"
        case .queueFull(let length): "the queue is full (\(Number.count(length, "job"))); try again later"
        case .badResult(let what): "the worker's result cannot be taken: \(what)"
        }
    }
}
