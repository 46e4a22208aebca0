import Storage

/// Leaves the large weights out of a model on its way to its inspection, which reads names, types, shapes and lengths but
/// never the values of a large tensor: a copy of a gigabyte would take longer than to receive it.
///
/// It follows the protobuf framing (key, length, payload) into ModelProto.graph (7), GraphProto.initializer (5) and
/// TensorProto.raw_data (9), whose payload it drops from `leastWeight` bytes. Anything that is not framed as it should be, it
/// keeps from there on: to refuse a model is the inspection's business.
struct WeightSieve: ByteSieve {
    /// Smaller payloads are kept: shapes, axes and scales are among them.
    static let leastWeight: UInt64 = 64 << 10

    private enum State {
        case key(Varint)
        case length(field: UInt64, Varint)
        case number(Varint)
        case payload(UInt64, isKept: Bool)
        /// Something was wrong: all is kept.
        case lost
    }
    /// The fields to go into, outermost first, and the one to drop.
    private static let path: [UInt64] = [7, 5]
    private static let dropped: UInt64 = 9

    private var state = State.key(Varint())
    /// Bytes left of each message that has been entered.
    private var open: [UInt64] = []

    mutating func sift(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
        var kept: [Range<Int>] = []
        var position = 0
        while position < bytes.count {
            let (count, isKept) = step(UnsafeRawBufferPointer(rebasing: bytes[position...]))
            if isKept { Self.add(position..<(position + count), to: &kept) }
            position += count
        }
        return kept
    }

    private static func add(_ range: Range<Int>, to kept: inout [Range<Int>]) {
        guard let last = kept.last, last.upperBound == range.lowerBound else { return kept.append(range) }
        kept[kept.count - 1] = last.lowerBound..<range.upperBound
    }

    /// Takes at least one byte; how many, and whether they are kept.
    private mutating func step(_ bytes: UnsafeRawBufferPointer) -> (count: Int, isKept: Bool) {
        switch state {
        case .lost:
            return (bytes.count, true)
        case .payload(let left, let isKept):
            let count = Int(min(left, UInt64(bytes.count)))
            state = .payload(left - UInt64(count), isKept: isKept)
            spend(UInt64(count))
            return (count, isKept)
        case .key(var varint):
            let value = varint.take(bytes[0])
            state = varint.isBroken ? .lost : value.map(following) ?? .key(varint)
        case .length(let field, var varint):
            let value = varint.take(bytes[0])
            state = varint.isBroken ? .lost : value.map { enter(field, $0) } ?? .length(field: field, varint)
        case .number(var varint):
            let value = varint.take(bytes[0])
            state = varint.isBroken ? .lost : value.map { _ in .key(Varint()) } ?? .number(varint)
        }
        spend(1)
        return (1, true)
    }

    /// What comes after a key.
    private func following(_ key: UInt64) -> State {
        switch key & 7 {
        case 0: return .number(Varint())
        case 1: return .payload(8, isKept: true)
        case 2: return .length(field: key >> 3, Varint())
        case 5: return .payload(4, isKept: true)
        default: return .lost
        }
    }

    /// What comes after the length of `field`. The byte that ended the length has not been spent yet.
    private mutating func enter(_ field: UInt64, _ length: UInt64) -> State {
        // No file is that long, and sums with shorter lengths cannot overflow.
        guard length <= UInt64(Int64.max) else { return .lost }
        if let left = open.last, left == 0 || length > left - 1 { return .lost }
        guard open.count == Self.path.count else {
            guard field == Self.path[open.count], length > 0 else { return .payload(length, isKept: true) }
            // What encloses it is counted down now, this byte included.
            if let last = open.indices.last { open[last] -= length + 1 }
            open.append(length + 1)
            return .key(Varint())
        }
        return .payload(length, isKept: field != Self.dropped || length < Self.leastWeight)
    }

    /// Counts bytes off the innermost message and leaves those that are complete.
    private mutating func spend(_ count: UInt64) {
        if case .lost = state { return }
        if let last = open.indices.last {
            guard open[last] >= count else { return state = .lost }
            open[last] -= count
        }
        if case .payload(0, _) = state { state = .key(Varint()) }
        guard case .key(let varint) = state else { return }
        while open.last == 0 {
            guard varint.isEmpty else { return state = .lost }
            open.removeLast()
        }
    }
}

/// A base-128 number that comes byte by byte.
private struct Varint {
    private var value: UInt64 = 0
    private var count: UInt64 = 0
    var isEmpty: Bool { count == 0 }
    /// Longer than a 64-bit number can be.
    private(set) var isBroken = false

    /// The number, once `byte` was its last.
    mutating func take(_ byte: UInt8) -> UInt64? {
        guard count < 9 || byte <= 1 else {
            isBroken = true
            return nil
        }
        value |= UInt64(byte & 0x7F) << (7 * count)
        count += 1
        return byte & 0x80 == 0 ? value : nil
    }
}
