/// How the pictures of a zip become an array of equal pictures, as data. What is nil follows from the preset or the model.
package struct PictureRecipe: Equatable, Sendable, Codable {
    /// The preprocessing that a family of models was trained with.
    package enum Preset: String, Codable, Sendable, CaseIterable {
        /// Short side to 256/224 of the size, centre crop, (x/255 - mean) / std of ImageNet.
        case imagenetTorch = "imagenet-torch"
        /// The same crop, x/127.5 - 1.
        case imagenetTF = "imagenet-tf"
        /// The same crop, BGR, the mean colour subtracted from 0...255.
        case imagenetCaffe = "imagenet-caffe"
        /// Letterbox on grey 114 with the picture in the middle, x/255 (Ultralytics).
        case yolo
        /// Letterbox on grey 114 with the picture at the top left, BGR, 0...255.
        case yolox
        /// Stretched, x/255.
        case unit
        /// Stretched, 0...255.
        case raw
    }
    package enum Resize: String, Codable, Sendable, CaseIterable {
        /// To the size, whatever becomes of the proportions.
        case stretch
        /// The short side to `shortSide`, then the middle.
        case crop
        /// The whole picture, the rest filled.
        case letterbox
    }
    package enum Anchor: String, Codable, Sendable, CaseIterable {
        case center
        case topLeft = "top-left"
    }
    package enum Interpolation: String, Codable, Sendable, CaseIterable {
        case bilinear, bicubic, lanczos, nearest
    }
    package enum OnError: String, Codable, Sendable, CaseIterable {
        /// One bad file refuses the set.
        case fail
        /// Bad files are left out, counted and listed.
        case skip
    }
    package var preset: Preset?
    /// Height and width.
    package var size: [Int]?
    package var resize: Resize?
    /// For `crop`; nil means 256/224 of the shorter of height and width.
    package var shortSide: Int?
    package var anchor: Anchor?
    /// Value of the pixels around a letterboxed picture.
    package var fill: Int?
    package var interpolation: Interpolation?
    /// The part of a data set in Ultralytics' layout: its folder below `images/`; "all" for every picture.
    package var split: String?
    package var onError: OnError = .fail

    package init(preset: Preset? = nil, size: [Int]? = nil, split: String? = nil) {
        self.preset = preset
        self.size = size
        self.split = split
    }
}

extension PictureRecipe {
    /// "224" or "480x640", height first; nil for anything else.
    package static func parseSize(_ text: String) -> [Int]? {
        let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard (1...2).contains(sides.count), sides.allSatisfy({ (1...PictureLimits.side).contains($0 ?? 0) }) else {
            return nil
        }
        return sides.compactMap { $0 }
    }

    package static func isSplit(_ text: String) -> Bool { ["train", "val", "test", "all"].contains(text) }
}

extension PictureRecipe {
    /// The recipe with nothing left open, for one model's input.
    package struct Resolved: Equatable, Sendable, Codable {
        package var height: Int
        package var width: Int
        /// 1 or 3.
        package var channels: Int
        package var resize: Resize
        package var shortSide: Int
        package var anchor: Anchor
        package var fill: Int
        package var interpolation: Interpolation

        package init(
            height: Int, width: Int, channels: Int = 3, resize: Resize = .stretch, shortSide: Int = 0,
            anchor: Anchor = .center, fill: Int = 114, interpolation: Interpolation = .bilinear
        ) {
            self.height = height
            self.width = width
            self.channels = channels
            self.resize = resize
            self.shortSide = shortSide
            self.anchor = anchor
            self.fill = fill
            self.interpolation = interpolation
        }

        package var bytes: Int { height * width * channels }
    }

    fileprivate func resolved(_ preset: Preset, _ input: PictureInput) throws -> Resolved {
        let (height, width) = try sides(preset, input)
        let short = min(height, width)
        if let shortSide, shortSide < short, (resize ?? preset.resize) == .crop {
            throw PictureInput.failure(
                input.signature,
                "the set asks for pictures whose short side is \(shortSide), less than what is cropped from them. Post it "
                    + "with short_side=\(short) or more.")
        }
        return Resolved(
            height: height, width: width, channels: input.channels, resize: resize ?? preset.resize,
            // 256 for 224, the convention of ImageNet.
            shortSide: shortSide ?? max((short * 256 + 112) / 224, short),
            anchor: anchor ?? (preset == .yolox ? .topLeft : .center), fill: fill ?? 114,
            interpolation: interpolation ?? .bilinear)
    }

