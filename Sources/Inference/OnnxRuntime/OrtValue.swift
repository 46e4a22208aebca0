import CEngines
import ModelGraph

/// A value of the engine, released with its last reference.
///
/// `@unchecked Sendable`: holds one pointer that never changes.
final class OrtValue: @unchecked Sendable {
    let pointer: OpaquePointer
    private let table: OrtTable

    /// Takes over a value that a run returned.
    init(adopting pointer: OpaquePointer, table: OrtTable) {
        self.pointer = pointer
        self.table = table
    }

    /// Describes a tensor's memory to the engine without copying. The tensor must live while this is used.
    init(viewing tensor: TensorValue, name: String, engine: OnnxRuntime) throws {
        table = engine.table
        let (entries, memory) = (engine.table.pointer, engine.hostMemory)
        let sizes = tensor.shape.map { Int64($0) }
        pointer = try table.make("passing the tensor \(name)") {
            octavo_ort_wrap_tensor(
                entries, memory, tensor.base, tensor.byteCount, sizes, sizes.count, tensor.type.engineNumber, $0)
        }
    }

    deinit { octavo_ort_release_value(table.pointer, pointer) }

    /// The value as a tensor that shares its memory. Throws `unsupportedValue` for sequences, maps and strings.
    func tensor(named name: String) throws -> TensorValue {
        var isTensor: Int32 = 0
        try table.check(octavo_ort_is_tensor(table.pointer, pointer, &isTensor), "reading \(name)")
        guard isTensor != 0 else { throw EngineError.unsupportedValue(name: name, reason: "the value is not a tensor") }
        let shape = try table.make("reading \(name)") { octavo_ort_value_shape(table.pointer, pointer, $0) }
        defer { octavo_ort_release_shape(table.pointer, shape) }
        let (type, sizes) = try table.read(shape: shape, of: name)
        let count = sizes.reduce(1, *)
        guard let byteCount = type.byteCount(of: count) else {
            throw EngineError.unsupportedValue(name: name, reason: "tensors of type \(type) cannot be read")
        }
        guard count > 0 else { return try TensorValue(zeros: type, shape: sizes) }
        var base: UnsafeMutableRawPointer?
        try table.check(octavo_ort_tensor_data(table.pointer, pointer, &base), "reading \(name)")
        guard let base else { throw EngineError.unsupportedValue(name: name, reason: "the tensor has no data") }
        return TensorValue(type: type, shape: sizes, count: count, byteCount: byteCount, base: base, owner: self)
    }
}
