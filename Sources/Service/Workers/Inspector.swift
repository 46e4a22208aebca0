import Domain
import Storage

/// Has a worker look at what was uploaded before it is acknowledged, and check models by the rules of a target. It has few
/// slots of its own, so that an upload never waits behind a conversion.
struct Inspector: Sendable {
    let staging: Staging
    let scratch: Scratch
    let room: MeasuringRoom
    let turnstile: Turnstile
    let configuration: ServiceConfiguration

    /// A place for the file of an upload on its way to the store: it need not be read back for its inspection.
    struct Intake: Sendable {
        fileprivate static let file = "content"
        fileprivate let directory: ScratchDirectory

        /// Where the file has to be written.
        var path: String { directory.path + "/" + Self.file }
    }

    /// Gives `body` an intake, and removes it afterwards.
    func receiving<R: Sendable>(_ body: @Sendable (Intake) async throws -> R) async throws -> R {
        try await inDirectory { try await body(Intake(directory: $0)) }
    }

    /// `intake` holds the main file when that is the whole model.
    func model(
        main: Digest, external: [ModelRow.ExternalFile], size: Int64, intake: Intake?
    ) async throws -> ModelSummary {
        let final = try await inspect(size) { directory in
            if let intake {
                return .inspectModel(StagedModel(directory: intake.directory.path, file: Intake.file, digest: nil))
            }
            return .inspectModel(
                try await staging.model(main: main, external: external, digest: nil, verifying: .blocks, in: directory))
        }
        if case .inspectedModel(let summary) = final { return summary }
        throw Self.unexpected
    }

    /// Where the model breaks the rules of a target.
    func lint(main: Digest, external: [ModelRow.ExternalFile], size: Int64, target: Target) async throws -> LintReport {
        let final = try await inspect(size) { directory in
            .lintModel(
                try await staging.model(main: main, external: external, digest: nil, verifying: .blocks, in: directory),
                target: target)
        }
        if case .lintedModel(let report) = final { return report }
        throw Self.unexpected
    }

    func samples(
        _ blob: Digest, size: Int64, preprocessing: Preprocessing, purpose: StagedSamples.Purpose, intake: Intake?
    ) async throws -> SampleSetSummary {
        let final = try await inspect(size, mayWrite: try await room()) { directory in
            if let intake {
                return .inspectSamples(
                    StagedSamples(path: intake.path, digest: nil, preprocessing: preprocessing, purpose: purpose))
            }
            return .inspectSamples(
                try await staging.samples(
                    blob, id: nil, preprocessing: preprocessing, purpose: purpose, name: "samples", verifying: .blocks,
                    in: directory))
        }
        if case .inspectedSamples(let summary) = final { return summary }
        throw Self.unexpected
    }

    private static var unexpected: Failure {
        Failure(.internal, detail: "The worker answered something else than it was asked.")
    }

    private static let fewBytes: Int64 = 64 << 20

    /// Compressed arrays are unpacked beside the archive: what the disk has is what they may take.
    private func room() async throws -> Int64 {
        let free = try await staging.desk.run { [store = staging.store] in try store.freeBytes() }
        return max(Self.fewBytes, free - configuration.diskReserve)
    }

    private func inspect(
        _ size: Int64, mayWrite fileBytes: Int64 = fewBytes,
        _ order: @Sendable (ScratchDirectory) async throws -> WorkOrder
    ) async throws -> WorkEvent {
        try await turnstile.pass {
            try await inDirectory { try await run(try await order($0), size, fileBytes) }
        }
    }

    private func inDirectory<R: Sendable>(_ body: @Sendable (ScratchDirectory) async throws -> R) async throws -> R {
        let directory = try await staging.desk.run { [scratch] in try scratch.makeDirectory("inspect") }
        do {
            let result = try await body(directory)
            await clear(directory)
            return result
        } catch {
            await clear(directory)
            throw error
        }
    }

    private func clear(_ directory: ScratchDirectory) async {
        try? await staging.desk.run { directory.remove() }
    }

    private func run(_ order: WorkOrder, _ size: Int64, _ fileBytes: Int64) async throws -> WorkEvent {
        let process = WorkerProcess(log: WorkerLog())
        let timer = Task {
            try await Task.sleep(for: .seconds(configuration.inspectionSeconds))
            process.stop(.deadline)
        }
        defer { timer.cancel() }
        let limits = WorkerLimits(
            addressSpace: Admission.addressSpace(inputs: size, configuration),
            cpuSeconds: Int64(configuration.inspectionSeconds.rounded(.up)), fileBytes: fileBytes)
        let end = await room.share(with: process, as: .inspection) { heard in
            await process.run(
                order, command: configuration.command, limits: limits, patience: configuration.patience, onEvent: heard)
        }
        if let failure = end.failure(log: process.log, deadline: "the time allowed for an inspection") { throw failure }
        guard let final = end.final else { throw Self.unexpected }
        return final
    }
}
