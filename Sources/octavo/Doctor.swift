import ArgumentParser
import Domain
import Inference
import Optimizer

/// `octavo doctor`: what this installation has and what it lacks.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says which engine library was found and whether conversions can run.")

    func run() throws {
        let engine = EngineDiagnosis()
        print("octavo \(Octavo.version)")
        print("engine library: \(engine.path ?? "not found")")
        if engine.path == nil { engine.searched.forEach { print("  looked for \($0)") } }
        if let version = engine.version { print("engine version: ONNX Runtime \(version), API \(engine.apiVersion)") }
        if !engine.providers.isEmpty { print("providers: \(engine.providers.joined(separator: ", "))") }
        if let build = engine.buildInfo { print("build: \(build)") }
        let host = HostEnvironment.read()
        print(
            "processor: \(host.processor ?? "unknown"), \(host.usableCores) usable, \(host.flags.joined(separator: " "))"
        )
        if let problem = engine.problem {
            print("problem: \(problem)")
            throw ExitCode(1)
        }
        print("ready")
    }
}
