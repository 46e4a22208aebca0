package import ModelGraph

/// A library that runs models, loaded into this process.
package protocol Engine: Sendable {
    var name: String { get }
    /// As the library itself reports it.
    var version: String { get }
    var libraryPath: String { get }

    /// Loads a model. Throws `EngineError`.
    func makeSession(_ source: ModelSource, _ options: SessionOptions) throws -> any Session
}

package enum ModelSource: Sendable {
    case path(String)
    case bytes([UInt8])
}

/// A model input or output: -1 stands for a size that is not fixed.
package struct EngineSignature: Equatable, Sendable {
    package let name: String
    package let type: ElementType
    package let shape: [Int]

    package init(name: String, type: ElementType, shape: [Int]) {
        self.name = name
        self.type = type
        self.shape = shape
    }

    /// Whether a tensor of `actual` shape is what the model promises. One that promises nothing has no sizes here, and so has
    /// one that promises a scalar: the engine checks neither.
    func declares(_ actual: [Int]) -> Bool {
        shape.isEmpty || shape.count == actual.count && zip(shape, actual).allSatisfy { $0 == -1 || $0 == $1 }
    }
}

/// A loaded model. Every call may come from several threads at once.
package protocol Session: AnyObject, Sendable {
    var inputs: [EngineSignature] { get }
    var outputs: [EngineSignature] { get }

    /// Runs the model once and returns the outputs asked for, in that order. `context` reaches the session's observer with
    /// every tensor it sees during this run. The input buffers must not change meanwhile.
    func run(
        _ inputs: [String: TensorValue], outputs: [String], context: UnsafeMutableRawPointer?
    ) throws -> [TensorValue]

    /// Fixes inputs and outputs for repeated runs, without allocation where the model's outputs have the shapes that it declares.
    /// The model runs once to learn them, unseen by the observer. An empty list of outputs means all of them.
    func bind(_ inputs: [String: TensorValue], outputs: [String]) throws -> any Binding

    /// Ends profiling and returns the path of the trace; needs `SessionOptions.profilePrefix`.
    func endProfiling() throws -> String

    /// Ends the runs under way, and every later one, with `EngineError.cancelled`.
    func cancel()
}

extension Session {
    package func run(_ inputs: [String: TensorValue], outputs: [String]) throws -> [TensorValue] {
        try run(inputs, outputs: outputs, context: nil)
    }

    package func bind(_ inputs: [String: TensorValue]) throws -> any Binding {
        try bind(inputs, outputs: [])
    }
}

/// Inputs and outputs tied to a session. One run at a time; several bindings of one session may run at once.
package protocol Binding: AnyObject, Sendable {
    /// The bound input buffers; writing to them between runs changes what the next run sees.
    var inputs: [String: TensorValue] { get }
    /// The buffers each run overwrites, in the order they were asked for.
    var outputs: [TensorValue] { get }

    func run(context: UnsafeMutableRawPointer?) throws
}

extension Binding {
    package func run() throws { try run(context: nil) }
}
