import Domain
import Foundation
import Pages
import Quantization

/// The statistics that ranges are chosen from: those that an earlier pass left, where they are exactly what a pass would see
/// now, else those of a pass, which are then written down for later jobs.
struct Calibration {
    let order: WorkOrder.Quantize
    let inputs: Inputs
    let models: EngineModels
    let runs: SampleRuns
    let clock: StageClock
    /// Without it nothing can be named, hence nothing reused or kept.
    let digest: Pipeline.FileDigest?

    struct Result {
        var statistics: CalibrationStatistics
        var source: Report.CalibrationHealth.Statistics?
    }

    func callAsFunction(_ prepared: PreparedModel, tensors: [String]) throws -> Result {
        let subject = CalibrationSubject(tensors, in: prepared.topology, samples: inputs.used)
        let key = try digest.map {
            try StatisticsKey(models: models, prepared: prepared, inputs: inputs, digest: $0)(subject)
        }
        let size = "\(Number.count(tensors.count, "tensor")) on \(Number.count(inputs.used.count, "sample"))"
        if let key, let kept = KeptStatistics(paths: order.statistics, log: clock.log).find(key, of: subject) {
            clock.log("calibration pass saved: the statistics of \(size) are those of an earlier job, \(key)")
            return Result(statistics: kept, source: .init(source: .reused, key: key))
        }
        let measured = try Calibrate(models: models, runs: runs)(prepared, subject, progress: clock.progress)
        clock.log("calibrated \(size)")
        if let key { keep(measured, key) }
        return Result(statistics: measured, source: key.map { .init(source: .measured, key: $0) })
    }

    /// Worth keeping, but never worth failing a job for.
    private func keep(_ measured: CalibrationStatistics, _ key: Digest) {
        let files = StatisticsFiles(
            key: key, content: "statistics.bin", summary: "statistics.json", samples: measured.samples,
            tensors: measured.tensors.count)
        do {
            let bytes = measured.encoded(key: key)
            guard bytes.count <= CalibrationStatistics.sizeLimit else { return }
            try Data(bytes).write(to: URL(fileURLWithPath: order.scratch + "/" + files.content))
            try Data(JSON.encode(StatisticsDocument(measured, key: key), pretty: true)).write(
                to: URL(fileURLWithPath: order.scratch + "/" + files.summary))
            clock.announce(files)
        } catch {
            clock.log("the statistics were not kept: \(error)")
        }
    }
}
