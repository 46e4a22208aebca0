import ArgumentParser
import Domain
import Foundation
import Optimizer

/// `octavo lint`: where a quantized model, whoever made it, breaks the rules of a target.
struct Lint: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says where a quantized model breaks the rules of a target, and what that costs.",
        discussion:
            "Exits with 0 when no rule is broken, with 1 when one is, and with 2 when the file cannot be checked.")

    @Argument(help: "The quantized model (.onnx).") var model: String
    @Option(help: "The target: \(Target.allCases.map(\.rawValue).joined(separator: ", ")).")
    var target: Target = .onnxruntimeX64
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        try InputFile.check(model)
        let url = URL(fileURLWithPath: model).resolvingSymlinksInPath()
        let staged = StagedModel(
            directory: url.deletingLastPathComponent().path, file: url.lastPathComponent, digest: nil)
        let report: LintReport
        do {
            report = try LintReport(staged, target: target)
            print(
                json ? String(decoding: try JSON.encode(report, pretty: true), as: UTF8.self) + "\n" : report.text,
                terminator: "")
        } catch {
            FileHandle.standardError.write(Data("octavo: \(Failure(wrapping: error, stage: .load).detail)\n".utf8))
            throw ExitCode(2)
        }
        if !report.isClean { throw ExitCode(1) }
    }
}
