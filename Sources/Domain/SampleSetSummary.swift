/// What is in a stored set of samples: the body of `GET /v1/calibration-sets/{id}` below its identity.
package struct SampleSetSummary: Equatable, Sendable, Codable {
    package enum Format: String, Codable, Sendable { case npy, npz }
    package struct Array: Equatable, Sendable, Codable {
        /// Name inside the archive without ".npy"; the lone array of a `.npy` file is called "array".
        package var name: String
        package var type: ElementKind
        /// Shape in the file, axis 0 counting samples.
        package var shape: [Int]
        /// Smallest and largest finite value found.
        package var minimum: Double?
        package var maximum: Double?

        package init(name: String, type: ElementKind, shape: [Int], minimum: Double?, maximum: Double?) {
            self.name = name
            self.type = type
            self.shape = shape
            self.minimum = minimum
            self.maximum = maximum
        }
    }
    package var format: Format
    package var samples: Int
    package var arrays: [Array]
    /// Whether an array `labels` of class indices is there; it is not listed in `arrays`.
    package var labelled: Bool
    package var preprocessing: Preprocessing
    package var findings: [Finding]

    package init(
        format: Format, samples: Int, arrays: [Array], labelled: Bool, preprocessing: Preprocessing,
        findings: [Finding]
    ) {
        self.format = format
        self.samples = samples
        self.arrays = arrays
        self.labelled = labelled
        self.preprocessing = preprocessing
        self.findings = findings
    }
}

/// How stored arrays become model inputs, as data: `(x * scale - mean[c]) / std[c]` in float32, then the layout change.
/// It applies to the arrays that feed float inputs; others pass unchanged.
package struct Preprocessing: Equatable, Sendable, Codable {
    package enum Layout: String, Codable, Sendable {
        case asIs = "as-is"
        case nhwcToNCHW = "nhwc-to-nchw"
    }
    /// Factor applied first, for example 1/255.
    package var scale: Double = 1
    /// One value, or one per channel. Empty means 0.
    package var mean: [Double] = []
    /// One value, or one per channel, never 0. Empty means 1.
    package var std: [Double] = []
    /// Reverses the channel order (RGB to BGR) before mean and std are applied.
    package var reverseChannels: Bool = false
    package var layout: Layout = .asIs

    package init(
        scale: Double = 1, mean: [Double] = [], std: [Double] = [], reverseChannels: Bool = false,
        layout: Layout = .asIs
    ) {
        self.scale = scale
        self.mean = mean
        self.std = std
        self.reverseChannels = reverseChannels
        self.layout = layout
    }

    package static let identity = Preprocessing()
}
