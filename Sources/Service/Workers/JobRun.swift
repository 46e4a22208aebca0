import Domain
import Foundation
import Logging
import Storage
import Synchronization

/// One attempt at one job: stage the inputs, run a worker, renew the lease meanwhile, take the results in.
struct JobRun: Sendable {
    let queue: JobQueue
    let shelf: Shelf
    let staging: Staging
    let scratch: Scratch
    let room: MeasuringRoom
    /// Signs how an artifact was made.
    let key: SigningKey
    let configuration: ServiceConfiguration
    let metrics: Metrics
    let log: Logger

    /// Ends with the job finished, handed back or lost. `process` can be stopped from outside.
    func run(_ claim: Claim, _ process: WorkerProcess) async {
        let job = claim.job
        metrics.attemptBegan()
        queue.news.began(claim, at: Date()) { process.stop(.cancelled) }
        if job.cancelRequested { process.stop(.cancelled) }
        let heartbeat = Task { await keepLease(claim, process) }
        defer { heartbeat.cancel() }
        var stored: [StoredBlob] = []
        var removal: Task<Void, Never>?
        let outcome = await attempt(claim, process, &stored, &removal)
        await finish(claim, outcome, stored)
        // After the job's end, which must not depend on it; but a server that stops leaves nothing behind.
        await removal?.value
    }

    /// Nil when the lease is lost: somebody else has the job now, and nothing may be published.
    private func attempt(
        _ claim: Claim, _ process: WorkerProcess, _ stored: inout [StoredBlob], _ removal: inout Task<Void, Never>?
    ) async -> Outcome? {
        let failure: Failure
        let job = claim.job
        do {
            let directory = try await shelf.desk.run { [scratch] in try scratch.makeDirectory(claim.job.id) }
            defer { removal = remove(directory) }
            let statistics = Mutex<StatisticsFiles?>(nil)
            let end = try await work(claim, process, directory) { files in statistics.withLock { $0 = files } }
            if end.stopped != .lostLease, let files = statistics.withLock({ $0 }) {
                await keep(files, of: job, from: directory)
            }
            switch end.stopped {
            case .cancelled: return .cancelled
            case .lostLease: return nil
            case .shutdown: return .requeue(after: .zero, nil)
            case .deadline, nil: break
            }
            if let reason = end.failure(log: process.log, deadline: "the job's deadline") {
                failure = reason
            } else {
                return try await succeed(end, claim, process, directory, &stored)
            }
        } catch {
            failure = Self.failure(error)
            // Results that were taken in before another could not be.
            await shelf.abandon(stored)
            stored = []
            // The disk's fault, not the job's: it waits for the server that comes after the repair.
            if shelf.isBroken { return .requeue(after: .zero, nil) }
        }
        process.log.append(line: "attempt \(claim.job.attempt): \(failure.type.rawValue): \(failure.detail)")
        let policy = RetryPolicy(delay: configuration.retryDelay)
        if let pause = policy.pause(after: failure, attempt: claim.job.attempt, maxAttempts: claim.job.maxAttempts) {
            return .requeue(after: pause, failure)
        }
        return .failed(failure, artifacts: await keepLog(process, &stored))
    }

    private func remove(_ directory: ScratchDirectory) -> Task<Void, Never> {
        Task { [desk = shelf.desk] in try? await desk.run { directory.remove() } }
    }

    // MARK: The worker

    private func work(
        _ claim: Claim, _ process: WorkerProcess, _ directory: ScratchDirectory,
        _ onStatistics: @escaping @Sendable (StatisticsFiles) -> Void
    ) async throws -> WorkerEnd {
        let (order, bytes) = try await stage(claim, directory)
        let seconds = timeAllowed(claim.job)
        let timer = Task {
            try await Task.sleep(for: .seconds(seconds))
            process.stop(.deadline)
        }
        defer { timer.cancel() }
        let limits = WorkerLimits(
            addressSpace: Admission.addressSpace(inputs: bytes, configuration),
            cpuSeconds: Int64(min(seconds * Double(configuration.threads + 1) + 60, 1e9)),
            fileBytes: 4 * bytes + (1 << 30))
        return await room.share(with: process, as: .conversion) { heard in
            await process.run(
                order, command: configuration.command, limits: limits, patience: configuration.patience
            ) { [news = queue.news] event in
                heard(event)
                if case .progress(let stage, let fraction) = event { news.progressed(claim, stage, fraction) }
                if case .measuredStatistics(let files) = event { onStatistics(files) }
            }
        }
    }

    /// The shorter of what the job has left and what the server allows one attempt.
    private func timeAllowed(_ job: JobRow) -> Double {
        let left = job.deadline.map { $0.timeIntervalSinceNow } ?? .infinity
        return max(0, min(left, configuration.jobSeconds))
    }

