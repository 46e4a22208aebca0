package import Domain
import Glibc

/// One array of an archive: a region of a file where sample `i` starts at `offset + i * sampleBytes`.
package struct SampleArray: Sendable {
    /// Name inside the archive without ".npy"; "array" for a `.npy` file.
    package let name: String
    package let type: ElementKind
    /// Shape in the file, axis 0 counting samples.
    package let shape: [Int]
    package let sampleBytes: Int
    let file: SampleFile
    let offset: Int

    /// Fills `buffer`, which has `sampleBytes` bytes.
    package func read(sample index: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        try file.read(at: offset + index * sampleBytes, into: buffer)
    }
}

/// A `.npy` or `.npz` file opened for reading single samples. Stored arrays are read where they are, compressed ones are
/// unpacked once into nameless files of the scratch directory; memory does not depend on the number of samples.
package final class SampleArchive: Sendable {
    package let format: SampleSetSummary.Format
    /// In the order of their names, `labels` left out.
    package let arrays: [SampleArray]
    /// Length of axis 0, the same for all arrays.
    package let samples: Int
    /// What the labels of pictures say, in the order of the samples; nil for arrays.
    package let pictures: DevelopedPictures?
    private let labelArray: SampleArray?

    package var isLabelled: Bool { labelArray != nil || pictures?.labels != nil }

    /// Opens the archive at `path`, telling the formats apart by their first bytes. `checkingSums: false` skips the CRC of
    /// stored members, for archives whose digest was verified.
    ///
    /// Throws `Failure(.invalidCalibrationSet)` naming the array and what to do.
    package static func open(
        path: String, unpackInto directory: String, limits: SampleLimits = .default, checkingSums: Bool = true
    ) throws -> SampleArchive {
        let file = try SampleFile(path: path)
        let start = try file.bytes(at: 0, count: limits.headerBytes)
        guard !start.isEmpty else { throw Failure.samples("The sample archive is empty. Post an .npy or .npz file.") }
        if start.starts(with: [0x50, 0x4b]) {
            let opener = ArchiveOpener(file: file, directory: directory, limits: limits, checkingSums: checkingSums)
            return try SampleArchive(.npz, opener.arrays(ZipDirectory(file, limits: limits).members))
        }
        guard start.starts(with: NPYHeader.magic.prefix(start.count)) || start[0] == 0x80 else {
            throw Failure.samples(
                "The sample archive is neither .npy nor .npz. Save the samples with numpy.save or numpy.savez.")
        }
        let header = try NPYHeader(start, array: "array", limit: limits.headerBytes)
        return try SampleArchive(.npy, [SampleArray("array", header, file, at: 0, length: file.size)])
    }

    private init(_ format: SampleSetSummary.Format, _ all: [SampleArray]) throws {
        let labels = format == .npz ? all.first { $0.name == "labels" } : nil
        let arrays = all.filter { format == .npy || $0.name != "labels" }.sorted { $0.name < $1.name }
        guard let first = arrays.first else {
            throw Failure.samples("The archive has no arrays of samples. Save them as numpy.savez(file, input_name=x).")
        }
        for array in arrays { try Self.check(array, against: first) }
        if let labels { try Self.check(labels: labels, samples: first.shape[0], of: first.name) }
        (self.format, self.arrays, labelArray, samples) = (format, arrays, labels, first.shape[0])
        pictures = nil
    }

    /// Pictures that were resized for a model: one array of bytes, [N, H, W, C].
    init(_ developed: DevelopedPictures) {
        format = .pictures
        arrays = [developed.array]
        samples = developed.frames.count
        pictures = developed
        labelArray = nil
    }

    /// The class index of each sample, or nil without labels.
    package func labels() throws -> [Int]? {
        if let pictures { return pictures.labels }
        guard let labelArray else { return nil }
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, samples * labelArray.sampleBytes), alignment: 16)
        defer { buffer.deallocate() }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(samples * labelArray.sampleBytes)])
        try labelArray.file.read(at: labelArray.offset, into: bytes)
        return try (0..<samples).map { index in
            guard let label = Labels.value(at: index, in: UnsafeRawBufferPointer(bytes), type: labelArray.type),
                label >= 0
            else {
                throw Failure.samples(
                    "Array 'labels' has a value below 0 or out of range at index \(index); labels are class indices "
                        + "from 0.", array: "labels")
            }
            return label
        }
    }

    private static func check(_ array: SampleArray, against first: SampleArray) throws {
        guard let count = array.shape.first else {
            throw Failure.samples(
                "Array '\(array.name)' is a single number; axis 0 must count samples. Save x[None] for one sample.",
                array: array.name)
        }
        guard count > 0 else {
            throw Failure.samples(
                "Array '\(array.name)' has shape \(array.shape): no samples. Give at least one, better 100.",
                array: array.name)
        }
        guard array.sampleBytes > 0 else {
            throw Failure.samples(
                "Array '\(array.name)' has shape \(array.shape): its samples are empty.", array: array.name)
        }
        guard count == first.shape[0] else {
            throw Failure.samples(
                "Array '\(array.name)' has \(count) samples but '\(first.name)' has \(first.shape[0]); axis 0 counts "
                    + "samples and must be the same in all arrays.", array: array.name)
        }
    }

    private static func check(labels: SampleArray, samples: Int, of name: String) throws {
        guard labels.type.isInteger, labels.shape.count == 1 else {
            throw Failure.samples(
                "Array 'labels' is \(labels.type.rawValue)\(labels.shape); it must hold one whole number per sample, "
                    + "shape [\(samples)].", array: "labels")
        }
        guard labels.shape[0] == samples else {
            throw Failure.samples(
                "Array 'labels' has \(labels.shape[0]) values but '\(name)' has \(samples) samples; give one label each.",
                array: "labels")
        }
    }
}

