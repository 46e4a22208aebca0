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
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file < 0 else {
            close(file)
            return
        }
        throw refusal("cannot read \(path)")
    }

    fileprivate static func refusal(_ what: String, _ number: Int32 = errno) -> ExitCode {
        refusal(what, String(cString: strerror(number)))
    }

    fileprivate static func refusal(_ what: String, _ reason: String) -> ExitCode {
        FileHandle.standardError.write(Data("octavo: \(what): \(reason)\n".utf8))
        return ExitCode(2)
    }
}

enum OutputFile {
    /// Before hours of work rather than after them. What is read must not be written over.
    static func check(_ path: String, inputs: [String]) throws {
        let directory = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard access(directory, W_OK | X_OK) == 0 else { throw InputFile.refusal("cannot write \(path)") }
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR { throw InputFile.refusal("cannot write \(path)", EISDIR) }
        for input in inputs {
            var other = stat()
            guard stat(input, &other) == 0, other.st_dev == status.st_dev, other.st_ino == status.st_ino else {
                continue
            }
            throw InputFile.refusal("cannot write \(path)", "it is an input; choose another file")
        }
    }

    /// For a file that will take the place of what is there: that must not be anything but a file.
    static func checkReplaceable(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else { return }
        throw InputFile.refusal("cannot write \(path)", "it is not a regular file")
    }

    /// What was there is gone only once all of the new file is.
    static func move(_ source: String, to target: String) throws {
        if rename(source, target) == 0 { return }
        guard errno == EXDEV else { throw InputFile.refusal("cannot write \(target)") }
        let beside = target + ".\(getpid()).partial"
        do {
            try FileManager.default.copyItem(atPath: source, toPath: beside)
        } catch {
            unlink(beside)
            throw InputFile.refusal("cannot write \(target)", "\(error.localizedDescription)")
        }
        guard rename(beside, target) == 0 else {
            let reason = errno
            unlink(beside)
            throw InputFile.refusal("cannot write \(target)", reason)
        }
    }
}
