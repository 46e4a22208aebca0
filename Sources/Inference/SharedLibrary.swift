import Glibc

/// A library opened for the rest of the process's life: engines leave threads behind and must not be unloaded.
struct SharedLibrary {
    let path: String
    private let handle: UnsafeMutableRawPointer

    /// Opens `path` with its symbols kept to itself. Throws `wrongLibrary` with the loader's reason.
    init(path: String) throws {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw EngineError.wrongLibrary(
                path: path, reason: dlerror().map { String(cString: $0) } ?? "unknown reason")
        }
        self.path = path
        self.handle = handle
    }

    func symbol(_ name: String) -> UnsafeMutableRawPointer? { dlsym(handle, name) }
}

/// Where an engine's library may be.
enum LibrarySearch {
    static let variable = "OCTAVO_ONNXRUNTIME"
    private static let relativePath = ".cache/engines/onnxruntime-1.32.0/libonnxruntime.so"
    private static let installedPath = "../lib/octavo/libonnxruntime.so"

    /// The paths to try, in order. A path somebody named is the only one: falling back to another would hide a mistake.
    static func candidates(
        explicit: String?, environment: String?, directory: String, executableDirectory: String?
    ) -> [String] {
        if let named = explicit ?? environment, !named.isEmpty { return [named] }
        var paths = [directory + "/" + relativePath]
        guard let executableDirectory else { return paths }
        paths += [executableDirectory + "/" + installedPath, executableDirectory + "/" + relativePath]
        // A build in <repository>/.build/<triple>/<configuration>.
        let folders = executableDirectory.split(separator: "/")
        if let build = folders.firstIndex(where: { $0.hasPrefix(".build") }) {
            paths.append("/" + folders[..<build].joined(separator: "/") + "/" + relativePath)
        }
        return paths
    }

    /// The first candidate that exists. Throws `libraryMissing`.
    static func locate(explicit: String?) throws -> String {
        let paths = candidates(explicit: explicit)
        guard let found = paths.first(where: { access($0, F_OK) == 0 }) else {
            throw EngineError.libraryMissing(searched: paths)
        }
        return found
    }

    static func candidates(explicit: String?) -> [String] {
        candidates(
            explicit: explicit, environment: getenv(variable).map { String(cString: $0) },
            directory: currentDirectory() ?? ".", executableDirectory: executableDirectory())
    }

    private static func currentDirectory() -> String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    private static func executableDirectory() -> String? {
        guard let path = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(path) }
        let text = String(cString: path)
        return text.lastIndex(of: "/").map { String(text[..<$0]) }
    }
}
