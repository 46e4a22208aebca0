import Domain
import Storage

/// Has a worker look at what was uploaded before it is acknowledged, and check models by the rules of a target. It has few slots of its own, so that an upload never
/// waits behind a conversion.
struct Inspector: Sendable {
    let staging: Staging
    let scratch: Scratch
    let turnstile: Turnstile
    let configuration: ServiceConfiguration

    func model(main: Digest, external: [ModelRow.ExternalFile], size: Int64) async throws -> ModelSummary {
        let final = try await inspect(size) { directory in
            .inspectModel(
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
        _ blob: Digest, size: Int64, preprocessing: Preprocessing, purpose: StagedSamples.Purpose
    ) async throws -> SampleSetSummary {
        let final = try await inspect(size) { directory in
            .inspectSamples(
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

    private func inspect(_ size: Int64, _ order: @Sendable (ScratchDirectory) async throws -> WorkOrder) async throws
        -> WorkEvent
    {
        try await turnstile.pass {
            let directory = try await staging.desk.run { [scratch] in try scratch.makeDirectory("inspect") }
            do {
                let final = try await run(try await order(directory), size)
                await clear(directory)
                return final
            } catch {
                await clear(directory)
                throw error
            }
        }
    }

    private func clear(_ directory: ScratchDirectory) async {
        try? await staging.desk.run { directory.remove() }
    }

    private func run(_ order: WorkOrder, _ size: Int64) async throws -> WorkEvent {
        let process = WorkerProcess(log: WorkerLog())
        let timer = Task {
            try await Task.sleep(for: .seconds(configuration.inspectionSeconds))
            process.stop(.deadline)
        }
        defer { timer.cancel() }
        let limits = WorkerLimits(
            addressSpace: Admission.addressSpace(inputs: size, configuration),
            cpuSeconds: Int64(configuration.inspectionSeconds.rounded(.up)), fileBytes: 64 << 20)
        let end = await process.run(
            order, command: configuration.command, limits: limits, patience: configuration.patience)
        if let failure = end.failure(log: process.log, deadline: "the time allowed for an inspection") { throw failure }
        guard let final = end.final else { throw Self.unexpected }
        return final
    }
}
