import Domain
import Foundation
import Inference
import ModelGraph
import Quantization

/// Writes the artifact, the plan and the report into the scratch directory.
struct Publish {
    private let order: WorkOrder.Quantize
    private let inputs: Inputs
    private let engine: any Engine
    private let clock: StageClock
    private let digest: Pipeline.FileDigest?
    private let packing: Pipeline.FilePacking?

    init(
        _ order: WorkOrder.Quantize, _ inputs: Inputs, _ engine: any Engine, _ clock: StageClock,
        _ digest: Pipeline.FileDigest?, _ packing: Pipeline.FilePacking?
    ) {
        self.order = order
        self.inputs = inputs
        self.engine = engine
        self.clock = clock
        self.digest = digest
        self.packing = packing
    }

    func callAsFunction(
        _ candidate: Candidate, _ prepared: PreparedModel, _ verified: Verify.Result, _ measured: Measure.Result
    ) throws -> WorkEvent.Results {
        let artifact = "artifact.onnx"
        try? FileManager.default.removeItem(atPath: path(artifact))
        try FileManager.default.moveItem(atPath: candidate.path, toPath: path(artifact))
        let rewrites = prepared.basis(of: candidate.quantized.form).rewrites
        let plan = PlanDocument(candidate.quantized, rewrites: rewrites, target: order.recipe.target)
        try Data(JSON.encode(plan, pretty: true)).write(to: URL(fileURLWithPath: path("plan.json")))
        var report = try self.report(candidate, verified, measured, artifact: path(artifact))
        if let digest = report.identity.artifact.digest {
            report.reproduces = order.reproduces?.concluded(digest, under: report.conditions)
        }
        report.verdict = Report.Verdict.judge(report)
        try report.write(into: order.scratch)
        return WorkEvent.Results(
            artifact: artifact, artifactName: artifactName, report: Report.jsonName, reportText: Report.textName,
            reportHtml: Report.htmlName,
            plan: "plan.json", verdict: report.verdict.line)
    }

    private func report(
        _ candidate: Candidate, _ verified: Verify.Result, _ measured: Measure.Result, artifact: String
    ) throws -> Report {
        let quantized = candidate.quantized
        let environment = HostEnvironment.read()
        let packed = try packing?(artifact)
        return Report(
            verdict: .pending, identity: try identity(artifact),
            split: split, accuracy: verified.accuracy, accuracyAbsence: verified.accuracyAbsence,
            detection: verified.detection, fidelity: verified.fidelity, latency: measured.latency,
            latencyAbsence: measured.absence, gate: candidate.gate,
            search: candidate.search?.concluded(
                modelBytes: modelBytes, latency: measured.latency),
            size: Report.Size(
                modelBytes: modelBytes, artifactBytes: size(of: artifact),
                modelWeightBytes: Int64(inputs.loaded.summary.weightBytes),
                artifactWeightBytes: Int64(quantized.model.graph.weightBytes),
                artifactStoredBytes: packed?.stored, artifactGzipBytes: packed?.gzip),
            memory: Report.Memory(
                peakRssBytes: clock.peak(), phases: clock.phases, fp32InferenceBytes: measured.memory.fp32,
                int8InferenceBytes: measured.memory.int8, inferenceAbsence: measured.memory.absence),
            load: measured.load, coverage: verified.coverage, plan: planSummary(candidate),
            calibration: calibrationHealth(candidate),
            portability: .init(of: quantized, for: order.recipe.target, measuredOn: environment),
            environment: environment,
            stages: clock.times, findings: candidate.decisions + verified.findings + overlapFindings)
    }

    private func identity(_ artifact: String) throws -> Report.Identity {
        Report.Identity(
            job: order.job, attempt: order.attempt,
            model: .init(name: order.model.file, digest: order.model.digest, bytes: modelBytes),
            calibration: .init(digest: order.calibration.digest, bytes: size(of: order.calibration.path)),
            evaluation: order.evaluation.map { .init(digest: $0.digest, bytes: size(of: $0.path)) },
            artifact: .init(name: artifactName, digest: try digest?(artifact), bytes: size(of: artifact)),
            recipe: order.recipe,
            engine: engine.name, engineVersion: engine.version, octavoVersion: Octavo.version,
            kernels: StatisticsBank.kernels, seed: LatencyMeter.Settings().seed, created: Date())
    }

