/// The bytes around and between deflate blocks: RFC 1950 (zlib), RFC 1951 §3.2.4 (stored blocks), RFC 1952 (gzip).
///
/// A blob's file is `zlibHeader`, its blocks, `zlibTrailer`. Each block is byte aligned, refers to nothing before it and is
/// never marked as the last one, so it can be inflated alone; the empty last block is part of the trailer.
enum Framing {
    /// Identity bytes per block; only the last block of a blob is shorter.
    static let blockSize = 1 << 20
    /// Most bytes in one stored deflate block.
    static let storedLimit = 65535
    static let storedHeaderSize = 5
    /// No coded block is longer: what does not shrink is stored.
    static let codedLimit = storedSize(of: blockSize)

    /// CMF 0x78: deflate, 32 KiB window. FLG 0x01: level "fastest", no dictionary, check bits.
    static let zlibHeader: [UInt8] = [0x78, 0x01]
    static let zlibTrailerSize = 6
    /// No name, no time, unknown system.
    static let gzipHeader: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]
    static let gzipTrailerSize = 10

    /// An empty last block with fixed codes, then the Adler-32 of the identity bytes, most significant byte first.
    static func zlibTrailer(adler: UInt32) -> [UInt8] {
        [3, 0] + (0..<4).map { UInt8(truncatingIfNeeded: adler >> (24 - 8 * $0)) }
    }

    /// The empty last block, then CRC-32 and length modulo 2^32, least significant byte first.
    static func gzipTrailer(crc: UInt32, size: Int64) -> [UInt8] {
        let length = UInt32(truncatingIfNeeded: size)
        return [3, 0] + [crc, length].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }

    /// Bytes of a block of `count` identity bytes that is stored as it is.
    static func storedSize(of count: Int) -> Int {
        count + (count + storedLimit - 1) / storedLimit * storedHeaderSize
    }

    /// Type 00 and not last, then length and its complement.
    static func storedHeader(_ count: Int) -> [UInt8] {
        let low = UInt8(truncatingIfNeeded: count)
        let high = UInt8(truncatingIfNeeded: count >> 8)
        return [0, low, high, ~low, ~high]
    }

    /// Where the stored pieces of a block of `count` bytes lie, as offsets into the identity bytes.
    static func storedPieces(of count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: storedLimit).map { $0..<min($0 + storedLimit, count) }
    }
}
