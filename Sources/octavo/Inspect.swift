import ArgumentParser
import Domain
import Foundation
import Optimizer

/// `octavo inspect`: what can be said of a model or sample file without running it.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what is in a model (.onnx) or sample archive (.npz, .npy, a zip of pictures), as JSON.")

    @Argument(help: "The file.") var file: String

    func run() throws {
        try InputFile.check(file)
        let url = URL(fileURLWithPath: file).resolvingSymlinksInPath()
        do {
            let bytes: [UInt8]
            if ["npz", "npy", "zip"].contains(url.pathExtension) {
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

/// Files that a person names on the command line. Each check says what is wrong with which file, and exits.
enum InputFile {
    static func check(_ path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file < 0 else {
            close(file)
            return
        }
        throw refusal("cannot read \(path)")
    }

    fileprivate static func refusal(_ what: String) -> ExitCode {
        let reason = String(cString: strerror(errno))
        FileHandle.standardError.write(Data("octavo: \(what): \(reason)\n".utf8))
        return ExitCode(2)
    }
}

enum OutputFile {
    /// Before hours of work rather than after them.
    static func check(_ path: String) throws {
        let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard access(directory, W_OK | X_OK) != 0 else { return }
        throw InputFile.refusal("cannot write \(path)")
    }
}
