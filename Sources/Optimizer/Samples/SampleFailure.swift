import Domain

extension Failure {
    /// A sample archive that cannot be used. `detail` is a whole sentence that says what to do next; `array` is the array it
    /// is about, nil for the archive itself.
    static func samples(_ detail: String, array: String? = nil) -> Failure {
        Failure(.invalidCalibrationSet, stage: .load, detail: detail, pointer: array)
    }
}

/// Bounds on what an archive may ask of the machine.
package struct SampleLimits: Sendable {
    package var arrays = 256
    /// Members of a zip, labels and folders among them.
    package var members = 100_000
    /// Pictures of one set.
    package var pictures = 20_000
    /// Bytes of one picture's file, of one file that labels many pictures, and of one that labels a single picture or names
    /// classes.
    package var pictureBytes = 64 << 20
    package var labelBytes = 256 << 20
    package var smallLabelBytes = 4 << 20
    /// Bytes of YAML that are read of one archive.
    package var yamlBytes = 1 << 20
    /// Above so many bytes a picture's file may unpack to at most `pictureRatio` times its compressed size: it is compressed
    /// already.
    package var pictureRatioFreeBytes = 4 << 20
    package var pictureRatio = 50
    /// Pixels of one picture: a decoded one takes four bytes for each. And of its longer side: filters are as long.
    package var pixels = 64_000_000
    package var side = 65_535
    /// Bytes that all resized pictures of a set may take in the scratch directory.
    package var developedBytes = 32 << 30
    package var directoryBytes = 16 << 20
    /// Longest header read of one array; numpy itself refuses above 10,000.
    package var headerBytes = 65_536 + 12
    /// Bytes that all compressed arrays of one archive may unpack to.
    package var inflatedBytes = 64 << 30
    /// Above `ratioFreeBytes` an array may unpack to at most this many times its compressed size. Deflate reaches 1032 on
    /// constant bytes, real samples stay below 20.
    package var ratio = 200
    package var ratioFreeBytes = 256 << 20

    package init() {}
    package static let `default` = SampleLimits()
}
