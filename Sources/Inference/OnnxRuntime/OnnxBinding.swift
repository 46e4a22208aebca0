import CEngines
import Synchronization

/// Inputs and outputs that a session reads and writes in place.
///
/// `@unchecked Sendable`: nothing changes after `init` but the tensors' elements, see `Binding`.
final class OnnxBinding: Binding, @unchecked Sendable {
    let inputs: [String: TensorValue]
    let outputs: [TensorValue]
    private let session: OnnxSession
    private let pointer: OpaquePointer
    /// The engine's views of the tensors, alive while bound.
    private let views: [OrtValue]

    init(session: OnnxSession, inputs: [String: TensorValue], names: [String], outputs: [TensorValue]) throws {
        let table = session.engine.table
        let feeds = try session.feeds(inputs)
        let results = try zip(names, outputs).map { name, tensor in
            (try session.outputName(name), try OrtValue(viewing: tensor, name: name, engine: session.engine))
        }
        let pointer = try table.make("binding") { octavo_ort_create_binding(table.pointer, session.pointer, $0) }
        do {
            for (name, value) in feeds {
                guard let name else { continue }
                try table.check(octavo_ort_bind_input(table.pointer, pointer, name, value.pointer), "binding an input")
            }
            for (name, value) in results {
                guard let name else { continue }
                try table.check(
                    octavo_ort_bind_output(table.pointer, pointer, name, value.pointer), "binding an output")
            }
        } catch {
            octavo_ort_release_binding(table.pointer, pointer)
            throw error
        }
        self.session = session
        self.inputs = inputs
        self.outputs = outputs
        self.pointer = pointer
        views = feeds.map(\.value) + results.map(\.1)
    }

    deinit { octavo_ort_release_binding(session.engine.table.pointer, pointer) }

    func run(context: UnsafeMutableRawPointer?) throws {
        let status = session.withContext(context) {
            octavo_ort_run_with_binding(session.engine.table.pointer, session.pointer, session.runOptions, pointer)
        }
        try session.check(status)
    }
}

/// Runs that let the engine make the outputs, and copy them out. It takes a buffer for an output only where the buffer's shape
/// is the one that the model declares; models in the wild declare others than they give, and run all the same.
///
/// `@unchecked Sendable`: nothing changes after `init` but the tensors' elements, see `Binding`.
final class CopyingBinding: Binding, @unchecked Sendable {
    let inputs: [String: TensorValue]
    let outputs: [TensorValue]
    private let session: OnnxSession
    private let names: [String]

    init(session: OnnxSession, inputs: [String: TensorValue], names: [String], outputs: [TensorValue]) {
        self.session = session
        self.inputs = inputs
        self.names = names
        self.outputs = outputs
    }

    func run(context: UnsafeMutableRawPointer?) throws {
        let results = try session.run(inputs, outputs: names, context: context)
        for (result, output) in zip(results, outputs) { try result.withBytes { try output.fill(from: $0) } }
    }
}

/// Set once, read from any thread.
final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}
