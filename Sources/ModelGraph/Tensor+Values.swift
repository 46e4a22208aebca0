/// Reading the values of a tensor, whatever form they are stored in.
extension Tensor {
    /// The elements in `raw_data` form: little-endian, packed types two or four to a byte, lowest bits first. The address
    /// may be unaligned for the element type. Throws for strings and for data that was not given with the model.
    package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
        try rawSlice().withBytes(body)
    }

    package func bytes() throws -> [UInt8] { try withBytes { [UInt8]($0) } }

    /// float32 values; float16, bfloat16 and float64 are converted.
    package func floats() throws -> [Float] {
        switch type {
        case .float: try loaded(Float.self) { $0 }
        case .double: try loaded(Double.self) { Float($0) }
        case .float16: try loaded(UInt16.self) { Float(Float16(bitPattern: $0)) }
        case .bfloat16: try loaded(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        default: throw ModelError.wrongElementType(tensor: name, found: type, wanted: "floating point")
        }
    }

    /// Values of any integer type of whole bytes, or bool as 0 and 1. uint64 above `Int64.max` wraps.
    package func int64s() throws -> [Int64] {
        switch type {
        case .int64: try loaded(Int64.self) { $0 }
        case .uint64: try loaded(UInt64.self) { Int64(bitPattern: $0) }
        case .int32: try loaded(Int32.self) { Int64($0) }
        case .uint32: try loaded(UInt32.self) { Int64($0) }
        case .int16: try loaded(Int16.self) { Int64($0) }
        case .uint16: try loaded(UInt16.self) { Int64($0) }
        case .int8: try loaded(Int8.self) { Int64($0) }
        case .uint8: try loaded(UInt8.self) { Int64($0) }
        case .bool: try loaded(UInt8.self) { $0 == 0 ? 0 : 1 }
        default: throw ModelError.wrongElementType(tensor: name, found: type, wanted: "integers")
        }
    }

    package func strings() throws -> [[UInt8]] {
        guard case .strings(let strings) = storage else {
            throw ModelError.wrongElementType(tensor: name, found: type, wanted: "strings")
        }
        return strings
    }

    /// The same values under another name.
    package func named(_ name: String) -> Tensor {
        var copy = self
        copy.name = name
        return copy
    }

    private func loaded<T: BitwiseCopyable, R>(_: T.Type, _ convert: (T) -> R) throws -> [R] {
        try withBytes { bytes in
            let count = bytes.count / MemoryLayout<T>.size
            return [R](unsafeUninitializedCapacity: count) { buffer, filled in
                for index in 0..<count {
                    let value = bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self)
                    buffer.initializeElement(at: index, to: convert(value))
                }
                filled = count
            }
        }
    }

    /// The elements in `raw_data` form, without a copy where they are stored so.
    func rawSlice() throws -> ByteSlice {
        let slice: ByteSlice
        switch storage {
        case .raw(let bytes): slice = bytes
        case .typed(.float, let bytes), .typed(.double, let bytes): slice = bytes
        case .typed(_, let bytes): slice = try unpacked(bytes)
        case .external(_, let content?): slice = content
        case .external(let reference, nil):
            throw ModelError.missingExternalData(tensor: name, location: reference.location)
        case .strings: throw ModelError.wrongElementType(tensor: name, found: type, wanted: "numbers")
        }
        try check(slice)
        return slice
    }

    /// `dims` may have been edited since the data was checked.
    func check(_ slice: ByteSlice) throws {
        guard type.byteCount(of: count) == slice.count else {
            throw ModelError.invalidTensor(
                name: name, reason: "the shape \(dims) of \(type) does not fit its \(slice.count) bytes")
        }
    }

    /// Values of an integer field, each cut to the width of its element.
    private func unpacked(_ varints: ByteSlice) throws -> ByteSlice {
        let width = max(type.byteWidth, 1)
        var raw: [UInt8] = []
        raw.reserveCapacity(byteCount)
        try varints.withBytes { bytes in
            var reader = ProtobufReader(store: varints.store, bytes: bytes, depth: 1)
            while !reader.atEnd {
                let value = try reader.varint()
                withUnsafeBytes(of: value.littleEndian) { raw.append(contentsOf: $0.prefix(width)) }
            }
        }
        return ByteSlice(raw)
    }
}
