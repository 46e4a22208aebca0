/// What is in a stored set of samples: the body of `GET /v1/calibration-sets/{id}` below its identity.
package struct SampleSetSummary: Equatable, Sendable, Codable {
    package enum Format: String, Codable, Sendable {
        case npy, npz
        case pictures = "zip"
    }
    package struct Array: Equatable, Sendable, Codable {
        /// Name inside the archive without ".npy"; the lone array of a `.npy` file is called "array".
        package var name: String
        package var type: ElementKind
        /// Shape in the file, axis 0 counting samples. Pictures have none of their own before a model is chosen: [N].
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
    /// Whether there are class indices (an array `labels`, not listed in `arrays`; or labels of pictures).
    package var labelled: Bool
    /// Only for a zip of pictures.
    package var pictures: Pictures?
    package var preprocessing: Preprocessing
    /// Nil in what older versions stored.
    package var health: Health?
    package var findings: [Finding]

    package init(
        format: Format, samples: Int, arrays: [Array], labelled: Bool, pictures: Pictures? = nil,
        preprocessing: Preprocessing, health: Health? = nil, findings: [Finding]
    ) {
        self.format = format
        self.samples = samples
        self.arrays = arrays
        self.labelled = labelled
        self.pictures = pictures
        self.preprocessing = preprocessing
        self.health = health
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
    /// How pictures become arrays; nil for arrays, and for pictures of which everything is left open.
    package var pictures: PictureRecipe?

    package init(
        scale: Double = 1, mean: [Double] = [], std: [Double] = [], reverseChannels: Bool = false,
        layout: Layout = .asIs, pictures: PictureRecipe? = nil
    ) {
        self.scale = scale
        self.mean = mean
        self.std = std
        self.reverseChannels = reverseChannels
        self.layout = layout
        self.pictures = pictures
    }

    package static let identity = Preprocessing()
}

extension SampleSetSummary {
    /// What a zip of pictures holds besides its pixels.
    package struct Pictures: Equatable, Sendable, Codable {
        package enum Labels: String, Codable, Sendable {
            case none
            /// `labels.csv`: name of the picture, class.
            case csv
            /// One folder for each class.
            case folders
            /// A text file of boxes for each picture, as Ultralytics lays them out.
            case yolo
            /// Boxes in a JSON file of COCO's form.
            case coco
        }
        package var jpeg: Int
        package var png: Int
        package var smallest: Size
        package var largest: Size
        package var labels: Labels
        /// Names of the classes, by index; empty when the zip has none.
        package var classes: [String]
        /// Boxes over all pictures; nil without boxes.
        package var boxes: Int?
        /// The part of the data set that was read; nil when there is only one.
        package var split: String?
        /// Files left out because they could not be used, at most 100 of them.
        package var skipped: [Skipped]
        package var skippedCount: Int

        package struct Size: Equatable, Sendable, Codable {
            package var width: Int
            package var height: Int
            package init(width: Int, height: Int) {
                self.width = width
                self.height = height
            }
        }
        package struct Skipped: Equatable, Sendable, Codable {
            package var file: String
            package var reason: String
            package init(file: String, reason: String) {
                self.file = file
                self.reason = reason
            }
        }

        package init(
            jpeg: Int, png: Int, smallest: Size, largest: Size, labels: Labels, classes: [String], boxes: Int?,
            split: String?, skipped: [Skipped], skippedCount: Int
        ) {
            self.jpeg = jpeg
            self.png = png
            self.smallest = smallest
            self.largest = largest
            self.labels = labels
            self.classes = classes
            self.boxes = boxes
            self.split = split
            self.skipped = skipped
            self.skippedCount = skippedCount
        }
    }
}
