import CKernels
import CPictures
import Domain

/// One JPEG or PNG file in memory. Decoding gives rows of four bytes a pixel, turned as the file's EXIF asks.
struct PictureFile {
    enum Form { case jpeg, png }
    let form: Form
    /// As stored, before any turn.
    private let head: octavo_picture
    private let orientation: Int
    private let bytes: UnsafeRawBufferPointer

    /// Why a file is no usable picture, as the rest of a sentence.
    struct Fault: Error {
        var reason: String
    }

    /// Reads the head. Throws `Fault` for other formats, damaged heads and pictures larger than the limits.
    init(_ bytes: UnsafeRawBufferPointer, limits: SampleLimits) throws(Fault) {
        self.bytes = bytes
        if bytes.starts(with: [0xff, 0xd8, 0xff]) {
            form = .jpeg
            head = try Self.head(bytes, octavo_jpeg_head)
            orientation = EXIF.orientation(inJPEG: bytes)
        } else if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
            form = .png
            head = try Self.head(bytes, octavo_png_head)
            orientation = 1
        } else {
            throw Fault(reason: "is neither JPEG nor PNG")
        }
        let (area, overflow) = Int(head.width).multipliedReportingOverflow(by: Int(head.height))
        guard !overflow, area > 0, area <= limits.pixels, max(head.width, head.height) <= limits.side else {
            throw Fault(
                reason: "has \(head.width) x \(head.height) pixels; at most \(limits.pixels) are decoded, and "
                    + "\(limits.side) on a side")
        }
    }

    private var turned: Bool { orientation >= 5 }
    /// As shown.
    var width: Int { Int(turned ? head.height : head.width) }
    var height: Int { Int(turned ? head.width : head.height) }
    var isGrey: Bool { head.channels == 1 }

    /// The pixels as shown, in `canvas`.
    func decode(into canvas: inout PictureCanvas) throws(Fault) {
        canvas.resize(width: width, height: height)
        if orientation == 1 { return try decode(canvas.pixels) }
        let stored = UnsafeMutableRawBufferPointer.allocate(byteCount: width * height * 4, alignment: 16)
        defer { stored.deallocate() }
        try decode(stored)
        turn(stored, canvas.pixels)
    }

    private func decode(_ pixels: UnsafeMutableRawBufferPointer) throws(Fault) {
        try Self.call { message in
            guard let source = bytes.bindMemory(to: UInt8.self).baseAddress,
                let target = pixels.bindMemory(to: UInt8.self).baseAddress
            else { return -1 }
            return form == .jpeg
                ? octavo_jpeg_decode(source, bytes.count, head, target, message)
                : octavo_png_decode(source, bytes.count, head, target, message)
        }
    }

    /// EXIF 2.3, tag 274: bit by bit, values 5 to 8 swap the axes, and each of the others mirrors one or both.
    private func turn(_ stored: UnsafeMutableRawBufferPointer, _ shown: UnsafeMutableRawBufferPointer) {
        let source = stored.bindMemory(to: UInt32.self)
        let target = shown.bindMemory(to: UInt32.self)
        let (storedWidth, storedHeight) = (Int(head.width), Int(head.height))
        let mirrorX = [2, 3, 7, 8].contains(orientation)
        let mirrorY = [3, 4, 6, 7].contains(orientation)
        for y in 0..<height {
            for x in 0..<width {
                let (column, row) = turned ? (y, x) : (x, y)
                let from = mirrorX ? storedWidth - 1 - column : column
                let line = mirrorY ? storedHeight - 1 - row : row
                target[y * width + x] = source[line * storedWidth + from]
            }
        }
    }

    private typealias HeadReader = (
        UnsafePointer<UInt8>, Int, UnsafeMutablePointer<octavo_picture>, UnsafeMutablePointer<CChar>
    ) -> Int32

    private static func head(_ bytes: UnsafeRawBufferPointer, _ read: HeadReader) throws(Fault) -> octavo_picture {
        var picture = octavo_picture()
        try call { message in
            guard let source = bytes.bindMemory(to: UInt8.self).baseAddress else { return -1 }
            return read(source, bytes.count, &picture, message)
        }
        return picture
    }

    private static func call(_ body: (UnsafeMutablePointer<CChar>) -> Int32) throws(Fault) {
        var text = [CChar](repeating: 0, count: Int(OCTAVO_PICTURE_MESSAGE))
        let failed = text.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return true }
            return body(start) != 0
        }
        guard failed else { return }
        let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        throw Fault(reason: "cannot be decoded: \(words.isEmpty ? "damaged" : words)")
    }
}

/// Memory for one picture of four bytes a pixel, kept from picture to picture.
struct PictureCanvas: ~Copyable {
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private(set) var width = 0
    private(set) var height = 0

    deinit { memory.deallocate() }

    var pixels: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[..<(width * height * 4)])
    }

    mutating func resize(width: Int, height: Int) {
        if memory.count < width * height * 4 {
            memory.deallocate()
            memory = .allocate(byteCount: width * height * 4, alignment: 64)
        }
        (self.width, self.height) = (width, height)
    }

    /// Luma of ITU-R BT.601 in 16 bits of fraction, in each pixel's first byte.
    func makeGrey() {
        let bytes = pixels.bindMemory(to: UInt8.self)
        for pixel in stride(from: 0, to: bytes.count, by: 4) {
            let luma = Int(bytes[pixel]) * 19595 + Int(bytes[pixel + 1]) * 38470 + Int(bytes[pixel + 2]) * 7471
            bytes[pixel] = UInt8((luma + 0x8000) >> 16)
        }
    }
}
