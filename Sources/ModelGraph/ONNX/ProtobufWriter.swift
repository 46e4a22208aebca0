/// Builds an encoded message as a list of pieces: bytes made here, and ranges of the files that were read. Large ranges
/// are not copied until they are written out.
struct ProtobufWriter {
    enum Piece {
        case owned([UInt8])
        case slice(ByteSlice)

        var count: Int {
            switch self {
            case .owned(let bytes): bytes.count
            case .slice(let slice): slice.count
            }
        }
    }

    /// Shorter ranges are copied: a piece of its own costs more.
    private static let copyLimit = 4096

    private var finished: [Piece] = []
    private var tail: [UInt8] = []
    private var finishedCount = 0

    /// Bytes so far.
    var count: Int { finishedCount + tail.count }

    var pieces: [Piece] { tail.isEmpty ? finished : finished + [.owned(tail)] }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 0x7f {
            tail.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        tail.append(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func tag(_ number: Int, _ wire: ProtobufReader.WireType) {
        varint(UInt64(number) << 3 | UInt64(wire.rawValue))
    }

    mutating func int64(_ number: Int, _ value: Int64) {
        tag(number, .varint)
        varint(UInt64(bitPattern: value))
    }

    mutating func float(_ number: Int, _ value: Float) {
        tag(number, .fixed32)
        fixed32(value.bitPattern)
    }

    private mutating func fixed32(_ bits: UInt32) {
        withUnsafeBytes(of: bits.littleEndian) { tail.append(contentsOf: $0) }
    }

    mutating func string(_ number: Int, _ value: String) {
        tag(number, .bytes)
        varint(UInt64(value.utf8.count))
        tail.append(contentsOf: value.utf8)
    }

    /// Nothing for an empty string, as in "not given".
    mutating func stringIfAny(_ number: Int, _ value: String) {
        if !value.isEmpty { string(number, value) }
    }

    mutating func bytes(_ number: Int, _ value: [UInt8]) {
        tag(number, .bytes)
        varint(UInt64(value.count))
        tail.append(contentsOf: value)
    }

    mutating func slice(_ number: Int, _ value: ByteSlice) {
        tag(number, .bytes)
        varint(UInt64(value.count))
        append(value)
    }

    mutating func packedInt64s(_ number: Int, _ values: [Int64]) {
        guard !values.isEmpty else { return }
        var inner = ProtobufWriter()
        for value in values { inner.varint(UInt64(bitPattern: value)) }
        embed(number, inner)
    }

    /// One tag for each value: the form that the ONNX schema gives for lists that are not declared packed.
    mutating func int64s(_ number: Int, _ values: [Int64]) {
        for value in values { int64(number, value) }
    }

    mutating func floats(_ number: Int, _ values: [Float]) {
        for value in values { float(number, value) }
    }

    mutating func message(_ number: Int, _ build: (inout ProtobufWriter) throws -> Void) rethrows {
        var inner = ProtobufWriter()
        try build(&inner)
        embed(number, inner)
    }

    /// Fields as they came, tags included.
    mutating func raw(_ fields: KeptFields) {
        for piece in fields.pieces { append(piece) }
    }

    private mutating func embed(_ number: Int, _ inner: ProtobufWriter) {
        tag(number, .bytes)
        varint(UInt64(inner.count))
        for piece in inner.finished {
            switch piece {
            case .owned(let bytes): tail.append(contentsOf: bytes)
            case .slice(let slice): append(slice)
            }
        }
        tail.append(contentsOf: inner.tail)
    }

    private mutating func append(_ slice: ByteSlice) {
        guard slice.count > Self.copyLimit else { return slice.withBytes { tail.append(contentsOf: $0) } }
        if !tail.isEmpty {
            finishedCount += tail.count
            finished.append(.owned(tail))
            tail = []
        }
        finished.append(.slice(slice))
        finishedCount += slice.count
    }
}
