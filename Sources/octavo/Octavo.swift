import ArgumentParser

@main
struct Octavo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "octavo",
        abstract: "Quantizes FP32 ONNX models to INT8 and says what that did to them.",
        version: "0.1.0",
        subcommands: [
            Serve.self
        ])
}