    private func sides(_ preset: Preset, _ input: PictureInput) throws -> (Int, Int) {
        let given = size.map { ($0[0], $0[$0.count - 1]) } ?? preset.usualSide.map { ($0, $0) }
        let height = input.height ?? given?.0
        let width = input.width ?? given?.1
        guard let height, let width else {
            throw PictureInput.failure(
                input.signature, "it leaves height and width open. Post the set with size=HEIGHTxWIDTH or a preset.")
        }
        if let size, size[0] != height || size[size.count - 1] != width {
            throw PictureInput.failure(
                input.signature,
                "the set asks for pictures of \(size[0])x\(size[size.count - 1]). Leave size out, or give "
                    + "\(height)x\(width).")
        }
        return (height, width)
    }
}

extension PictureRecipe.Preset {
    fileprivate var resize: PictureRecipe.Resize {
        switch self {
        case .imagenetTorch, .imagenetTF, .imagenetCaffe: .crop
        case .yolo, .yolox: .letterbox
        case .unit, .raw: .stretch
        }
    }

    /// For models that leave their size open.
    fileprivate var usualSide: Int? {
        switch self {
        case .imagenetTorch, .imagenetTF, .imagenetCaffe: 224
        case .yolo: 640
        case .yolox: 416
        case .unit, .raw: nil
        }
    }

    /// Scale, mean and std in the order of the model's channels, and whether that order is BGR.
    fileprivate var values: Preprocessing {
        switch self {
        case .imagenetTorch:
            Preprocessing(scale: 1.0 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
        case .imagenetTF: Preprocessing(scale: 1 / 127.5, mean: [1])
        case .imagenetCaffe: Preprocessing(mean: [103.939, 116.779, 123.68], reverseChannels: true)
        case .yolo, .unit: Preprocessing(scale: 1.0 / 255)
        case .yolox: Preprocessing(reverseChannels: true)
        case .raw: .identity
        }
    }

    /// What a model's outputs say about its training; with a sentence for the report.
    fileprivate static func guess(_ model: ModelSummary, _ input: PictureInput) -> (preset: Self, why: String) {
        if !input.signature.type.isFloat { return (.raw, "the input takes whole numbers") }
        for output in model.outputs {
            guard let shape = output.shape else { continue }
            let sizes = shape.dropFirst().map { if case .fixed(let size) = $0 { size } else { 0 } }
            if shape.count == 2, [1000, 1001].contains(sizes[0]) {
                // Channels last, a class for the background, or the exporter: it comes from TensorFlow.
                if sizes[0] == 1001 || !input.channelsFirst || model.producer?.hasPrefix("tf2onnx") == true {
                    return (
                        .imagenetTF, "output '\(output.name)' has \(sizes[0]) classes and the model is TensorFlow's"
                    )
                }
                return (.imagenetTorch, "output '\(output.name)' has \(sizes[0]) classes")
            }
            if shape.count == 3, model.outputs.count == 1, sizes[0] == input.gridPlaces, sizes[1] >= 6 {
                return (.yolox, "output '\(output.name)' looks like YOLOX's head")
            }
            if shape.count == 3, model.outputs.count == 1,
                sizes[0] == 0 || sizes[1] == 0 || max(sizes[0], sizes[1]) > 99
            {
                return (.yolo, "output '\(output.name)' looks like a YOLO head")
            }
        }
        return (.unit, "nothing tells how the model was trained")
    }
}

/// The input of a model that pictures go into.
private struct PictureInput {
    var signature: TensorSignature
    var channelsFirst: Bool
    var channels: Int
    var height: Int?
    var width: Int?

    init(_ model: ModelSummary) throws {
        guard let input = model.inputs.first, model.inputs.count == 1 else {
            throw Failure(
                .invalidCalibrationSet, stage: .load,
                detail:
                    "The model has \(model.inputs.count) inputs, and pictures feed exactly one. Post the samples as an "
                    + ".npz with an array for each input.")
        }
        signature = input
        guard let shape = input.shape, shape.count == 4 else {
            throw Self.failure(input, "pictures need an input of four axes, [N, C, H, W] or [N, H, W, C].")
        }
        let sizes = shape.map { if case .fixed(let size) = $0 { size } else { Int?.none } }
        func holdsChannels(_ axis: Int) -> Bool { sizes[axis] == 1 || sizes[axis] == 3 }
        guard holdsChannels(1) || holdsChannels(3) else {
            throw Self.failure(input, "pictures need an axis of 1 or 3 channels, the second or the last.")
        }
        channelsFirst = holdsChannels(1)
        guard !channelsFirst || input.type.isFloat else {
            throw Self.failure(
                input, "pictures feed whole-number inputs only in [N, H, W, C]. Post the samples as an .npz.")
        }
        channels = sizes[channelsFirst ? 1 : 3] ?? 3
        (height, width) = channelsFirst ? (sizes[2], sizes[3]) : (sizes[1], sizes[2])
        for side in [height, width] {
            guard side.map({ (1...PictureLimits.side).contains($0) }) ?? true else {
                throw Self.failure(input, "pictures are made at most \(PictureLimits.side) pixels wide and high.")
            }
        }
    }

