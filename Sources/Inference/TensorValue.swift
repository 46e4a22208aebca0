package import ModelGraph

/// A tensor's elements in memory, in the layout engines take: little-endian, row-major, no gaps.
///
/// `@unchecked Sendable`: the header never changes; the elements are written only through `withMutableBytes`, whose caller
/// makes sure that no run reads or writes the tensor at that time.
package final class TensorValue: @unchecked Sendable {
    package let type: ElementType
    package let shape: [Int]
    package let count: Int
    package let byteCount: Int
    let base: UnsafeMutableRawPointer
    /// What the memory belongs to when it is not ours: a value of the engine.
    private let owner: AnyObject?

    /// A tensor of zeros. Throws `wrongSize` for a shape without a valid size and for strings.
    package init(zeros type: ElementType, shape: [Int]) throws {
        guard let count = Self.count(of: shape), let byteCount = type.byteCount(of: count) else {
            throw EngineError.wrongSize(type: type, shape: shape, expected: nil, actual: 0)
        }
        self.type = type
        self.shape = shape
        self.count = count
        self.byteCount = byteCount
        base = .allocate(byteCount: max(byteCount, 64), alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, 64))
        owner = nil
    }

    /// Wraps memory that lives as long as `owner`.
    init(type: ElementType, shape: [Int], count: Int, byteCount: Int, base: UnsafeMutableRawPointer, owner: AnyObject) {
        self.type = type
        self.shape = shape
        self.count = count
        self.byteCount = byteCount
        self.base = base
        self.owner = owner
    }

    deinit {
        if owner == nil { base.deallocate() }
    }

    package convenience init(type: ElementType, shape: [Int], bytes: [UInt8]) throws {
        try self.init(zeros: type, shape: shape)
        try bytes.withUnsafeBytes { try fill(from: $0) }
    }

    package convenience init(floats: [Float], shape: [Int]) throws {
        try self.init(zeros: .float, shape: shape)
        try floats.withUnsafeBytes { try fill(from: $0) }
    }

    package convenience init(int64s: [Int64], shape: [Int]) throws {
        try self.init(zeros: .int64, shape: shape)
        try int64s.withUnsafeBytes { try fill(from: $0) }
    }

    /// Replaces all elements.
    package func fill(from bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count == byteCount else {
            throw EngineError.wrongSize(type: type, shape: shape, expected: byteCount, actual: bytes.count)
        }
        withMutableBytes { $0.copyMemory(from: bytes) }
    }

    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(start: base, count: byteCount)) }
    }

    package func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(UnsafeMutableRawBufferPointer(start: base, count: byteCount)) }
    }

    /// The number of elements; nil for a negative size or one that no machine can hold.
    private static func count(of shape: [Int]) -> Int? {
        var count = 1
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflow else { return nil }
            count = product
        }
        return count
    }
}

extension TensorValue {
    /// The elements as float32: floating point types, whole-byte integers and bool, each rounded to nearest.
    package func floats() throws -> [Float] {
        switch type {
        case .float: elements(of: Float.self) { $0 }
        case .double: elements(of: Double.self, Float.init)
        case .float16: elements(of: UInt16.self) { Float(Float16(bitPattern: $0)) }
        case .bfloat16: elements(of: UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        case .uint8, .bool: elements(of: UInt8.self, Float.init)
        case .int8: elements(of: Int8.self, Float.init)
        case .uint16: elements(of: UInt16.self, Float.init)
        case .int16: elements(of: Int16.self, Float.init)
        case .uint32: elements(of: UInt32.self, Float.init)
        case .int32: elements(of: Int32.self, Float.init)
        case .uint64: elements(of: UInt64.self, Float.init)
        case .int64: elements(of: Int64.self, Float.init)
        default: throw EngineError.notConvertible(from: type)
        }
    }

    /// The elements of whole-byte integers, those of uint64 that a signed one has no room for by their bits.
    package func integers() throws -> [Int] {
        switch type {
        case .uint8: elements(of: UInt8.self, Int.init)
        case .int8: elements(of: Int8.self, Int.init)
        case .uint16: elements(of: UInt16.self, Int.init)
        case .int16: elements(of: Int16.self, Int.init)
        case .uint32: elements(of: UInt32.self, Int.init)
        case .int32: elements(of: Int32.self, Int.init)
        case .uint64: elements(of: UInt64.self) { Int(truncatingIfNeeded: $0) }
        case .int64: elements(of: Int64.self, Int.init)
        default: throw EngineError.notConvertible(from: type)
        }
    }

    private func elements<Element, Value>(of: Element.Type, _ convert: (Element) -> Value) -> [Value] {
        withBytes { bytes in
            let typed = bytes.assumingMemoryBound(to: Element.self)
            return [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
                for i in 0..<count { buffer.initializeElement(at: i, to: convert(typed[i])) }
                initialized = count
            }
        }
    }
}
