import CZlib
import Testing

@testable import Storage

@Suite struct ChecksumTests {
    /// Every length around the widths of the vectors, unaligned, continued from any value.
    @Test(arguments: [0, 0xff, nil] as [UInt8?])
    func theFastSumsAreThoseOfZlib(_ fill: UInt8?) {
        let bytes = (0..<20_000).map { _ in fill ?? .random(in: 0...255) }
        let lengths = Array(0..<300) + [5535, 5536, 5537, 5552, 5553, 11_071, 11_073, 19_993]
        bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            for length in lengths {
                let part = UnsafeRawBufferPointer(rebasing: bytes[7..<(7 + length)])
                let base = bytes.bindMemory(to: UInt8.self).baseAddress.map { $0 + 7 }
                let crc = UInt32.random(in: 0 ... .max)
                #expect(octavo_crc32(crc, part.baseAddress, length) == UInt32(crc32_z(uLong(crc), base, length)))
                let adler = UInt32.random(in: 0..<65521) << 16 | UInt32.random(in: 0..<65521)
                #expect(
                    octavo_adler32(adler, part.baseAddress, length) == UInt32(adler32_z(uLong(adler), base, length)))
            }
        }
    }

    @Test func sumsOfPartsJoin() {
        let bytes = (0..<5000).map { _ in UInt8.random(in: 0...255) }
        for cut in [0, 1, 17, 2500, 5000] {
            var sums = Checksums()
            for part in [bytes[..<cut], bytes[cut...]] {
                part.withUnsafeBytes { sums.append(Checksums($0), count: $0.count) }
            }
            #expect(sums == bytes.withUnsafeBytes { Checksums($0) })
        }
    }
}
