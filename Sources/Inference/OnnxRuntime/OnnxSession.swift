import CEngines
import ModelGraph
import Synchronization

/// A model loaded into ONNX Runtime.
///
/// `@unchecked Sendable`: everything is set before the first run; the engine allows concurrent runs of one session, and
/// cancelling is a flag that it reads.
final class OnnxSession: Session, @unchecked Sendable {
    let inputs: [EngineSignature]
    let outputs: [EngineSignature]
    let engine: OnnxRuntime
    let pointer: OpaquePointer
    let runOptions: OpaquePointer
    /// The engine reads the operators until the session is gone.
    private let observers: OrtObservers?
    private let inputNames: NameTable
    private let outputNames: NameTable

    private var table: OrtTable { engine.table }

    init(engine: OnnxRuntime, source: ModelSource, options: SessionOptions) throws {
        let table = engine.table
        let observers = try options.observer.map { try OrtObservers($0, table: table) }
        let pointer = try Self.load(source, options, observers, engine)
        do {
            inputs = try Self.signatures(.input, of: pointer, table: table)
            outputs = try Self.signatures(.output, of: pointer, table: table)
            runOptions = try table.make("creating run options") { octavo_ort_create_run_options(table.pointer, $0) }
        } catch {
            octavo_ort_release_session(table.pointer, pointer)
            throw error
        }
        self.engine = engine
        self.observers = observers
        self.pointer = pointer
        inputNames = NameTable(inputs.map(\.name))
        outputNames = NameTable(outputs.map(\.name))
    }

    deinit {
        octavo_ort_release_run_options(table.pointer, runOptions)
        octavo_ort_release_session(table.pointer, pointer)
    }

    /// Held while a session with observers is made: the engine looks up and adds a domain of operators in two steps, and a
    /// second thread in between makes it fail ("the domain is already exist").
    private static let addingDomain = Mutex(())

    private static func load(
        _ source: ModelSource, _ options: SessionOptions, _ observers: OrtObservers?, _ engine: OnnxRuntime
    ) throws -> OpaquePointer {
        guard observers != nil else { return try create(source, options, nil, engine) }
        return try addingDomain.withLock { _ in Made(pointer: try create(source, options, observers, engine)) }.pointer
    }

    /// Carries a session's handle out of the lock; it has one owner at any time.
    private struct Made: @unchecked Sendable { let pointer: OpaquePointer }

    private static func create(
        _ source: ModelSource, _ options: SessionOptions, _ observers: OrtObservers?, _ engine: OnnxRuntime
    ) throws -> OpaquePointer {
        let table = engine.table
        let prepared = try OrtOptions(options, domain: observers?.domain, table: table)
        let (entries, environment, settings) = (table.pointer, engine.environment, prepared.pointer)
        defer { withExtendedLifetime(observers) {} }
        return try table.make("loading the model") { out in
            switch source {
            case .path(let path):
                octavo_ort_create_session(entries, environment, path, settings, out)
            case .bytes(let bytes):
                bytes.withUnsafeBytes { raw in
                    // An empty file has no address; the engine wants one.
                    withUnsafePointer(to: UInt8(0)) { nothing in
                        octavo_ort_create_session_from_bytes(
                            entries, environment, raw.baseAddress ?? UnsafeRawPointer(nothing), raw.count, settings, out
                        )
                    }
                }
            }
        }
    }

    // MARK: Running

    func run(
        _ values: [String: TensorValue], outputs wanted: [String], context: UnsafeMutableRawPointer?
    ) throws -> [TensorValue] {
        let feeds = try feeds(values)
        let names = try wanted.map { try outputName($0) }
        var results = [OpaquePointer?](repeating: nil, count: wanted.count)
        let status = withContext(context) {
            octavo_ort_run(
                table.pointer, pointer, runOptions, feeds.map(\.name), feeds.map(\.value.pointer), feeds.count,
                names, names.count, &results)
        }
        // Whatever came back is owned from here on, also when a later check throws.
        let owned = results.map { $0.map { OrtValue(adopting: $0, table: table) } }
        try withExtendedLifetime((feeds, values)) { try check(status) }
        return try zip(owned, wanted).map { value, name in
            guard let value else { throw EngineError.unsupportedValue(name: name, reason: "the output is absent") }
            return try value.tensor(named: name)
        }
    }

    func bind(_ values: [String: TensorValue], outputs wanted: [String]) throws -> any Binding {
        let names = wanted.isEmpty ? outputs.map(\.name) : wanted
        let buffers = try unseen { try run(values, outputs: names) }
            .map { try TensorValue(zeros: $0.type, shape: $0.shape) }
        let areAsDeclared = zip(names, buffers).allSatisfy { name, buffer in
            outputs.first { $0.name == name }?.declares(buffer.shape) ?? true
        }
        return areAsDeclared
            ? try OnnxBinding(session: self, inputs: values, names: names, outputs: buffers)
            : CopyingBinding(session: self, inputs: values, names: names, outputs: buffers)
    }

    /// What runs in `body` no observer sees.
    private func unseen<Result>(_ body: () throws -> Result) rethrows -> Result {
        octavo_set_silent(true)
        defer { octavo_set_silent(false) }
        return try body()
    }

    func endProfiling() throws -> String {
        try table.text("ending the profile") { octavo_ort_end_profiling(table.pointer, pointer, $0, $1) }
    }

    func cancel() {
        cancelled.set()
        octavo_ort_release_status(table.pointer, octavo_ort_terminate(table.pointer, runOptions))
    }

    private let cancelled = Flag()

    // MARK: Steps

    /// The engine calls custom operators on the thread that runs the model, where they find the context again.
    func withContext(_ context: UnsafeMutableRawPointer?, _ body: () -> OpaquePointer?) -> OpaquePointer? {
        let outer = octavo_run_context()
        octavo_set_run_context(context)
        defer { octavo_set_run_context(outer) }
        return body()
    }

    func check(_ status: OpaquePointer?) throws {
        do {
            try table.check(status, "running the model")
        } catch let error {
            throw cancelled.isSet ? EngineError.cancelled : error
        }
    }

    typealias Feed = (name: UnsafePointer<CChar>?, value: OrtValue)

    /// One engine value for each model input.
    func feeds(_ values: [String: TensorValue]) throws -> [Feed] {
        if let unknown = values.keys.sorted().first(where: { inputNames[$0] == nil }) {
            throw EngineError.unknownInput(unknown, expected: inputs.map(\.name))
        }
        return try inputs.map { input in
            guard let value = values[input.name] else { throw EngineError.missingInput(input.name) }
            return (inputNames[input.name], try OrtValue(viewing: value, name: input.name, engine: engine))
        }
    }

    func outputName(_ name: String) throws -> UnsafePointer<CChar>? {
        guard let pointer = outputNames[name] else {
            throw EngineError.unknownOutput(name, expected: outputs.map(\.name))
        }
        return pointer
    }
}
