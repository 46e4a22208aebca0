import Domain
import Foundation
import Logging
import Storage

/// Calibration statistics between jobs: a worker gets those that are kept of its model and set, and leaves those that it had
/// to measure. They only save time: whatever goes wrong with them is logged, and no job fails for it.
extension JobRun {
    /// More than any model needs; a worker is not trusted.
    private static let largest = 256 << 20

    /// Paths of the files that the worker may use. A repetition measures anew, or it would repeat less than the whole.
    func keptStatistics(of job: JobRow, in directory: ScratchDirectory) async -> [String] {
        guard job.recipe.scheme.calibrates, job.reproduces == nil else { return [] }
        do {
            let rows = try await queue.catalogue.statistics(of: job.model, on: job.calibration)
            var paths: [String] = []
            for (place, row) in rows.enumerated() {
                let path = directory.path + "/kept-statistics-\(place)"
                if await stage(row, at: path) { paths.append(path) }
            }
            return paths
        } catch {
            log.error("kept statistics not found", metadata: ["job": "\(job.id)", "error": "\(error)"])
            return []
        }
    }

    /// What is damaged is taken out of the catalogue, so that the next pass leaves it whole again. A full disk, or whatever
    /// else goes by, is no reason to.
    private func stage(_ row: StatisticsRow, at path: String) async -> Bool {
        do {
            try await staging.copy(row.content, to: path)
            return true
        } catch {
            log.error("kept statistics not readable", metadata: ["key": "\(row.key)", "error": "\(error)"])
            guard Self.isDamage(error) else { return false }
            let deletion = try? await queue.catalogue.deleteStatistics(of: row.model, key: row.key)
            await shelf.discard(deletion?.orphans ?? [])
            return false
        }
    }

    private static func isDamage(_ error: any Error) -> Bool {
        switch error as? StorageError {
        case .missingBlob, .corruptBlob: true
        default: false
        }
    }

    /// Takes in what the worker measured. The job still runs, so its model and its set are there.
    func keep(_ files: StatisticsFiles, of job: JobRow, from directory: ScratchDirectory) async {
        var stored: [StoredBlob] = []
        do {
            for (file, hint) in [(files.content, ContentHint.weights), (files.summary, .text)] {
                let writer = try await shelf.makeWriter(hint)
                stored.append(
                    try await keep(writer) {
                        var size = 0
                        try directory.read(file) { piece in
                            size += piece.count
                            guard size <= Self.largest else { throw ServiceError.badResult("'\(file)' is too large") }
                            try writer.write(piece)
                        }
                    })
            }
            let row = StatisticsRow(
                key: files.key, model: job.model, calibration: job.calibration, content: stored[0].digest,
                summary: stored[1].digest, size: stored[0].size, samples: max(0, files.samples),
                tensors: max(0, files.tensors), created: Date())
            let replaced = try await queue.catalogue.addStatistics(row)
            await shelf.settle(stored)
            await shelf.discard(replaced.orphans)
        } catch {
            await shelf.abandon(stored)
            log.error("a job's statistics were not kept", metadata: ["job": "\(job.id)", "error": "\(error)"])
        }
    }
}