    private var split: Report.Split {
        let calibration = Set(inputs.digests)
        let overlap = inputs.heldOut ? inputs.evaluationDigests.count(where: calibration.contains) : nil
        return Report.Split(
            calibrationSamples: inputs.used.count, evaluationSamples: inputs.evaluation.count,
            // A set of the same samples under another name holds nothing out.
            heldOut: overlap.map { $0 < inputs.evaluation.count } ?? false, overlap: overlap,
            labels: inputs.evaluation.labels?.count ?? 0)
    }

    private func planSummary(_ candidate: Candidate) -> Report.Plan {
        let quantized = candidate.quantized
        let kept = zip(quantized.topology.graph.nodes, quantized.plan.placement.verdicts).compactMap { node, verdict in
            if case .float(let reason) = verdict, OperatorRule.of(node) == .anchor {
                Report.Plan.Kept(name: node.name, reason: reason.text)
            } else {
                nil
            }
        }
        let figures = LayerFigures(quantized)
        return Report.Plan(
            quantizedActivations: quantized.plan.grids.count, quantizedWeights: quantized.plan.placement.anchors.count,
            keptFloat: kept,
            layers: layers(candidate, figures), deadChannels: figures.deadChannels, ranges: ranges(quantized),
            record: candidate.record(of: order.recipe))
    }

    private func layers(_ candidate: Candidate, _ figures: LayerFigures) -> [Report.Plan.Layer] {
        let nodes = candidate.quantized.topology.graph.nodes
        let places = Dictionary(
            nodes.enumerated().map { ($1.label, (place: $0, name: $1.name)) }, uniquingKeysWith: { first, _ in first })
        return candidate.quantized.layers.filter(\.sqnr.isFinite).map { layer in
            .init(
                node: places[layer.name]?.name ?? layer.name, sqnrDb: layer.sqnr,
                accumulatedSqnrDb: candidate.accumulated[layer.name],
                weightSqnrDb: places[layer.name].flatMap { figures.weightSQNR[$0.place] },
                place: places[layer.name]?.place)
        }
    }

    /// In the order in which the model makes the tensors.
    private func ranges(_ quantized: Quantized) -> [Report.Plan.Range] {
        let topology = quantized.topology
        return quantized.plan.grids.map { tensor, grid in
            (topology.index.producer(of: tensor) ?? -1, tensor, grid.affine)
        }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map { _, tensor, grid in
            .init(
                tensor: tensor, low: Double(grid.range.low), high: Double(grid.range.high),
                clippedShare: quantized.statistics[tensor]?.clippedShare(by: grid))
        }
    }

    private func calibrationHealth(_ candidate: Candidate) -> Report.CalibrationHealth {
        let convergence = candidate.calibration?.statistics.convergence
        let smaller = min(inputs.calibration.count, inputs.evaluation.count)
        let observed =
            [convergence?.finding].compactMap { $0 }
            + (inputs.distance ?? []).compactMap { $0.finding(samples: smaller) }
        return Report.CalibrationHealth(
            samplesInSet: inputs.calibration.count, samplesUsed: inputs.used.count,
            duplicates: inputs.digests.count - Set(inputs.digests).count,
            arrays: inputs.calibrationSummary.arrays, findings: inputs.calibrationSummary.findings + observed,
            convergence: convergence, distance: inputs.distance, statistics: candidate.calibration?.source)
    }

    private var overlapFindings: [Finding] {
        guard let overlap = split.overlap, overlap > 0 else { return [] }
        return [
            Finding(
                .warning, code: "overlapping-samples",
                detail:
                    "\(overlap) of \(inputs.evaluation.count) evaluation samples are in the calibration set too. Quality "
                    + "is likely overstated; a gate leaves them out.")
        ]
    }

    private var artifactName: String {
        let stem = order.model.file.hasSuffix(".onnx") ? String(order.model.file.dropLast(5)) : order.model.file
        return stem + ".int8.onnx"
    }

    /// The model file and the external data beside it.
    private var modelBytes: Int64 {
        ([order.model.file] + inputs.loaded.summary.externalData)
            .reduce(0) { $0 + size(of: order.model.directory + "/" + $1) }
    }

    private func size(of path: String) -> Int64 {
        ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber)?.int64Value ?? 0
    }

    private func path(_ name: String) -> String { order.scratch + "/" + name }
}

package enum Octavo {
    package static let version = "0.1.0"
}
