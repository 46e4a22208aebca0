import ArgumentParser
import Domain
import Foundation
import Optimizer

/// `octavo inspect`: what can be said of a model or sample file without running it.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what is in a model (.onnx) or sample archive (.npz, .npy), as JSON.")

    @Argument(help: "The file.") var file: String

    func run() throws {
        let url = URL(fileURLWithPath: file).resolvingSymlinksInPath()
        do {
            let bytes: [UInt8]
            if ["npz", "npy"].contains(url.pathExtension) {
                bytes = try JSON.encode(
                    Worker.inspect(StagedSamples(path: url.path, digest: nil, preprocessing: .identity)), pretty: true)
            } else {
                let staged = StagedModel(
                    directory: url.deletingLastPathComponent().path, file: url.lastPathComponent, digest: nil)
                bytes = try JSON.encode(LoadedModel(staged).summary, pretty: true)
            }
            print(String(decoding: bytes, as: UTF8.self))
        } catch {
            FileHandle.standardError.write(Data("octavo: \(Failure(wrapping: error, stage: .load).detail)\n".utf8))
            throw ExitCode(2)
        }
    }
}
