/// Where a job is. Terminal states never change.
package enum JobState: String, Codable, Sendable, CaseIterable {
    case queued, running, succeeded, failed, cancelled, expired

    package var isTerminal: Bool { self != .queued && self != .running }

    /// The only moves there are. A running job goes back to `queued` when its worker or server is lost.
    package func canBecome(_ next: JobState) -> Bool {
        switch self {
        case .queued: next == .running || next == .cancelled || next == .expired || next == .failed
        case .running: next != .running
        default: false
        }
    }
}

/// The stages of a job in the worker, in order.
package enum Stage: String, Codable, Sendable, CaseIterable {
    case load, prepare, calibrate, quantize, verify, measure, publish
}

/// Why a job, or an inspection, came to nothing.
package struct Failure: Error, Equatable, Sendable, Codable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        case invalidModel = "invalid-model"
        case corruptModel = "corrupt-model"
        case unsupportedModel = "unsupported-model"
        case alreadyQuantized = "already-quantized"
        case nothingToQuantize = "nothing-to-quantize"
        case missingExternalData = "missing-external-data"
        case invalidCalibrationSet = "invalid-calibration-set"
        case gateNotMet = "gate-not-met"
        case outOfMemory = "out-of-memory"
        case outOfDisk = "out-of-disk"
        case timeout
        case engineCrash = "engine-crash"
        case engineMissing = "engine-missing"
        case `internal`
    }
    package enum Fault: String, Codable, Sendable { case user, service }

    package var type: Kind
    package var stage: Stage?
    /// A sentence for a person: what happened and what to do next.
    package var detail: String
    /// The input, tensor or node it is about.
    package var pointer: String?
    package var retryable: Bool
    package var fault: Fault

    package init(
        _ type: Kind, stage: Stage? = nil, detail: String, pointer: String? = nil, retryable: Bool? = nil,
        fault: Fault? = nil
    ) {
        self.type = type
        self.stage = stage
        self.detail = detail
        self.pointer = pointer
        self.retryable = retryable ?? type.isRetryable
        self.fault = fault ?? type.fault
    }
}

extension Failure.Kind {
    /// Whether the same job may succeed when it is run again as it is.
    package var isRetryable: Bool {
        switch self {
        case .outOfDisk, .engineCrash, .internal: true
        default: false
        }
    }

    package var fault: Failure.Fault {
        switch self {
        case .outOfDisk, .engineCrash, .engineMissing, .internal: .service
        default: .user
        }
    }
}
