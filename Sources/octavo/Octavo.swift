import ArgumentParser

@main
struct OctavoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octavo", abstract: "Quantizes models and tells the truth about the result.",
        subcommands: [QuantizeCommand.self, Inspect.self, Doctor.self, Work.self])
}
