/// Names a sample by its bytes: XXH64 with seed 0 of the stored bytes of the sample; with several arrays, of the arrays'
/// digests (8 bytes each, little-endian) in the order of the arrays' names. Labels, names and preprocessing do not enter,
/// so the same sample has the same digest in every set that stores it alike. Guards against mistakes, not against forgery.
package struct SampleDigest: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let value: UInt64

    package init(value: UInt64) { self.value = value }

    /// 16 hexadecimal digits.
    package var description: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    package static func < (a: SampleDigest, b: SampleDigest) -> Bool { a.value < b.value }
}

/// The XXH64 hash (xxHash specification 0.1.1), fed piece by piece.
struct XXH64 {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    private var lanes: SIMD4<UInt64>
    private var total: UInt64 = 0
    private var pending: [UInt8] = []

    init() { lanes = SIMD4(Self.prime1 &+ Self.prime2, Self.prime2, 0, 0 &- Self.prime1) }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        total &+= UInt64(bytes.count)
        var rest = bytes[...]
        if !pending.isEmpty {
            let missing = rest.prefix(32 - pending.count)
            pending.append(contentsOf: missing)
            rest = rest.dropFirst(missing.count)
            guard pending.count == 32 else { return }
            pending.withUnsafeBytes { consume(UnsafeRawBufferPointer($0)) }
            pending.removeAll(keepingCapacity: true)
        }
        let whole = rest.count & ~31
        consume(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)))
        pending.append(contentsOf: rest.dropFirst(whole))
    }

    func finish() -> UInt64 {
        var sum = total < 32 ? Self.prime5 : merged()
        sum &+= total
        var rest = pending[...]
        while rest.count >= 8 {
            sum ^= Self.round(0, Self.word(rest.prefix(8)))
            sum = Self.rotate(sum, 27) &* Self.prime1 &+ Self.prime4
            rest = rest.dropFirst(8)
        }
        if rest.count >= 4 {
            sum ^= Self.word(rest.prefix(4)) &* Self.prime1
            sum = Self.rotate(sum, 23) &* Self.prime2 &+ Self.prime3
            rest = rest.dropFirst(4)
        }
        for byte in rest {
            sum ^= UInt64(byte) &* Self.prime5
            sum = Self.rotate(sum, 11) &* Self.prime1
        }
        sum = (sum ^ sum >> 33) &* Self.prime2
        sum = (sum ^ sum >> 29) &* Self.prime3
        return sum ^ sum >> 32
    }

    /// Takes whole stripes of 32 bytes.
    private mutating func consume(_ stripes: UnsafeRawBufferPointer) {
        guard let base = stripes.baseAddress else { return }
        var (a, b, c, d) = (lanes[0], lanes[1], lanes[2], lanes[3])
        var offset = 0
        while offset < stripes.count {
            a = Self.round(a, base.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian)
            b = Self.round(b, base.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self).littleEndian)
            c = Self.round(c, base.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self).littleEndian)
            d = Self.round(d, base.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self).littleEndian)
            offset += 32
        }
        lanes = SIMD4(a, b, c, d)
    }

    private func merged() -> UInt64 {
        let turns: [UInt64] = [1, 7, 12, 18]
        var sum = (0..<4).reduce(UInt64(0)) { $0 &+ Self.rotate(lanes[$1], turns[$1]) }
        for lane in 0..<4 { sum = (sum ^ Self.round(0, lanes[lane])) &* Self.prime1 &+ Self.prime4 }
        return sum
    }

    private static func round(_ sum: UInt64, _ lane: UInt64) -> UInt64 {
        rotate(sum &+ lane &* prime2, 31) &* prime1
    }

    private static func rotate(_ x: UInt64, _ by: UInt64) -> UInt64 { x << by | x >> (64 &- by) }

    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
