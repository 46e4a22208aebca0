import CZlib

/// CRC-32 and Adler-32 of blocks, joined into those of the whole.
struct Checksums: Equatable, Sendable {
    var crc: UInt32 = 0
    var adler: UInt32 = 1

    init() {}

    init(_ bytes: UnsafeRawBufferPointer) {
        crc = Self.crc32(bytes)
        adler = octavo_adler32(1, bytes.baseAddress, bytes.count)
    }

    /// What the sums are when `count` bytes with the sums `next` follow.
    mutating func append(_ next: Checksums, count: Int) {
        crc = UInt32(truncatingIfNeeded: crc32_combine(uLong(crc), uLong(next.crc), count))
        adler = UInt32(truncatingIfNeeded: adler32_combine(uLong(adler), uLong(next.adler), count))
    }

    static func crc32(_ bytes: UnsafeRawBufferPointer, after crc: UInt32 = 0) -> UInt32 {
        octavo_crc32(crc, bytes.baseAddress, bytes.count)
    }
}
