/// Makes PNG files for tests: plain ones, and ones whose head lies.
package enum PNG {
    /// `pixels` has `channels` bytes for each pixel: 1 grey, 3 colours.
    package static func bytes(
        width: Int, height: Int, channels: Int = 3, announced: (width: Int, height: Int)? = nil, _ pixels: [UInt8]
    ) -> [UInt8] {
        var lines: [UInt8] = []
        let stride = width * channels
        for row in 0..<height { lines += [0] + pixels[(row * stride)..<((row + 1) * stride)] }
        let size = be(UInt32(announced?.width ?? width)) + be(UInt32(announced?.height ?? height))
        return [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
            + chunk("IHDR", size + [8, channels == 1 ? 0 : 2, 0, 0, 0]) + chunk("IDAT", zlib(lines)) + chunk("IEND", [])
    }

    /// One colour everywhere.
    package static func plain(width: Int, height: Int, _ colour: [UInt8]) -> [UInt8] {
        bytes(
            width: width, height: height, channels: colour.count,
            (0..<width * height).flatMap { _ in colour })
    }

    private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
        let named = Array(type.utf8) + data
        return be(UInt32(data.count)) + named + be(CRC32.of(named))
    }

    /// RFC 1950 with blocks without compression.
    private static func zlib(_ data: [UInt8]) -> [UInt8] {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in data {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return [0x78, 0x01] + StoredBlocks.deflate(data) + be(b << 16 | a)
    }

    private static func be(_ x: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: x >> (24 - 8 * $0)) } }
}

/// Deflate streams (RFC 1951) of blocks without compression.
package enum StoredBlocks {
    package static func deflate(_ data: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var rest = data[...]
        repeat {
            let block = rest.prefix(65_535)
            rest = rest.dropFirst(block.count)
            let length = UInt16(block.count)
            out += [rest.isEmpty ? 1 : 0]
            out += [length, ~length].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] } + block
        } while !rest.isEmpty
        return out
    }
}
