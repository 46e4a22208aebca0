import CEngines
import ModelGraph

/// ONNX Runtime's table of entry points.
///
/// `@unchecked Sendable`: the table is constant memory of a library that is never unloaded.
struct OrtTable: @unchecked Sendable {
    let pointer: UnsafePointer<octavo_ort>

    /// Turns a status into an error, once, and releases it.
    func check(_ status: OpaquePointer?, _ during: @autoclosure () -> String) throws {
        guard let status else { return }
        defer { octavo_ort_release_status(pointer, status) }
        throw EngineError.engine(
            code: Int(octavo_ort_status_code(pointer, status)),
            message: String(cString: octavo_ort_status_message(pointer, status)), during: during())
    }

    /// Calls an entry that creates an object.
    func make(_ during: String, _ body: (UnsafeMutablePointer<OpaquePointer?>) -> OpaquePointer?) throws
        -> OpaquePointer
    {
        var created: OpaquePointer?
        try check(body(&created), during)
        guard let created else { throw EngineError.engine(code: 1, message: "nothing was returned", during: during) }
        return created
    }

    /// Calls an entry that returns a text of the default allocator.
    func text(
        _ during: String,
        _ body: (OpaquePointer, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> OpaquePointer?
    ) throws -> String {
        let allocator = try make(during) { octavo_ort_default_allocator(pointer, $0) }
        var text: UnsafeMutablePointer<CChar>?
        try check(body(allocator, &text), during)
        guard let text else { throw EngineError.engine(code: 1, message: "no text was returned", during: during) }
        defer { octavo_ort_release_status(pointer, octavo_ort_allocator_free(pointer, allocator, text)) }
        return String(cString: text)
    }

    /// Element type and sizes; -1 for a size that is not fixed.
    func read(shape: OpaquePointer, of name: String) throws -> (type: ElementType, sizes: [Int]) {
        let during = "reading the shape of \(name)"
        var number: Int32 = 0
        var rank = 0
        try check(octavo_ort_element_type(pointer, shape, &number), during)
        try check(octavo_ort_rank(pointer, shape, &rank), during)
        var sizes = [Int64](repeating: 0, count: rank)
        try check(octavo_ort_dimensions(pointer, shape, &sizes, rank), during)
        guard let type = ElementType(engineNumber: number) else {
            throw EngineError.unsupportedValue(name: name, reason: "element type \(number) is not known")
        }
        return (type, sizes.map { Int($0) })
    }
}

extension ElementType {
    /// The runtime numbers its element types as ONNX does, except for the three youngest.
    init?(engineNumber number: Int32) {
        switch number {
        case 24: self = .uint2
        case 25: self = .int2
        case 26: self = .float8e8m0
        default: self.init(rawValue: number)
        }
    }

    var engineNumber: Int32 {
        switch self {
        case .uint2: 24
        case .int2: 25
        case .float8e8m0: 26
        default: rawValue
        }
    }
}
