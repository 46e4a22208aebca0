import CEngines
import Glibc

/// ONNX Runtime, from a shared library found at run time.
///
/// `@unchecked Sendable`: the environment is made once, only read afterwards, and safe to share by the library's contract.
package final class OnnxRuntime: Engine, @unchecked Sendable {
    package let name = "onnxruntime"
    package let version: String
    package let libraryPath: String
    package let buildInfo: String
    let table: OrtTable
    let environment: OpaquePointer
    /// Memory of the host, as tensors handed to the engine are described.
    let hostMemory: OpaquePointer

    static let apiVersion = Int(OCTAVO_ORT_API_VERSION)

    /// Loads the library at `path`; without one, the library that OCTAVO_ONNXRUNTIME names; without that, the one that
    /// `make setup` installed. Throws `libraryMissing` or `wrongLibrary`.
    package convenience init(path: String? = nil) throws {
        // The published builds gather usage in a database under the home directory and send it to Microsoft; it is too late to
        // stop them once there is an environment.
        setenv("ORT_DISABLE_TELEMETRY", "1", 1)
        try self.init(library: SharedLibrary(path: LibrarySearch.locate(explicit: path)))
    }

    private init(library: SharedLibrary) throws {
        libraryPath = library.path
        (table, version) = try Self.open(library)
        buildInfo = octavo_ort_build_info(table.pointer).map { String(cString: $0) } ?? ""
        let entries = table
        // Fatal only: everything else comes back as a status, and its line on stderr would say the same again.
        environment = try entries.make("starting the engine") {
            octavo_ort_create_env(entries.pointer, LogSeverity.fatal, "octavo", $0)
        }
        hostMemory = try entries.make("starting the engine") { octavo_ort_create_cpu_memory(entries.pointer, 1, 0, $0) }
        try table.check(octavo_ort_disable_telemetry(table.pointer, environment), "disabling telemetry")
    }

    deinit {
        octavo_ort_release_memory(table.pointer, hostMemory)
        octavo_ort_release_env(table.pointer, environment)
    }

    private static func open(_ library: SharedLibrary) throws -> (OrtTable, version: String) {
        func wrong(_ reason: String) -> EngineError { .wrongLibrary(path: library.path, reason: reason) }
        guard let symbol = library.symbol("OrtGetApiBase") else { throw wrong("it does not export OrtGetApiBase") }
        let getBase = unsafeBitCast(symbol, to: octavo_ort_get_base.self)
        guard let base = getBase(), let getTable = base.pointee.get_table else { throw wrong("it offers no table") }
        let version = base.pointee.get_version?().map { String(cString: $0) } ?? "unknown"
        guard let table = getTable(UInt32(OCTAVO_ORT_API_VERSION)) else {
            throw wrong("version \(version) is older than 1.\(apiVersion), the oldest that works")
        }
        return (OrtTable(pointer: table), version)
    }

    package func makeSession(_ source: ModelSource, _ options: SessionOptions) throws -> any Session {
        try OnnxSession(engine: self, source: source, options: options)
    }

    /// The execution providers built into the library.
    package func providers() throws -> [String] {
        var list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        var count: Int32 = 0
        try table.check(octavo_ort_get_providers(table.pointer, &list, &count), "listing providers")
        guard let list else { return [] }
        defer { octavo_ort_release_status(table.pointer, octavo_ort_release_providers(table.pointer, list, count)) }
        return (0..<Int(count)).compactMap { i in list[i].map { String(cString: $0) } }
    }
}

enum LogSeverity {
    static let fatal: Int32 = 4
}
