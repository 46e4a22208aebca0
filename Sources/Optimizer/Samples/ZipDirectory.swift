import Domain

/// The members of a zip archive (PKWARE APPNOTE 6.3), read from the central directory alone. Everything a member claims is
/// checked against the file before it is believed: ranges, overlaps, names, encryption, method.
struct ZipDirectory {
    struct Member: Equatable {
        enum Method: Equatable { case stored, deflated }
        var name: String
        var method: Method
        var crc: UInt32
        var compressedSize: Int
        var size: Int
        var headerOffset: Int
        /// First byte of the member's data in the archive.
        var dataOffset: Int
    }
    private(set) var members: [Member] = []

    init(_ file: SampleFile, limits: SampleLimits) throws {
        let end = try ZipEnd(file)
        guard end.entries <= limits.members else {
            throw Failure.samples("The archive has \(end.entries) members; at most \(limits.members) are read.")
        }
        guard end.size <= limits.directoryBytes else {
            throw Failure.samples("The archive's directory is \(end.size) bytes long; that is no set of samples.")
        }
        var reader = LittleEndian(try file.bytes(at: end.offset, count: end.size))
        var names: Set<String> = []
        for _ in 0..<end.entries {
            var member = try Self.entry(&reader)
            // Folders have members of their own in some archives.
            if member.name.hasSuffix("/") { continue }
            guard names.insert(member.name).inserted else {
                throw Failure.samples(
                    "The archive has two members named '\(member.name)'. Keep one.", array: member.name)
            }
            member.dataOffset = try Self.dataOffset(of: member, in: file)
            members.append(member)
        }
        try refuseOverlaps(before: end.offset)
    }

    private static func entry(_ reader: inout LittleEndian) throws -> Member {
        guard try reader.u32() == 0x0201_4b50 else { throw ZipEnd.damaged("its directory is cut off") }
        reader.skip(4)
        let flags = try reader.u16()
        let method = try reader.u16()
        reader.skip(4)
        let crc = try reader.u32()
        var compressed = UInt64(try reader.u32())
        var size = UInt64(try reader.u32())
        let (nameLength, extraLength, commentLength) = (try reader.u16(), try reader.u16(), try reader.u16())
        reader.skip(8)
        var offset = UInt64(try reader.u32())
        let name = try Self.name(try reader.bytes(Int(nameLength)))
        try Self.widen(&size, &compressed, &offset, LittleEndian(try reader.bytes(Int(extraLength))))
        reader.skip(Int(commentLength))
        guard flags & 0x2041 == 0 else {
            throw Failure.samples("Member '\(name)' is encrypted. Make the archive without a password.", array: name)
        }
        guard method == 0 || method == 8 else {
            throw Failure.samples(
                "Member '\(name)' is compressed by method \(method). Store or deflate it, as zip, numpy.savez and "
                    + "numpy.savez_compressed do.", array: name)
        }
        guard let compressedSize = Int(exactly: compressed), let size = Int(exactly: size),
            let headerOffset = Int(exactly: offset), method == 8 || compressedSize == size
        else { throw ZipEnd.damaged("member '\(name)' has impossible sizes") }
        return Member(
            name: name, method: method == 0 ? .stored : .deflated, crc: crc, compressedSize: compressedSize, size: size,
            headerOffset: headerOffset, dataOffset: 0)
    }

    /// The zip64 extra field carries, in this order, those values whose 32-bit fields are saturated.
    private static func widen(
        _ size: inout UInt64, _ compressed: inout UInt64, _ offset: inout UInt64, _ extra: LittleEndian
    ) throws {
        var extra = extra
        let saturated = UInt64(UInt32.max)
        while extra.count >= 4 {
            let (id, length) = (try extra.u16(), try extra.u16())
            var field = LittleEndian(try extra.bytes(Int(length)))
            guard id == 1 else { continue }
            if size == saturated { size = try field.u64() }
            if compressed == saturated { compressed = try field.u64() }
            if offset == saturated { offset = try field.u64() }
        }
    }

    /// Names never become paths here; those that try to be one are refused all the same. A slash inside is fine: names of
    /// model inputs have them, and pictures lie in folders.
    private static func name(_ bytes: [UInt8]) throws -> String {
        guard !bytes.isEmpty, bytes.count <= 1024, bytes.allSatisfy({ $0 >= 32 && $0 != 127 && $0 != 0x5c }),
            let name = String(validating: bytes, as: UTF8.self)
        else {
            throw Failure.samples(
                "A member of the archive has a name that is no plain UTF-8 path. Use numpy.savez, or zip for pictures.")
        }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.hasPrefix("/"), !parts.contains(".."), !parts.contains(".") else {
            throw Failure.samples(
                "Member '\(name)' has a name that points outside the archive. Name it like the input, or by a plain path.",
                array: name)
        }
        return name
    }

    private static func dataOffset(of member: Member, in file: SampleFile) throws -> Int {
        var reader = LittleEndian(try file.bytes(at: member.headerOffset, count: 30 + 1024))
        guard try reader.u32() == 0x0403_4b50 else {
            throw ZipEnd.damaged("member '\(member.name)' is not where it should be")
        }
        reader.skip(4)
        let method = try reader.u16()
        reader.skip(16)
        let (nameLength, extraLength) = (Int(try reader.u16()), Int(try reader.u16()))
        guard (method == 8) == (member.method == .deflated), try reader.bytes(nameLength) == Array(member.name.utf8)
        else {
            throw ZipEnd.damaged("the two headers of member '\(member.name)' differ")
        }
        return member.headerOffset + 30 + nameLength + extraLength
    }

    /// Members that share bytes are how a small archive unpacks to a huge one.
    private func refuseOverlaps(before directory: Int) throws {
        var free = 0
        for member in members.sorted(by: { $0.headerOffset < $1.headerOffset }) {
            let (end, overflow) = member.dataOffset.addingReportingOverflow(member.compressedSize)
            guard member.headerOffset >= free, !overflow, end <= directory else {
                throw ZipEnd.damaged("member '\(member.name)' reaches into its neighbour or past the end")
            }
            free = end
        }
    }
}
