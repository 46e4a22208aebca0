import Domain

/// Where a zip archive's central directory is: the record at the very end of the file and its 64-bit companion.
struct ZipEnd {
    var entries: Int
    var offset: Int
    var size: Int

    private static let recordLength = 22
    private static let locatorLength = 20

    init(_ file: SampleFile) throws {
        let tailLength = min(file.size, Self.recordLength + 65_535)
        let tailStart = file.size - tailLength
        let tail = try file.bytes(at: tailStart, count: tailLength)
        guard let position = Self.position(in: tail) else { throw Self.damaged("its end is missing") }
        var reader = LittleEndian(Array(tail[(position + 4)...]))
        let (disk, directoryDisk) = (try reader.u16(), try reader.u16())
        let (entriesHere, entries) = (try reader.u16(), try reader.u16())
        let (size, offset) = (try reader.u32(), try reader.u32())
        let saturated = entries == .max || size == .max || offset == .max
        if saturated, let wide = try Self.wide(file, before: tailStart + position) {
            self = wide
        } else {
            guard disk == 0, directoryDisk == 0, entriesHere == entries else {
                throw Self.damaged("it has several parts")
            }
            (self.entries, self.offset, self.size) = (Int(entries), Int(offset), Int(size))
        }
        let (end, overflow) = self.offset.addingReportingOverflow(self.size)
        guard !overflow, end <= tailStart + position else { throw Self.damaged("its directory is out of range") }
    }

    private init(entries: Int, offset: Int, size: Int) {
        (self.entries, self.offset, self.size) = (entries, offset, size)
    }

    /// The last record whose comment ends exactly where the file does.
    private static func position(in tail: [UInt8]) -> Int? {
        guard tail.count >= recordLength else { return nil }
        return stride(from: tail.count - recordLength, through: 0, by: -1).first { i in
            let comment = Int(tail[i + 20]) | Int(tail[i + 21]) << 8
            return tail[i..<i + 4].elementsEqual([0x50, 0x4b, 5, 6]) && i + recordLength + comment == tail.count
        }
    }

    private static func wide(_ file: SampleFile, before position: Int) throws -> ZipEnd? {
        guard position >= locatorLength else { return nil }
        var locator = LittleEndian(try file.bytes(at: position - locatorLength, count: locatorLength))
        guard try locator.u32() == 0x0706_4b50 else { return nil }
        locator.skip(4)
        guard let at = Int(exactly: try locator.u64()), at < position else { throw damaged("its end is out of range") }
        var record = LittleEndian(try file.bytes(at: at, count: 56))
        guard try record.u32() == 0x0606_4b50 else { throw damaged("its 64-bit end is missing") }
        record.skip(12)
        let (disk, directoryDisk) = (try record.u32(), try record.u32())
        let (entriesHere, entries) = (try record.u64(), try record.u64())
        let (size, offset) = (try record.u64(), try record.u64())
        guard disk == 0, directoryDisk == 0, entriesHere == entries, let entries = Int(exactly: entries),
            let size = Int(exactly: size), let offset = Int(exactly: offset)
        else { throw damaged("its 64-bit end makes no sense") }
        return ZipEnd(entries: entries, offset: offset, size: size)
    }

    static func damaged(_ what: String) -> Failure {
        .samples("The zip archive is damaged or cut off: \(what). Make it again and post it whole.")
    }
}

/// Bounds-checked little-endian reading.
struct LittleEndian {
    private let data: [UInt8]
    private var position = 0

    init(_ data: [UInt8]) { self.data = data }

    var count: Int { data.count - position }

    mutating func u16() throws -> UInt16 { try integer() }
    mutating func u32() throws -> UInt32 { try integer() }
    mutating func u64() throws -> UInt64 { try integer() }

    mutating func bytes(_ length: Int) throws -> [UInt8] {
        guard length >= 0, length <= count else { throw ZipEnd.damaged("a record is cut off") }
        defer { position += length }
        return Array(data[position..<(position + length)])
    }

    /// Moves on; reading past the end fails at the next read.
    mutating func skip(_ length: Int) { position = min(data.count, position + length) }

    private mutating func integer<T: FixedWidthInteger>() throws -> T {
        let raw = try bytes(MemoryLayout<T>.size)
        return raw.enumerated().reduce(0) { $0 | T(truncatingIfNeeded: $1.element) << (8 * $1.offset) }
    }
}