    func checkChannels(_ values: Preprocessing) throws {
        for (name, count) in [("mean", values.mean.count), ("std", values.std.count)]
        where ![0, 1, channels].contains(count) {
            let advice = channels == 1 ? "Give one." : "Give one, or one for each channel."
            throw Self.failure(signature, "the set gives \(count) value\(count == 1 ? "" : "s") for \(name). \(advice)")
        }
    }

    /// Places of grids of 8, 16 and 32 pixels; nil while the size is open.
    var gridPlaces: Int? {
        guard let height, let width else { return nil }
        return [8, 16, 32].reduce(0) { $0 + (height / $1) * (width / $1) }
    }

    static func failure(_ input: TensorSignature, _ what: String) -> Failure {
        Failure(
            .invalidCalibrationSet, stage: .load, detail: "Input '\(input.name)' expects \(input.form): \(what)",
            pointer: input.name)
    }
}

/// Bounds on pictures.
package enum PictureLimits {
    /// Longest side that pictures are resized to.
    package static let side = 8192
}

extension Preprocessing {
    /// The preprocessing of pictures for one model, with the preset's values where the request gave none, and what was
    /// guessed. Nothing changes for arrays.
    ///
    /// Throws `Failure(.invalidCalibrationSet)` when the model takes no pictures or the recipe does not go with its input.
    package func resolved(for model: ModelSummary) throws -> PicturePreprocessing {
        let recipe = pictures ?? PictureRecipe()
        let input = try PictureInput(model)
        let guess = PictureRecipe.Preset.guess(model, input)
        let preset = recipe.preset ?? guess.preset
        let given = scale != 1 || !mean.isEmpty || !std.isEmpty || reverseChannels
        var values = self
        if input.signature.type.isFloat, recipe.preset != nil || !given { values = merged(over: preset.values, input) }
        if input.channels == 1 { values.reverseChannels = false }
        try input.checkChannels(values)
        let geometry = try recipe.resolved(preset, input)
        values.layout = input.channelsFirst ? .nhwcToNCHW : .asIs
        values.pictures = recipe
        values.pictures?.preset = given ? recipe.preset : preset
        // What a report says was done is what was done.
        values.pictures?.size = [geometry.height, geometry.width]
        values.pictures?.resize = geometry.resize
        if geometry.resize == .crop { values.pictures?.shortSide = geometry.shortSide }
        if geometry.resize == .letterbox {
            values.pictures?.anchor = geometry.anchor
            values.pictures?.fill = geometry.fill
        }
        values.pictures?.interpolation = geometry.interpolation
        var findings: [Finding] = []
        if recipe.preset == nil, !given || recipe.resize == nil {
            let what =
                given
                ? "No resize was given; that of '\(preset.rawValue)'" : "No preset was given; '\(preset.rawValue)'"
            findings.append(
                Finding(
                    preset == .unit ? .warning : .info, code: "preprocessing-guess",
                    detail:
                        "\(what) was taken, for \(guess.why). If the model was trained otherwise, post the set with "
                        + "preset= or with resize, scale, mean and std."))
        }
        return PicturePreprocessing(values: values, geometry: geometry, findings: findings)
    }
}

extension Preprocessing {
    /// The preset's values, but for those that the request gave.
    private func merged(over preset: Preprocessing, _ input: PictureInput) -> Preprocessing {
        var values = preset
        // A grey picture has one channel; a mean of colours goes with none.
        if input.channels == 1, values.mean.count > 1 { values = PictureRecipe.Preset.unit.values }
        if scale != 1 { values.scale = scale }
        if !mean.isEmpty { values.mean = mean }
        if !std.isEmpty { values.std = std }
        if reverseChannels { values.reverseChannels = true }
        return values
    }
}

/// Preprocessing of pictures with nothing left open.
package struct PicturePreprocessing: Equatable, Sendable {
    /// Values and layout, applied to the resized pictures.
    package var values: Preprocessing
    package var geometry: PictureRecipe.Resolved
    package var findings: [Finding]
}

extension SampleSetSummary {
    /// The set as the arrays that `model` gets; a set of arrays is that already.
    package func developed(for model: ModelSummary) throws -> SampleSetSummary {
        guard format == .pictures else { return self }
        let resolved = try preprocessing.resolved(for: model)
        var set = self
        let geometry = resolved.geometry
        set.arrays = [
            Array(
                name: "pictures", type: .uint8,
                shape: [samples, geometry.height, geometry.width, geometry.channels], minimum: arrays.first?.minimum,
                maximum: arrays.first?.maximum)
        ]
        set.preprocessing = resolved.values
        set.findings += resolved.findings
        return set
    }
}
