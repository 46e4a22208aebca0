import ArgumentParser
import Domain
import Foundation
import Optimizer

/// `octavo develop`: what a model gets of a set of samples.
struct DevelopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "develop",
        abstract: "Writes samples as a model gets them (decoded, resized, normalized) into an .npy.")

    @Argument(help: "Samples: a zip of pictures, .npz or .npy.") var samples: String
    @Argument(help: "The model (.onnx).") var model: String
    @Option(name: [.short, .long], help: "Where the array goes.") var output: String
    @Flag(help: "Take the part of a data set that is for evaluation.") var evaluation = false
    @Option(help: "Threads; default: one for each processor.") var threads: Int?
    @OptionGroup var preprocessing: PreprocessingOptions

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be 1...1024") }
    }

    func run() throws {
        for file in [samples, model] { try InputFile.check(file) }
        try OutputFile.check(output, inputs: [samples, model])
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("octavo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let url = URL(fileURLWithPath: model).resolvingSymlinksInPath()
        do {
            let export = try SampleExport(
                StagedSamples(
                    path: URL(fileURLWithPath: samples).standardizedFileURL.path, digest: nil,
                    preprocessing: preprocessing.value(), purpose: evaluation ? .evaluation : .calibration),
                for: StagedModel(
                    directory: url.deletingLastPathComponent().path, file: url.lastPathComponent, digest: nil),
                to: output, scratch: scratch.path, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
            for finding in export.findings { Self.say("\(finding.severity.rawValue): \(finding.detail)") }
            let applied = try JSON.encode(export.preprocessing)
            Self.say(
                "\(export.samples) sample\(export.samples == 1 ? "" : "s"), preprocessed by "
                    + String(decoding: applied, as: UTF8.self)
            )
        } catch {
            Self.say("octavo: \(Failure(wrapping: error, stage: .load).detail)")
            throw ExitCode(2)
        }
    }

    private static func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
