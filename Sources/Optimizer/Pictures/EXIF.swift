/// How a JPEG asks to be turned (EXIF 2.3, tag 274).
enum EXIF {
    /// 1 to 8; 1, which changes nothing, for files that say nothing or nothing sensible.
    static func orientation(inJPEG bytes: UnsafeRawBufferPointer) -> Int {
        var place = 2
        // Markers come one after the other, each but the first with its length, up to the start of the scan.
        while place + 4 <= bytes.count, bytes[place] == 0xff, bytes[place + 1] != 0xda {
            // Any number of these may stand before a marker.
            if bytes[place + 1] == 0xff {
                place += 1
                continue
            }
            let length = Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
            let start = place + 4
            let end = min(place + 2 + length, bytes.count)
            guard length >= 2, end >= start else { return 1 }
            if bytes[place + 1] == 0xe1,
                let found = orientation(inSegment: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            {
                return found
            }
            place += 2 + length
        }
        return 1
    }

    private static func orientation(inSegment segment: UnsafeRawBufferPointer) -> Int? {
        guard segment.starts(with: Array("Exif\0\0".utf8)), segment.count >= 14 else { return nil }
        let tiff = UnsafeRawBufferPointer(rebasing: segment[6...])
        let little = tiff[0] == 0x49
        func number(_ at: Int, _ width: Int) -> Int? {
            guard at >= 0, at + width <= tiff.count else { return nil }
            return (0..<width).reduce(0) { value, i in
                value << 8 | Int(tiff[at + (little ? width - 1 - i : i)])
            }
        }
        guard let directory = number(4, 4), let entries = number(directory, 2) else { return nil }
        for entry in 0..<entries {
            let at = directory + 2 + entry * 12
            guard let tag = number(at, 2) else { return nil }
            if tag == 274 { return number(at + 8, 2).flatMap { (1...8).contains($0) ? $0 : nil } }
        }
        return nil
    }
}