extension SampleArray {
    /// `count` samples of bytes one after the other from the file's start.
    init(pictures file: SampleFile, count: Int, height: Int, width: Int, channels: Int) {
        name = "pictures"
        type = .uint8
        shape = [count, height, width, channels]
        sampleBytes = height * width * channels
        self.file = file
        offset = 0
    }

    /// Checks that `length` bytes from `start` of the file are the head and exactly the values that it announces.
    init(_ name: String, _ header: NPYHeader, _ file: SampleFile, at start: Int, length: Int) throws {
        let expected = header.dataOffset + header.byteCount
        guard length >= expected else {
            throw Failure.samples(
                "Array '\(name)' of shape \(header.shape) needs \(expected) bytes but has \(length); it was cut off. "
                    + "Post it again.", array: name)
        }
        guard length == expected else {
            throw Failure.samples(
                "Array '\(name)' of shape \(header.shape) has \(length - expected) bytes too many. "
                    + "Save it again with numpy.save.", array: name)
        }
        self.name = name
        type = header.type
        shape = header.shape
        sampleBytes = header.byteCount / max(1, header.shape.first ?? 1)
        self.file = file
        offset = start + header.dataOffset
    }
}

/// Reads one label of any integer type.
private enum Labels {
    static func value(at index: Int, in bytes: UnsafeRawBufferPointer, type: ElementKind) -> Int? {
        switch type {
        case .uint8: load(UInt8.self, index, bytes)
        case .int8: load(Int8.self, index, bytes)
        case .uint16: load(UInt16.self, index, bytes)
        case .int16: load(Int16.self, index, bytes)
        case .uint32: load(UInt32.self, index, bytes)
        case .int32: load(Int32.self, index, bytes)
        case .uint64: load(UInt64.self, index, bytes)
        case .int64: load(Int64.self, index, bytes)
        default: nil
        }
    }

    private static func load<T: FixedWidthInteger>(_: T.Type, _ index: Int, _ bytes: UnsafeRawBufferPointer) -> Int? {
        Int(exactly: bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self))
    }
}
