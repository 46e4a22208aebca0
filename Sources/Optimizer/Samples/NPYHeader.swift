package import Domain

/// The head of a `.npy` array (formats 1.0, 2.0 and 3.0 of numpy/lib/format.py): six magic bytes, the version, the length
/// of the text, then the text of a Python dict with the keys `descr`, `fortran_order` and `shape`.
package struct NPYHeader: Equatable, Sendable {
    package var type: ElementKind
    package var shape: [Int]
    /// Bytes from the start of the file to the first value.
    package var dataOffset: Int
    /// Bytes of one value.
    package var width: Int
    /// Bytes of all values.
    package var byteCount: Int

    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// Parses the first bytes of a file; more than the head is fine, less is a failure. Values are little-endian and in C
    /// order, or the array is refused. Throws `Failure(.invalidCalibrationSet)` naming `array`.
    package init(_ bytes: [UInt8], array: String, limit: Int = SampleLimits.default.headerBytes) throws {
        let text = try Self.textRange(bytes, array, limit)
        let fields = try NPYFields(bytes[text], array: array)
        let (kind, width) = try Self.type(fields.descr, array)
        var count = 1
        for size in fields.shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow else { throw Failure.samples("Array '\(array)' has the impossible shape \(fields.shape).") }
            count = product
        }
        let (byteCount, overflow) = count.multipliedReportingOverflow(by: width)
        guard !overflow, byteCount <= Int.max / 2 else {
            throw Failure.samples("Array '\(array)' has the impossible shape \(fields.shape).", array: array)
        }
        // With at most one axis longer than 1 both orders are the same.
        guard !fields.fortranOrder || fields.shape.filter({ $0 != 1 }).count <= 1 else {
            throw Failure.samples(
                "Array '\(array)' is in Fortran order, where samples are not contiguous. "
                    + "Save numpy.ascontiguousarray(x) instead.", array: array)
        }
        (type, shape, dataOffset) = (kind, fields.shape, text.upperBound)
        (self.width, self.byteCount) = (width, byteCount)
    }

    private static func textRange(_ bytes: [UInt8], _ array: String, _ limit: Int) throws -> Range<Int> {
        func cut() -> Failure {
            .samples("Array '\(array)' is cut off inside its header. Save and post it again.", array: array)
        }
        guard let first = bytes.first else { throw cut() }
        // Protocol 2 and later of Python's pickle begin with 0x80, protocol 0 with an opening bracket.
        guard first != 0x80, first != UInt8(ascii: "(") else {
            throw Failure.samples(
                "Array '\(array)' is a Python pickle, which is never opened. Save numbers with numpy.save.",
                array: array)
        }
        guard bytes.starts(with: magic.prefix(bytes.count)) else {
            throw Failure.samples(
                "Array '\(array)' is not in numpy's .npy format. Save it with numpy.save or numpy.savez.", array: array)
        }
        guard bytes.count >= 10 else { throw cut() }
        let version = bytes[6]
        guard (1...3).contains(version), bytes[7] == 0 else {
            throw Failure.samples(
                "Array '\(array)' has .npy format \(version).\(bytes[7]), which is not known here. "
                    + "Save it with numpy.save, which writes 1.0.", array: array)
        }
        let lengthBytes = version == 1 ? 2 : 4
        guard bytes.count >= 8 + lengthBytes else { throw cut() }
        let length = (0..<lengthBytes).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
        let start = 8 + lengthBytes
        guard start + length <= limit else {
            throw Failure.samples(
                "Array '\(array)' claims a header of \(length) bytes; at most \(limit) are read. "
                    + "Save it with numpy.save.", array: array)
        }
        guard bytes.count >= start + length else { throw cut() }
        return start..<(start + length)
    }

    /// numpy's array-interface type strings: byte order, kind, bytes.
    private static func type(_ descr: String, _ array: String) throws -> (ElementKind, Int) {
        let order = descr.first ?? " "
        let code = String(descr.dropFirst())
        let kinds: [String: (ElementKind, Int)] = [
            "b1": (.bool, 1), "u1": (.uint8, 1), "i1": (.int8, 1), "u2": (.uint16, 2), "i2": (.int16, 2),
            "u4": (.uint32, 4), "i4": (.int32, 4), "u8": (.uint64, 8), "i8": (.int64, 8), "f2": (.float16, 2),
            "f4": (.float32, 4), "f8": (.float64, 8),
        ]
        guard let (kind, width) = kinds[code], "<>|=".contains(order) else { throw refusal(descr, code, array) }
        guard width == 1 || order == "<" || order == "=" else {
            throw Failure.samples(
                "Array '\(array)' is big-endian ('\(descr)'). Save x.astype('<\(code)') instead.", array: array)
        }
        return (kind, width)
    }

    private static func refusal(_ descr: String, _ code: String, _ array: String) -> Failure {
        if code.first == "O" || descr.first == "O" {
            return .samples(
                "Array '\(array)' holds Python objects (a pickle), which are never opened. Re-save numbers with "
                    + "numpy.save without allow_pickle, for example x.astype('float32').", array: array)
        }
        if descr.first == "[" {
            return .samples(
                "Array '\(array)' has a structured type. Save each field as an array of its own.", array: array)
        }
        return .samples(
            "Array '\(array)' has type '\(descr.prefix(40))', which no model input takes. Save it as a real, integer or "
                + "bool array, for example x.astype('float32').", array: array)
    }
}
