/// What `octavo doctor` says about the engine: found or not, and what it is. Making one never throws.
package struct EngineDiagnosis: Sendable {
    /// The paths looked at, in order.
    package var searched: [String]
    package var path: String?
    package var version: String?
    /// The version of the C table that is asked for.
    package var apiVersion: Int
    package var buildInfo: String?
    package var providers: [String] = []
    /// Why the engine cannot be used, in a sentence that says what to do; nil when it can.
    package var problem: String?

    /// Looks for ONNX Runtime as `OnnxRuntime` does, and loads it if it is there.
    package init(path explicit: String? = nil) {
        searched = LibrarySearch.candidates(explicit: explicit)
        apiVersion = OnnxRuntime.apiVersion
        do {
            let engine = try OnnxRuntime(path: explicit)
            path = engine.libraryPath
            version = engine.version
            buildInfo = engine.buildInfo
            providers = try engine.providers()
        } catch {
            problem = "\(error)"
        }
    }
}
