/// Why a model file could not be read, changed or written. Each case carries what a person needs to find the place.
package enum ModelError: Error, Equatable, Sendable {
    /// The file could not be opened, read or mapped.
    case unreadable(path: String, reason: String)
    case cannotWrite(path: String, reason: String)
    /// The bytes are something else; `looksLike` says what, in words that complete "this looks like …".
    case notONNX(looksLike: String)
    /// Not a well-formed protobuf message, at this byte of the file.
    case corrupt(reason: String, offset: Int)
    /// The file ends in the middle of a field that begins at this byte.
    case truncated(offset: Int)
    /// A limit of the reader or of the format was passed.
    case tooLarge(what: String, limit: Int)
    /// A valid file that uses something which is not handled here.
    case unsupported(String)
    case unsupportedVersion(what: String, found: Int64, supported: ClosedRange<Int64>)
    case unsupportedElementType(number: Int64, tensor: String)
    /// Shape, type and data of a tensor do not fit each other.
    case invalidTensor(name: String, reason: String)
    /// The values were asked for as something that this element type is not.
    case wrongElementType(tensor: String, found: ElementType, wanted: String)
    /// A location that would leave the directory of the model, or a range that is not in the file.
    case unsafeExternalData(tensor: String, location: String, reason: String)
    case missingExternalData(tensor: String, location: String)
    /// The graph breaks a rule of ONNX; `place` names the node or graph.
    case invalidGraph(reason: String, place: String)
    case undefinedInput(tensor: String, node: String)
    case duplicateName(String, place: String)
    case missingOpset(domain: String, node: String)
    /// The nodes named wait for each other.
    case cyclic(nodes: [String])
    case cannotUpgrade(node: String, opset: Int, reason: String)
}

extension ModelError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
        case .cannotWrite(let path, let reason): "cannot write \(path): \(reason)"
        case .notONNX(let thing): "this is not an ONNX model: it looks like \(thing)"
        case .corrupt(let reason, let offset): "the model file is damaged at byte \(offset): \(reason)"
        case .truncated(let offset): "the model file is cut off: the field at byte \(offset) goes beyond the end"
        case .tooLarge(let what, let limit): "\(what): the limit is \(limit)"
        case .unsupported(let what): what
        case .unsupportedVersion(let what, let found, let supported):
            "\(what) \(found) is not supported: \(supported.lowerBound) to \(supported.upperBound) are"
        case .unsupportedElementType(let number, let tensor):
            "tensor '\(tensor)' has element type number \(number), which is not supported"
        case .invalidTensor(let name, let reason): "tensor '\(name)': \(reason)"
        case .wrongElementType(let tensor, let found, let wanted):
            "tensor '\(tensor)' holds \(found), not \(wanted)"
        case .unsafeExternalData(let tensor, let location, let reason):
            "tensor '\(tensor)' keeps its data in '\(Self.printable(location))': \(reason)"
        case .missingExternalData(let tensor, let location):
            "tensor '\(tensor)' keeps its data in '\(Self.printable(location))', which was not given with the model"
        case .invalidGraph(let reason, let place): "\(place): \(reason)"
        case .undefinedInput(let tensor, let node):
            "\(node) reads '\(tensor)', which is no input, no initializer and no other node's output"
        case .duplicateName(let name, let place): "\(place): the name '\(name)' is defined twice"
        case .missingOpset(let domain, let node):
            "\(node) is of domain '\(domain)', but the model imports no operator set for it"
        case .cyclic(let nodes): "the graph has a cycle through \(nodes.joined(separator: ", "))"
        case .cannotUpgrade(let node, let opset, let reason):
            "\(node) cannot be brought to operator set \(opset): \(reason)"
        }
    }

    /// Control characters of a hostile file do not reach a terminal or a log.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(200).map { $0.value < 32 || $0.value == 127 ? "?" : $0 }))
    }
}