    private func stage(_ claim: Claim, _ directory: ScratchDirectory) async throws -> (WorkOrder, bytes: Int64) {
        let job = claim.job
        let (model, calibration, evaluation) = try await inputs(job)
        let unpacked = try unpackedBytes(model, calibration) + (evaluation.map { try unpackedBytes(model, $0) } ?? 0)
        let staged = try await staging.model(
            main: model.blob, name: model.file, external: model.external, digest: model.id, in: directory)
        let order = WorkOrder.Quantize(
            job: job.id, attempt: job.attempt, model: staged,
            calibration: try await samples(calibration, .calibration, directory),
            evaluation: try await samples(evaluation, .evaluation, directory), recipe: job.recipe,
            scratch: directory.path, threads: threads(job), measureSeconds: configuration.measureSeconds,
            reproduces: job.reproduces, statistics: await keptStatistics(of: job, in: directory))
        return (.quantize(order), model.size + calibration.size + (evaluation?.size ?? 0) + unpacked)
    }

    private func threads(_ job: JobRow) -> Int { job.recipe.options.threads ?? configuration.threads }

    private func inputs(_ job: JobRow) async throws -> (ModelRow, SampleSetRow, evaluation: SampleSetRow?) {
        guard let model = try await queue.catalogue.model(job.model.description),
            let calibration = try await queue.catalogue.sampleSet(job.calibration.description)
        else { throw Failure(.internal, stage: .load, detail: "The job's model or set is gone.", retryable: false) }
        guard let id = job.evaluation else { return (model, calibration, nil) }
        return (model, calibration, try await queue.catalogue.sampleSet(id.description))
    }

    /// What a set takes in the scratch directory beside its file: pictures once they are resized for the model, the arrays of
    /// an .npz when they are compressed.
    private func unpackedBytes(_ model: ModelRow, _ set: SampleSetRow) throws -> Int64 {
        switch set.summary.format {
        case .npy: return 0
        case .npz: return set.summary.arrays.reduce(0) { $0 + $1.mostBytes }
        case .pictures:
            let geometry = try set.summary.preprocessing.resolved(for: model.summary).geometry
            return Int64(geometry.bytes) * Int64(set.summary.samples)
        }
    }

    private func samples(
        _ set: SampleSetRow, _ purpose: StagedSamples.Purpose, _ directory: ScratchDirectory
    ) async throws -> StagedSamples {
        try await staging.samples(
            set.blob, id: set.id, preprocessing: set.summary.preprocessing, purpose: purpose, name: purpose.rawValue,
            in: directory)
    }

    private func samples(
        _ set: SampleSetRow?, _ purpose: StagedSamples.Purpose, _ directory: ScratchDirectory
    ) async throws -> StagedSamples? {
        guard let set else { return nil }
        let staged: StagedSamples = try await samples(set, purpose, directory)
        return staged
    }

    // MARK: The lease

