import Foundation

/// Makes `.npy` and `.npz` bytes for tests, right ones and wrong ones.
enum NPY {
    static func bytes(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
        let lengthBytes = version == 1 ? 2 : 4
        var text = Array(header.utf8)
        while (8 + lengthBytes + text.count + 1) % 64 != 0 { text.append(32) }
        text.append(10)
        let length = (0..<lengthBytes).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + data
    }

    static func header(_ descr: String, _ shape: [Int], fortran: Bool = false) -> String {
        let sizes = shape.map { "\($0)" }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
        return "{'descr': '\(descr)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': (\(sizes)), }"
    }

    static func array<T>(_ descr: String, _ shape: [Int], _ values: [T]) -> [UInt8] {
        bytes(header(descr, shape), values.withUnsafeBytes { Array($0) })
    }

    static func floats(_ shape: [Int], _ values: [Float]) -> [UInt8] { array("<f4", shape, values) }
}

/// Writes zip archives by the book, with a knob for each way to lie.
struct ZipWriter {
    struct Member {
        var name: String
        var data: [UInt8]
        /// Deflated bytes; nil stores.
        var deflated: [UInt8]?
        var flags: UInt16 = 0
        var method: UInt16?
        var crc: UInt32?
        var size: UInt32?
        var localName: String?
        var extra: [UInt8] = []

        init(_ name: String, _ data: [UInt8], deflated: [UInt8]? = nil) {
            self.name = name
            self.data = data
            self.deflated = deflated
        }
    }
    var members: [Member] = []
    /// Adds what to the offset of the second member's local header: an overlap.
    var offsetShift = 0
    var comment: [UInt8] = []
    var zip64 = false

    var bytes: [UInt8] {
        var out: [UInt8] = []
        var directory: [UInt8] = []
        for (index, member) in members.enumerated() {
            let offset = out.count + (index == 1 ? offsetShift : 0)
            let body = member.deflated ?? member.data
            let method = member.method ?? (member.deflated == nil ? 0 : 8)
            let crc = member.crc ?? CRC32.of(member.data)
            let size = member.size ?? UInt32(member.data.count)
            let sizes = le(crc) + le(UInt32(body.count)) + le(size)
            let local = Array((member.localName ?? member.name).utf8)
            out += le(0x0403_4b50) + le16(20) + le16(member.flags) + le16(method) + le(0) + sizes
            out += le16(UInt16(local.count)) + le16(UInt16(member.extra.count)) + local + member.extra + body
            let name = Array(member.name.utf8)
            directory += le(0x0201_4b50) + le16(20) + le16(20) + le16(member.flags) + le16(method) + le(0)
            if zip64 {
                let wide = le16(1) + le16(24) + le64(size) + le64(UInt32(body.count)) + le64(UInt32(offset))
                directory +=
                    le(crc) + le(.max) + le(.max) + le16(UInt16(name.count)) + le16(UInt16(wide.count)) + le16(0)
                directory += le16(0) + le16(0) + le(0) + le(.max) + name + wide
            } else {
                directory += sizes + le16(UInt16(name.count)) + le16(0) + le16(0) + le16(0) + le16(0) + le(0)
                directory += le(UInt32(offset)) + name
            }
        }
        let start = UInt32(out.count)
        out += directory
        if zip64 {
            let end = UInt32(out.count)
            out += le(0x0606_4b50) + le64(44) + le16(45) + le16(45) + le(0) + le(0)
            out +=
                le64(UInt32(members.count)) + le64(UInt32(members.count)) + le64(UInt32(directory.count)) + le64(start)
            out += le(0x0706_4b50) + le(0) + le64(end) + le(1)
        }
        let count = zip64 ? UInt16.max : UInt16(members.count)
        out += le(0x0605_4b50) + le16(0) + le16(0) + le16(count) + le16(count)
        out += (zip64 ? le(.max) + le(.max) : le(UInt32(directory.count)) + le(start))
        return out + le16(UInt16(comment.count)) + comment
    }

    private func le(_ x: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: x >> (8 * $0)) } }
    private func le16(_ x: UInt16) -> [UInt8] { [UInt8(truncatingIfNeeded: x), UInt8(x >> 8)] }
    private func le64(_ x: UInt32) -> [UInt8] { le(x) + [0, 0, 0, 0] }
}

enum CRC32 {
    static func of(_ bytes: [UInt8]) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes { sum = table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ (sum >> 8) }
        return ~sum
    }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1 }
    }
}

/// Deflate streams (RFC 1951) by hand.
enum Deflate {
    /// Blocks without compression.
    static func stored(_ data: [UInt8]) -> [UInt8] {
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
