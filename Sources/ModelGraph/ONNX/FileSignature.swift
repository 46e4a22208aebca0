/// Recognizes files that are often sent in place of an ONNX model, so that the answer can say what came instead.
enum FileSignature {
    /// Words for what the bytes surely are; nil when they may be anything.
    static func certain(_ bytes: UnsafeRawBufferPointer) -> String? {
        for (offset, magic, words) in magics where matches(bytes, offset, magic) { return words }
        if matches(bytes, 8, [UInt8](#"{""#.utf8)), bytes.count > 8, bytes[2..<8].allSatisfy({ $0 == 0 }) {
            return "a safetensors file (export the model to ONNX; weights alone are not enough)"
        }
        return nil
    }

    /// For bytes that could not be read as a model.
    static func likely(_ bytes: UnsafeRawBufferPointer) -> String? {
        let head = bytes.prefix(512)
        guard !head.isEmpty,
            head.allSatisfy({ (32...126).contains($0) || (9...13).contains($0) || (128..<248).contains($0) })
        else {
            return nil
        }
        guard let first = head.first(where: { $0 > 32 }) else { return "an empty text" }
        switch first {
        case UInt8(ascii: "{"), UInt8(ascii: "["): return "JSON"
        case UInt8(ascii: "<"): return "HTML or XML, perhaps a web page saved instead of the file behind it"
        default: return "text"
        }
    }

    private static let magics: [(Int, [UInt8], String)] = [
        (0, [0x50, 0x4b, 0x03, 0x04], "a zip archive (unpack it, or export a PyTorch checkpoint to ONNX)"),
        (0, [0x50, 0x4b, 0x05, 0x06], "an empty zip archive"),
        (4, [UInt8]("TFL3".utf8), "a TensorFlow Lite model"),
        (4, [UInt8]("ORTM".utf8), "an ONNX Runtime (.ort) model (send the .onnx file that it was made from)"),
        (0, [0x89, 0x48, 0x44, 0x46], "an HDF5 file, perhaps a Keras model (export it to ONNX)"),
        (0, [0x80, 0x02], "a Python pickle, perhaps a PyTorch checkpoint (export the model to ONNX)"),
        (0, [0x80, 0x03], "a Python pickle (export the model to ONNX)"),
        (0, [0x80, 0x04, 0x95], "a Python pickle (export the model to ONNX)"),
        (0, [0x80, 0x05, 0x95], "a Python pickle (export the model to ONNX)"),
        (0, [0x89, 0x50, 0x4e, 0x47], "a PNG image"),
        (0, [0xff, 0xd8, 0xff], "a JPEG image"),
        (0, [0x1f, 0x8b], "gzip data (send it with Content-Encoding: gzip or unpack it)"),
        (0, [0x28, 0xb5, 0x2f, 0xfd], "Zstandard data"),
        (0, [0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz data"),
        (0, [UInt8]("GGUF".utf8), "a GGUF model"),
        (0, [0x93] + [UInt8]("NUMPY".utf8), "a NumPy array"),
        (0, [0x7f] + [UInt8]("ELF".utf8), "an ELF program or library"),
        (0, [UInt8]("%PDF".utf8), "a PDF document"),
        (0, [UInt8]("version https://git-lfs".utf8), "a Git LFS pointer (run git lfs pull to get the real file)"),
    ]

    private static func matches(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ magic: [UInt8]) -> Bool {
        bytes.count >= offset + magic.count && bytes[offset..<offset + magic.count].elementsEqual(magic)
    }
}
