/// What a tensor is made of. The raw values are the numbers of `TensorProto.DataType`.
package enum ElementType: Int32, Equatable, Hashable, Sendable, CaseIterable {
    case float = 1
    case uint8 = 2
    case int8 = 3
    case uint16 = 4
    case int16 = 5
    case int32 = 6
    case int64 = 7
    case string = 8
    case bool = 9
    case float16 = 10
    case double = 11
    case uint32 = 12
    case uint64 = 13
    case complex64 = 14
    case complex128 = 15
    case bfloat16 = 16
    case float8e4m3fn = 17
    case float8e4m3fnuz = 18
    case float8e5m2 = 19
    case float8e5m2fnuz = 20
    case uint4 = 21
    case int4 = 22
    case float4e2m1 = 23
    case float8e8m0 = 24
    case uint2 = 25
    case int2 = 26

    /// Bits of one element; 0 for strings, which have no fixed width.
    package var bitWidth: Int {
        switch self {
        case .string: 0
        case .uint2, .int2: 2
        case .uint4, .int4, .float4e2m1: 4
        case .uint8, .int8, .bool, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0: 8
        case .uint16, .int16, .float16, .bfloat16: 16
        case .float, .int32, .uint32: 32
        case .int64, .uint64, .double, .complex64: 64
        case .complex128: 128
        }
    }

    /// Bytes of one element; 0 for strings and for the types of which several share a byte.
    package var byteWidth: Int { bitWidth / 8 }

    /// Bytes of `count` elements as `raw_data` holds them (packed types round up); nil for strings and on overflow.
    package func byteCount(of count: Int) -> Int? {
        guard self != .string, count >= 0 else { return nil }
        if bitWidth >= 8 {
            let (bytes, overflow) = count.multipliedReportingOverflow(by: byteWidth)
            return overflow ? nil : bytes
        }
        let perByte = 8 / bitWidth
        return count / perByte + (count % perByte == 0 ? 0 : 1)
    }

    package var isFloat: Bool {
        switch self {
        case .float, .float16, .bfloat16, .double: true
        default: false
        }
    }

    /// Integers of a whole number of bytes; not bool.
    package var isInteger: Bool {
        switch self {
        case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64: true
        default: false
        }
    }
}

extension ElementType: CustomStringConvertible {
    /// The name that onnx's tools print, such as "float" or "uint8".
    package var description: String {
        switch self {
        case .float: "float32"
        case .float8e4m3fn: "float8e4m3fn"
        default: Self.names[self] ?? "type \(rawValue)"
        }
    }

    private static let names: [ElementType: String] = [
        .uint8: "uint8", .int8: "int8", .uint16: "uint16", .int16: "int16", .int32: "int32", .int64: "int64",
        .string: "string", .bool: "bool", .float16: "float16", .double: "float64", .uint32: "uint32",
        .uint64: "uint64", .complex64: "complex64", .complex128: "complex128", .bfloat16: "bfloat16",
        .float8e4m3fnuz: "float8e4m3fnuz", .float8e5m2: "float8e5m2", .float8e5m2fnuz: "float8e5m2fnuz",
        .uint4: "uint4", .int4: "int4", .float4e2m1: "float4e2m1", .float8e8m0: "float8e8m0", .uint2: "uint2",
        .int2: "int2",
    ]
}
