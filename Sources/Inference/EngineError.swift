package import ModelGraph

package enum EngineError: Error, Equatable {
    case libraryMissing(searched: [String])
    case wrongLibrary(path: String, reason: String)
    /// The engine refused: its own code and message, and what it was asked to do.
    case engine(code: Int, message: String, during: String)
    case unknownInput(String, expected: [String])
    case missingInput(String)
    case unknownOutput(String, expected: [String])
    /// A model input or output, or a value, that is not a tensor of fixed-width elements.
    case unsupportedValue(name: String, reason: String)
    /// A buffer whose length does not fit its type and shape; nil when the shape has no valid size.
    case wrongSize(type: ElementType, shape: [Int], expected: Int?, actual: Int)
    case notConvertible(from: ElementType)
    case cancelled
}

extension EngineError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .libraryMissing(let searched):
            "the ONNX Runtime library was not found; run `make setup`, or set OCTAVO_ONNXRUNTIME to the path of "
                + "libonnxruntime.so. Looked for: \(searched.joined(separator: ", "))"
        case .wrongLibrary(let path, let reason):
            "\(path) is not a usable ONNX Runtime library: \(reason). Run `make setup` to get the right one, or set "
                + "OCTAVO_ONNXRUNTIME to another"
        case .engine(let code, let message, let during):
            "\(during): \(message) (engine error \(code))"
        case .unknownInput(let name, let expected):
            "the model has no input named \(name); its inputs are \(expected.joined(separator: ", "))"
        case .missingInput(let name):
            "no value was given for the model's input \(name)"
        case .unknownOutput(let name, let expected):
            "the model has no output named \(name); its outputs are \(expected.joined(separator: ", "))"
        case .unsupportedValue(let name, let reason):
            "\(name): \(reason)"
        case .wrongSize(let type, let shape, let expected, let actual):
            "a tensor of type \(type) and shape \(shape) "
                + (expected.map { "takes \($0) bytes, not \(actual)" } ?? "has no valid size")
        case .notConvertible(let type):
            "values of type \(type) cannot be read as float32"
        case .cancelled:
            "the run was cancelled"
        }
    }
}
