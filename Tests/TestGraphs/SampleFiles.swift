/// Makes `.npy` and `.npz` bytes for tests, right ones and wrong ones.
package enum NPY {
    package static func bytes(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
        let lengthBytes = version == 1 ? 2 : 4
        var text = Array(header.utf8)
        while (8 + lengthBytes + text.count + 1) % 64 != 0 { text.append(32) }
        text.append(10)
        let length = (0..<lengthBytes).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + data
    }

    package static func header(_ descr: String, _ shape: [Int], fortran: Bool = false) -> String {
        let sizes = shape.map { "\($0)" }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
        return "{'descr': '\(descr)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': (\(sizes)), }"
    }

    package static func array<T>(_ descr: String, _ shape: [Int], _ values: [T]) -> [UInt8] {
        bytes(header(descr, shape), values.withUnsafeBytes { Array($0) })
    }

    package static func floats(_ shape: [Int], _ values: [Float]) -> [UInt8] { array("<f4", shape, values) }
}

/// Writes zip archives by the book, with a knob for each way to lie.
package struct ZipWriter {
    package struct Member {
        package var name: String
        package var data: [UInt8]
        /// Deflated bytes; nil stores.
        package var deflated: [UInt8]?
        package var flags: UInt16 = 0
        package var method: UInt16?
        package var crc: UInt32?
        package var size: UInt32?
        package var localName: String?
        package var extra: [UInt8] = []

        package init(_ name: String, _ data: [UInt8], deflated: [UInt8]? = nil) {
            self.name = name
            self.data = data
            self.deflated = deflated
        }
    }
    package var members: [Member] = []
    /// Adds what to the offset of the second member's local header: an overlap.
    package var offsetShift = 0
    package var comment: [UInt8] = []
    package var zip64 = false

    package init(members: [Member] = []) { self.members = members }

    package var bytes: [UInt8] {
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

package enum CRC32 {
    package static func of(_ bytes: [UInt8]) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes { sum = table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ (sum >> 8) }
        return ~sum
    }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1 }
    }
}
