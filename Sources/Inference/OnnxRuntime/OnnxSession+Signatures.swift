import CEngines
import ModelGraph

extension OnnxSession {
    enum Side { case input, output }

    /// The model's inputs or outputs. Throws `unsupportedValue` for one that is not a tensor.
    static func signatures(_ side: Side, of session: OpaquePointer, table: OrtTable) throws -> [EngineSignature] {
        let entries = table.pointer
        var count = 0
        let status =
            side == .input
            ? octavo_ort_input_count(entries, session, &count) : octavo_ort_output_count(entries, session, &count)
        try table.check(status, "reading the model's signature")
        return try (0..<count).map { try signature(side, $0, of: session, table: table) }
    }

    private static func signature(
        _ side: Side, _ index: Int, of session: OpaquePointer, table: OrtTable
    ) throws -> EngineSignature {
        let entries = table.pointer
        let during = "reading the model's signature"
        let name = try table.text(during) { allocator, out in
            side == .input
                ? octavo_ort_input_name(entries, session, index, allocator, out)
                : octavo_ort_output_name(entries, session, index, allocator, out)
        }
        let type = try table.make(during) { out in
            side == .input
                ? octavo_ort_input_type(entries, session, index, out)
                : octavo_ort_output_type(entries, session, index, out)
        }
        defer { octavo_ort_release_type(entries, type) }
        // Borrowed from `type`; absent when this is no tensor.
        var shape: OpaquePointer?
        try table.check(octavo_ort_tensor_shape_of_type(entries, type, &shape), during)
        guard let shape else {
            throw EngineError.unsupportedValue(name: name, reason: "the model's \(side) is not a tensor")
        }
        let (element, sizes) = try table.read(shape: shape, of: name)
        return EngineSignature(name: name, type: element, shape: sizes.map { $0 < 0 ? -1 : $0 })
    }
}

/// Names as C strings that live as long as this.
///
/// `@unchecked Sendable`: never changes.
final class NameTable: @unchecked Sendable {
    private let pointers: [String: UnsafeMutablePointer<CChar>]

    init(_ names: [String]) {
        var pointers: [String: UnsafeMutablePointer<CChar>] = [:]
        for name in names where pointers[name] == nil {
            let bytes = name.utf8CString
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
            bytes.withUnsafeBufferPointer { source in
                for (i, byte) in source.enumerated() { (copy + i).initialize(to: byte) }
            }
            pointers[name] = copy
        }
        self.pointers = pointers
    }

    deinit { for pointer in pointers.values { pointer.deallocate() } }

    subscript(name: String) -> UnsafePointer<CChar>? { pointers[name].map { UnsafePointer($0) } }
}
