import Domain
import Foundation
import Storage

/// Puts stored contents into a scratch directory under plain names, as a worker needs them.
struct Staging: Sendable {
    let store: any BlobStore
    let desk: Desk

    /// A model's files. External data lies beside the main file under the names written in the model. The main file's
    /// name, from which the worker makes the artifact's, is `name` made plain.
    func model(
        main: Digest, name: String = "model.onnx", external: [ModelRow.ExternalFile], digest: Digest?,
        verifying: Verification = .whole, in scratch: ScratchDirectory
    ) async throws -> StagedModel {
        let directory = scratch.path + "/model"
        let file = Self.freeName(FileName.safe(name, or: "model.onnx"), besides: external.map(\.name))
        try await desk.run { [store] in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            try store.reader(main).copy(to: directory + "/" + file, verifying: verifying)
            for data in external {
                try store.reader(data.digest).copy(to: directory + "/" + data.name, verifying: verifying)
            }
        }
        return StagedModel(directory: directory, file: file, digest: digest)
    }

    func samples(
        _ blob: Digest, id: Digest?, preprocessing: Preprocessing, purpose: StagedSamples.Purpose, name: String,
        verifying: Verification = .whole, in scratch: ScratchDirectory
    ) async throws -> StagedSamples {
        let path = scratch.path + "/" + name
        try await desk.run { [store] in try store.reader(blob).copy(to: path, verifying: verifying) }
        return StagedSamples(path: path, digest: id, preprocessing: preprocessing, purpose: purpose)
    }

    /// A new file with a stored content.
    func copy(_ blob: Digest, to path: String) async throws {
        try await desk.run { [store] in try store.reader(blob).copy(to: path, verifying: .whole) }
    }

    private static func freeName(_ wish: String, besides taken: [String]) -> String {
        taken.contains(wish) ? freeName("_" + wish, besides: taken) : wish
    }
}