    /// Renews until cancelled. A lease that cannot be renewed in time counts as lost.
    private func keepLease(_ claim: Claim, _ process: WorkerProcess) async {
        var last = Clock.monotonic
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(queue.heartbeat))
            if Task.isCancelled { return }
            do {
                switch try await queue.renew(claim) {
                case .held: last = Clock.monotonic
                case .cancelRequested: process.stop(.cancelled)
                case .lost: return process.stop(.lostLease)
                }
            } catch {
                log.error("lease not renewed", metadata: ["job": "\(claim.job.id)", "error": "\(error)"])
                if Clock.monotonic - last > 3 * queue.heartbeat { return process.stop(.lostLease) }
            }
        }
    }

    // MARK: Results

    private func succeed(
        _ end: WorkerEnd, _ claim: Claim, _ process: WorkerProcess, _ directory: ScratchDirectory,
        _ stored: inout [StoredBlob]
    ) async throws -> Outcome {
        guard case .finished(let results) = end.final else {
            throw Failure(.internal, detail: "The worker answered something else than it was asked.")
        }
        let name = FileName.safe(results.artifactName, or: "model.int8.onnx")
        let base = name.hasSuffix(".onnx") ? String(name.dropLast(5)) : name
        let files: [(ArtifactRow.Kind, file: String, name: String, mediaType: String)] = [
            (.artifact, results.artifact, name, "application/octet-stream"),
            (.report, results.report, base + ".report.json", "application/json"),
            (.reportText, results.reportText, base + ".report.txt", "text/plain; charset=utf-8"),
            (.reportHTML, results.reportHtml, base + ".report.html", "text/html; charset=utf-8"),
            (.plan, results.plan, base + ".plan.json", "application/json"),
        ]
        var artifacts: [ArtifactRow] = []
        for (kind, file, name, mediaType) in files {
            let writer = try await shelf.makeWriter(kind == .artifact ? .weights : .text)
            let blob = try await keep(writer) { try directory.read(file, writer.write) }
            stored.append(blob)
            artifacts.append(
                ArtifactRow(kind: kind, name: name, mediaType: mediaType, digest: blob.digest, size: blob.size))
        }
        artifacts += await keepLog(process, &stored)
        let report = try await report(in: artifacts)
        artifacts.append(try await sign(artifacts, report, claim.job, base: base, &stored))
        return .succeeded(
            artifacts: artifacts, verdict: results.verdict,
            reproduction: Self.reproduction(claim.job, artifacts, report))
    }

    private func report(in artifacts: [ArtifactRow]) async throws -> StoredReport? {
        guard let row = artifacts.first(where: { $0.kind == .report }) else { return nil }
        return try await shelf.report(row.digest, on: shelf.desk)
    }

    /// The statement of how the artifact was made names the digests of everything that came out before it.
    private func sign(
        _ artifacts: [ArtifactRow], _ report: StoredReport?, _ job: JobRow, base: String, _ stored: inout [StoredBlob]
    ) async throws -> ArtifactRow {
        let (model, calibration, evaluation) = try await inputs(job)
        let statement = try Statement(
            .init(
                job: job, model: model, calibration: calibration, evaluation: evaluation, artifacts: artifacts,
                report: report, threads: threads(job), finished: Date()))
        let bytes = try Envelope(statement.encoded(), signedBy: key).encoded()
        let writer = try await shelf.makeWriter(.text)
        let blob = try await keep(writer) { try bytes.withUnsafeBytes { try writer.write($0) } }
        stored.append(blob)
        return ArtifactRow(
            kind: .provenance, name: base + ".provenance.json", mediaType: Envelope.mediaType, digest: blob.digest,
            size: blob.size)
    }

    private static func reproduction(
        _ job: JobRow, _ artifacts: [ArtifactRow], _ report: StoredReport?
    ) -> Reproduction? {
        guard let artifact = artifacts.first(where: { $0.kind == .artifact }) else { return nil }
        return job.reproduces?.concluded(artifact.digest, under: report?.conditions ?? .init())
    }

    func keep(_ writer: any BlobWriter, _ fill: @escaping @Sendable () throws -> Void) async throws
        -> StoredBlob
    {
        do {
            try await shelf.desk.run(fill)
            return try await shelf.finish(writer)
        } catch {
            writer.abandon()
            throw error
        }
    }

    /// The log is worth keeping, but never worth failing a job for.
    private func keepLog(_ process: WorkerProcess, _ stored: inout [StoredBlob]) async -> [ArtifactRow] {
        do {
            let writer = try await shelf.makeWriter(.text)
            let bytes = process.log.bytes
            let blob = try await keep(writer) {
                try bytes.withUnsafeBytes { (part: UnsafeRawBufferPointer) in try writer.write(part) }
            }
            stored.append(blob)
            return [
                ArtifactRow(
                    kind: .log, name: "job.log", mediaType: "text/plain; charset=utf-8", digest: blob.digest,
                    size: blob.size)
            ]
        } catch {
            log.error("a job's log was not kept", metadata: ["error": "\(error)"])
            return []
        }
    }

    private static func failure(_ error: any Error) -> Failure {
        switch error {
        case let failure as Failure: failure
        case StorageError.outOfSpace(let detail): Failure(.outOfDisk, detail: "The server's disk is full: \(detail)")
        default: Failure(.internal, detail: "\(error)")
        }
    }

    // MARK: The end

    /// Tells the catalogue; what no row names in the end is taken off the shelf again.
    private func finish(_ claim: Claim, _ outcome: Outcome?, _ stored: [StoredBlob]) async {
        var held = false
        if let outcome {
            do {
                held = try await queue.finish(claim, outcome)
            } catch {
                // The lease runs out and the job is rescued.
                log.error("job not finished", metadata: ["job": "\(claim.job.id)", "error": "\(error)"])
            }
        }
        queue.news.ended(claim)
        if held { await shelf.settle(stored) } else { await shelf.abandon(stored) }
        let word = outcome?.word ?? "lost"
        metrics.attemptEnded(word)
        log.info("attempt ended", metadata: ["job": "\(claim.job.id)", "outcome": "\(word)"])
    }
}

extension Outcome {
    var word: String {
        switch self {
        case .succeeded: "succeeded"
        case .failed(let failure, _): "failed-\(failure.type.rawValue)"
        case .cancelled: "cancelled"
        case .expired: "expired"
        case .requeue: "requeued"
        }
    }
}

extension SampleSetSummary.Array {
    /// Its values' bytes if each took eight, and never more than 1 TiB, so that sums of them fit.
    fileprivate var mostBytes: Int64 {
        let most: Int64 = 1 << 40
        return shape.reduce(8) { bytes, size in
            let (product, overflow) = bytes.multipliedReportingOverflow(by: Int64(size))
            return overflow ? most : min(product, most)
        }
    }
}
