import Domain
package import Inference
import Quantization

extension TargetRules {
    init(_ target: Target) {
        switch target {
        case .onnxruntimeX64: self = .x64
        case .onnxruntimeX64AVX2: self = .x64WithoutVNNI
        case .onnxruntimeARM: self = .arm
        }
    }
}

extension Target {
    /// Why speed on this machine says nothing about the target; nil where it does.
    ///
    /// S8 activations are for the kernels of ARM. On x86-64 the same integers come from kernels that nobody has made fast, so
    /// nothing is timed and nothing is decided by timing there.
    var foreignness: String? {
        #if arch(arm64)
            nil
        #else
            self == .onnxruntimeARM
                ? "the artifact is for ARM, and this machine is none; its integer arithmetic was checked here, its speed "
                    + "shows there" : nil
        #endif
    }

    /// `engine` as it behaves on the target's processors.
    package func engine(_ engine: any Engine) -> any Engine {
        self == .onnxruntimeARM ? SignedEngine(engine: engine) : engine
    }
}

/// An engine that keeps S8 activations as they are, as ONNX Runtime does on ARM. On x86-64 it else turns into U8 those that
/// one operator reads, and runs the operators around the others in float.
struct SignedEngine: Engine {
    let engine: any Engine
    var name: String { engine.name }
    var version: String { engine.version }
    var libraryPath: String { engine.libraryPath }

    func makeSession(_ source: ModelSource, _ options: SessionOptions) throws -> any Session {
        var options = options
        options.configuration["session.qdqisint8allowed"] = "1"
        return try engine.makeSession(source, options)
    }
}
