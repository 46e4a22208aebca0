import Foundation
import TestGraphs

/// Deflate streams (RFC 1951) by hand.
enum Deflate {
    /// Blocks without compression.
    static func stored(_ data: [UInt8]) -> [UInt8] { StoredBlocks.deflate(data) }

    /// One block of fixed codes: the bytes of `head`, then zeros until `total` is reached or just passed. 258 zeros take
    /// 13 bits.
    static func zeros(after head: [UInt8], total: Int) -> [UInt8] {
        var bits = Bits()
        bits.put(0b011, 3)
        for byte in head + [0] { bits.literal(byte) }
        var count = head.count + 1
        while count < total {
            // Code 285 means length 258, distance code 0 means 1; codes go in from their high bit.
            bits.code(0b1100_0101, 8)
            bits.code(0, 5)
            count += 258
        }
        bits.code(0, 7)
        return bits.bytes
    }

    private struct Bits {
        var bytes: [UInt8] = []
        private var used = 8

        mutating func put(_ value: Int, _ count: Int) {
            for bit in 0..<count {
                if used == 8 {
                    bytes.append(0)
                    used = 0
                }
                bytes[bytes.count - 1] |= UInt8(value >> bit & 1) << used
                used += 1
            }
        }

        mutating func code(_ value: Int, _ count: Int) {
            for bit in stride(from: count - 1, through: 0, by: -1) { put(value >> bit & 1, 1) }
        }

        mutating func literal(_ byte: UInt8) {
            if byte < 144 { code(0x30 + Int(byte), 8) } else { code(0x190 + Int(byte) - 144, 9) }
        }
    }
}

/// A directory that goes away with the value.
final class TestDirectory {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "octavo-samples-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ bytes: [UInt8], _ name: String = "samples.npz") throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    /// Names of the files in it.
    func contents() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path) }
}

/// Files that the scripts in Tests/Fixtures made.
enum TestFixture {
    static func path(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/" + name).path
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }
}
