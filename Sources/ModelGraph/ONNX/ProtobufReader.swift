/// Walks the fields of one protobuf message in place. Nothing is copied and nothing is trusted: every length is held
/// against the end of the enclosing message before it is used, and nesting is bounded.
///
/// Only made and used inside `ByteStore.withBytes`, whose pointer it holds.
struct ProtobufReader {
    enum WireType: UInt8 {
        case varint = 0
        case fixed64 = 1
        case bytes = 2
        case fixed32 = 5
    }

    struct Field {
        let number: Int
        let wire: WireType
        /// Where the tag begins.
        let start: Int
    }

    let store: ByteStore
    private let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    private let end: Int
    private let levelsLeft: Int

    init(store: ByteStore, bytes: UnsafeRawBufferPointer, depth: Int) {
        self.init(store: store, bytes: bytes, position: 0, end: bytes.count, levelsLeft: depth)
    }

    private init(store: ByteStore, bytes: UnsafeRawBufferPointer, position: Int, end: Int, levelsLeft: Int) {
        precondition(position >= 0 && position <= end && end <= bytes.count)
        self.store = store
        self.bytes = bytes
        self.position = position
        self.end = end
        self.levelsLeft = levelsLeft
    }

    var atEnd: Bool { position == end }

    /// The next tag, nil at the end of the message. The field's value has to be taken before the next call.
    mutating func next() throws -> Field? {
        if position == end { return nil }
        let start = position
        let tag = try varint()
        guard let tag = UInt32(exactly: tag), tag >> 3 > 0 else {
            throw ModelError.corrupt(reason: "a field has an impossible number", offset: start)
        }
        guard let wire = WireType(rawValue: UInt8(tag & 7)) else {
            throw ModelError.corrupt(reason: "a field has wire type \(tag & 7), which ONNX does not use", offset: start)
        }
        return Field(number: Int(tag >> 3), wire: wire, start: start)
    }

    mutating func varint() throws -> UInt64 {
        let start = position
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = bytes[position]
            position += 1
            if shift == 63 && byte > 1 { break }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        guard position < end || shift < 63 else {
            throw ModelError.corrupt(reason: "a number is longer than 64 bits", offset: start)
        }
        if shift >= 63 { throw ModelError.corrupt(reason: "a number is longer than 64 bits", offset: start) }
        throw ModelError.truncated(offset: start)
    }

    mutating func fixed32() throws -> UInt32 {
        guard end - position >= 4 else { throw ModelError.truncated(offset: position) }
        defer { position += 4 }
        return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
    }

    mutating func fixed64() throws -> UInt64 {
        guard end - position >= 8 else { throw ModelError.truncated(offset: position) }
        defer { position += 8 }
        return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    // MARK: Values of a field

    mutating func int64(_ field: Field) throws -> Int64 {
        try expect(.varint, field)
        return Int64(bitPattern: try varint())
    }

    mutating func float(_ field: Field) throws -> Float {
        try expect(.fixed32, field)
        return Float(bitPattern: try fixed32())
    }

    /// The bytes of a length-delimited field, still in the file.
    mutating func slice(_ field: Field) throws -> ByteSlice {
        let range = try range(field)
        return ByteSlice(store: store, offset: range.lowerBound, count: range.count)
    }

    mutating func array(_ field: Field) throws -> [UInt8] {
        [UInt8](bytes[try range(field)])
    }

    /// A name: UTF-8 without NUL, which C interfaces further on would cut.
    mutating func string(_ field: Field) throws -> String {
        let text = try anyText(field)
        guard !text.utf8.contains(0) else {
            throw ModelError.corrupt(reason: "a name contains a zero byte", offset: field.start)
        }
        return text
    }

    /// UTF-8 that may contain anything; for values that are checked where they are used.
    mutating func anyText(_ field: Field) throws -> String {
        let range = try range(field)
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw ModelError.corrupt(reason: "a text is not UTF-8", offset: range.lowerBound)
        }
        return text
    }

    /// A reader for the message that the field holds.
    mutating func message(_ field: Field) throws -> ProtobufReader {
        let range = try range(field)
        guard levelsLeft > 1 else {
            throw ModelError.tooLarge(what: "graphs or types are nested too deeply at byte \(field.start)", limit: 100)
        }
        return ProtobufReader(
            store: store, bytes: bytes, position: range.lowerBound, end: range.upperBound, levelsLeft: levelsLeft - 1)
    }

    /// Steps over the value; the whole field, tag included.
    mutating func skip(_ field: Field) throws -> ByteSlice {
        switch field.wire {
        case .varint: _ = try varint()
        case .fixed32: _ = try fixed32()
        case .fixed64: _ = try fixed64()
        case .bytes: _ = try range(field)
        }
        return ByteSlice(store: store, offset: field.start, count: position - field.start)
    }

    /// Keeps a field that is not understood.
    mutating func keep(_ field: Field, in extras: inout KeptFields) throws {
        extras.append(try skip(field))
    }

    // MARK: Repeated numbers, packed or one by one

    mutating func appendInt64s(_ field: Field, to values: inout [Int64]) throws {
        if field.wire == .varint { return values.append(Int64(bitPattern: try varint())) }
        var packed = try packed(field)
        while !packed.atEnd { values.append(Int64(bitPattern: try packed.varint())) }
    }

    mutating func appendFloats(_ field: Field, to values: inout [Float]) throws {
        if field.wire == .fixed32 { return values.append(Float(bitPattern: try fixed32())) }
        var packed = try packed(field)
        guard (packed.end - packed.position) % 4 == 0 else {
            throw ModelError.corrupt(reason: "a packed field is not a whole number of values", offset: field.start)
        }
        values.reserveCapacity(values.count + (packed.end - packed.position) / 4)
        while !packed.atEnd { values.append(Float(bitPattern: try packed.fixed32())) }
    }

    private mutating func packed(_ field: Field) throws -> ProtobufReader {
        let range = try range(field)
        return ProtobufReader(
            store: store, bytes: bytes, position: range.lowerBound, end: range.upperBound, levelsLeft: levelsLeft)
    }

    private mutating func range(_ field: Field) throws -> Range<Int> {
        try expect(.bytes, field)
        let length = try varint()
        guard let length = Int(exactly: length), length <= end - position else {
            throw ModelError.truncated(offset: field.start)
        }
        defer { position += length }
        return position..<position + length
    }

    private func expect(_ wire: WireType, _ field: Field) throws {
        guard field.wire == wire else {
            throw ModelError.corrupt(
                reason: "field \(field.number) is encoded as \(field.wire), not as \(wire)", offset: field.start)
        }
    }
}
