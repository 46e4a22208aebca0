import ArgumentParser
import Optimizer

@main
struct OctavoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octavo", abstract: "Quantizes models and tells the truth about the result.",
        version: "octavo \(Octavo.version)",
        subcommands: [
            Serve.self, QuantizeCommand.self, DevelopCommand.self, Inspect.self, Lint.self, Doctor.self, Work.self,
        ])
}
