import CLinux
import Domain

extension WorkerEnd {
    /// Why there is no result; nil when the worker said `finished` or `inspected…` and exited cleanly.
    ///
    /// A failure that the worker reports itself counts most; then why we stopped it; then how it died.
    func failure(log: WorkerLog, deadline: String = "its deadline") -> Failure? {
        if case .failed(let failure) = final { return failure }
        if let violation { return Failure(.internal, stage: lastStage, detail: Text.sentence(violation)) }
        switch stopped {
        case .deadline:
            return Failure(
                .timeout, stage: lastStage,
                detail:
                    "The work was stopped\(during) because \(deadline) had passed. Allow more time, or use a smaller "
                    + "model or fewer samples.")
        case .cancelled, .lostLease, .shutdown:
            return Failure(.internal, stage: lastStage, detail: "The worker was stopped\(during).")
        case nil: break
        }
        if signal != 0 { return death(log) }
        if code == 0, final != nil { return nil }
        return exit(log)
    }

    private func death(_ log: WorkerLog) -> Failure {
        let name = octavo_signal_name(signal).map { String(cString: $0) } ?? "signal \(signal)"
        switch name {
        case "SIGKILL":
            // The kernel kills so when memory runs out, but an operator may have done it: worth another attempt.
            return Failure(
                .outOfMemory, stage: lastStage,
                detail:
                    "The worker was killed\(during), most likely because the machine ran out of memory. Use a smaller "
                    + "model, or give the server more memory.", retryable: true, fault: .service)
        case "SIGXCPU":
            return Failure(
                .timeout, stage: lastStage, detail: "The worker used up its processor time\(during). Use fewer samples."
            )
        case "SIGXFSZ":
            return Failure(
                .outOfDisk, stage: lastStage, detail: "The worker wrote a file beyond the size limit\(during).",
                retryable: false)
        default: break
        }
        if Self.saysOutOfMemory(log) { return outOfMemory }
        return Failure(
            .engineCrash, stage: lastStage,
            detail: "The worker was ended by \(name)\(during). The log says what it did last.")
    }

    private func exit(_ log: WorkerLog) -> Failure {
        switch code {
        case WorkerExit.outOfMemory: return outOfMemory
        case WorkerExit.outOfDisk:
            return Failure(.outOfDisk, stage: lastStage, detail: "The disk was full\(during).")
        default: break
        }
        if code != 0, Self.saysOutOfMemory(log) { return outOfMemory }
        let last = log.lastLines(2)
        return Failure(
            .internal, stage: lastStage,
            detail: "The worker exited with status \(code)\(during) without a result."
                + (last.isEmpty ? "" : " Its last words: \(last)"))
    }

    private var outOfMemory: Failure {
        Failure(
            .outOfMemory, stage: lastStage,
            detail: "The worker ran out of memory\(during). Use a smaller model, or raise the server's worker_memory.")
    }

    private var during: String { lastStage.map { " during \($0.rawValue)" } ?? "" }

    private static func saysOutOfMemory(_ log: WorkerLog) -> Bool {
        let words = log.lastLines(20).lowercased()
        return ["bad_alloc", "cannot allocate memory", "out of memory"].contains { words.contains($0) }
    }
}
