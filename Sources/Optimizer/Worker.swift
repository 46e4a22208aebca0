package import Domain
import Foundation
import Inference

/// Carries out any order: the whole of what a worker process does between its order and its last event.
package enum Worker {
    /// Returns the last event. `digest` gives the SHA-256 of a file, `packing` its sizes compressed, `quiet` the machine for
    /// measurements. Throws `Failure`, or an error that `Failure(wrapping:stage:)` understands.
    package static func carryOut(
        _ order: WorkOrder, digest: @escaping Pipeline.FileDigest, packing: @escaping Pipeline.FilePacking,
        quiet: Quiet,
        tell: @escaping @Sendable (WorkEvent) -> Void
    ) throws -> WorkEvent {
        switch order {
        case .inspectModel(let staged):
            return .inspectedModel(try LoadedModel(staged).summary)
        case .inspectSamples(let staged):
            return .inspectedSamples(try inspect(staged))
        case .lintModel(let staged, let target):
            return .lintedModel(try LintReport(staged, target: target))
        case .quantize(let order):
            return .finished(try quantize(order, digest: digest, packing: packing, quiet: quiet, tell: tell))
        }
    }

    /// Runs a conversion with the engine found on this machine.
    package static func quantize(
        _ order: WorkOrder.Quantize, digest: @escaping Pipeline.FileDigest, packing: @escaping Pipeline.FilePacking,
        quiet: Quiet = Quiet(),
        tell: @escaping @Sendable (WorkEvent) -> Void
    ) throws -> WorkEvent.Results {
        let engine = try OnnxRuntime()
        let budget = Pipeline.Budget(seconds: order.measureSeconds)
        return try Pipeline(
            order, engine: engine, budget: budget, digest: digest, packing: packing, quiet: quiet, tell: tell
        ).run()
    }

    /// Reads a sample archive once from end to end.
    package static func inspect(_ staged: StagedSamples) throws -> SampleSetSummary {
        let recipe = staged.preprocessing.pictures ?? PictureRecipe()
        if let pictures = try PictureArchive(path: staged.path, recipe: recipe, purpose: staged.purpose) {
            try staged.preprocessing.check()
            return try pictures.summary(
                staged.preprocessing, threads: ProcessInfo.processInfo.activeProcessorCount)
        }
        try staged.preprocessing.checkForArrays()
        let directory = String(staged.path[..<(staged.path.lastIndex(of: "/") ?? staged.path.startIndex)])
        return try SampleArchive.open(path: staged.path, unpackInto: directory)
            .summary(preprocessing: staged.preprocessing)
    }
}
