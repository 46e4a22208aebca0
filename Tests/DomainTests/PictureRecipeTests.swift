import Testing

@testable import Domain

/// Preprocessing of pictures: presets, what is guessed from a model, and what does not go with it.
@Suite struct PictureRecipeTests {
    private func model(
        _ shape: [Int?], _ outputs: [[Int?]] = [[1, 10]], type: ElementKind = .float32, inputs: Int = 1
    ) -> ModelSummary {
        func dims(_ shape: [Int?]) -> [Dimension] { shape.map { $0.map { .fixed($0) } ?? .symbolic("N") } }
        return ModelSummary(
            irVersion: 8, opsets: ["": 17], producer: "test",
            inputs: (0..<inputs).map { TensorSignature(name: "in\($0)", type: type, shape: dims(shape)) },
            outputs: outputs.enumerated().map {
                TensorSignature(name: "out\($0.offset)", type: .float32, shape: dims($0.element))
            }, parameters: 0, weightBytes: 0, operators: [:], externalData: [], quantized: false, findings: [])
    }

    private func resolved(
        _ model: ModelSummary, _ preprocessing: Preprocessing = .identity
    ) throws -> PicturePreprocessing { try preprocessing.resolved(for: model) }

    private let image: [Int?] = [1, 3, 224, 224]

    @Test func presetsByName() throws {
        let torch = try resolved(model(image), Preprocessing(pictures: .init(preset: .imagenetTorch)))
        #expect(torch.geometry == .init(height: 224, width: 224, resize: .crop, shortSide: 256))
        #expect(torch.values.scale == 1.0 / 255 && torch.values.mean == [0.485, 0.456, 0.406])
        #expect(torch.values.std == [0.229, 0.224, 0.225] && !torch.values.reverseChannels)
        #expect(torch.values.layout == .nhwcToNCHW && torch.findings == [])

        let tensorflow = try resolved(model([1, 224, 224, 3]), Preprocessing(pictures: .init(preset: .imagenetTF)))
        #expect(
            tensorflow.values.scale == 1 / 127.5 && tensorflow.values.mean == [1] && tensorflow.values.layout == .asIs)

        let caffe = try resolved(model(image), Preprocessing(pictures: .init(preset: .imagenetCaffe)))
        #expect(caffe.values.mean == [103.939, 116.779, 123.68] && caffe.values.reverseChannels)

        let yolo = try resolved(model([1, 3, 320, 416]), Preprocessing(pictures: .init(preset: .yolo)))
        #expect(yolo.geometry == .init(height: 320, width: 416, resize: .letterbox, shortSide: 366, fill: 114))
        #expect(yolo.values.scale == 1.0 / 255 && yolo.values.mean.isEmpty)

        let yolox = try resolved(model([1, 3, 416, 416]), Preprocessing(pictures: .init(preset: .yolox)))
        #expect(yolox.geometry.anchor == .topLeft && yolox.values.reverseChannels && yolox.values.scale == 1)
    }

    /// The guess, and that the finding says so.
    @Test func defaultsFollowFromTheModel() throws {
        func guess(_ model: ModelSummary) throws -> String {
            let resolved = try resolved(model)
            let finding = try #require(resolved.findings.first { $0.code == "preprocessing-guess" })
            let preset = try #require(resolved.values.pictures?.preset)
            #expect(finding.detail.contains("'\(preset.rawValue)' was taken"), "\(finding.detail)")
            return "\(preset.rawValue) \(finding.severity.rawValue)"
        }
        #expect(try guess(model(image, [[1, 1000]])) == "imagenet-torch info")
        #expect(try guess(model([nil, 3, 224, 224], [[nil, 1000]])) == "imagenet-torch info")
        #expect(try guess(model([1, 224, 224, 3], [[1, 1000]])) == "imagenet-tf info")
        #expect(try guess(model(image, [[1, 1001]])) == "imagenet-tf info")
        var exported = model(image, [[1, 1000]])
        exported.producer = "tf2onnx 1.16"
        #expect(try guess(exported) == "imagenet-tf info")
        #expect(try guess(model([1, 3, 320, 320], [[1, 84, 2100]])) == "yolo info")
        #expect(try guess(model([1, 3, 640, 640], [[1, 300, 6]])) == "yolo info")
        #expect(try guess(model([1, 3, 416, 416], [[1, 3549, 85]])) == "yolox info")
        #expect(try guess(model([1, 3, 32, 32], [[1, 10]])) == "unit warning")
        #expect(try guess(model([1, 96, 96, 3], [[1, 2]], type: .uint8)) == "raw info")
    }

    /// What a report shows is what was done, in full.
    @Test func whatWasAppliedIsWrittenOut() throws {
        let pictures = try #require(try resolved(model(image, [[1, 1000]])).values.pictures)
        #expect(pictures.size == [224, 224] && pictures.resize == .crop && pictures.shortSide == 256)
        #expect(pictures.interpolation == .bilinear && pictures.anchor == nil)
        let box = try #require(try resolved(model([1, 3, 320, 320], [[1, 84, 2100]])).values.pictures)
        #expect(box.anchor == .center && box.fill == 114 && box.shortSide == nil)
    }

    @Test func whatIsGivenGoesBeforeThePreset() throws {
        let mixed = try resolved(
            model(image), Preprocessing(std: [0.5], reverseChannels: true, pictures: .init(preset: .imagenetTorch)))
        #expect(
            mixed.values.mean == [0.485, 0.456, 0.406] && mixed.values.std == [0.5] && mixed.values.reverseChannels)
        // Without a preset the given values are all there are; the resize is still a guess and said to be one.
        let own = try resolved(model(image, [[1, 1000]]), Preprocessing(scale: 0.5))
        #expect(own.values.mean.isEmpty && own.values.scale == 0.5 && own.values.pictures?.preset == nil)
        #expect(own.findings.first?.detail.contains("No resize was given") == true)
        var recipe = PictureRecipe()
        recipe.resize = .stretch
        #expect(try resolved(model(image), Preprocessing(scale: 0.5, pictures: recipe)).findings == [])
    }

    @Test func greyInputsHaveOneValueForEachChannel() throws {
        let grey = try resolved(model([1, 1, 28, 28]), Preprocessing(pictures: .init(preset: .imagenetTorch)))
        #expect(grey.geometry.channels == 1 && grey.values.mean.isEmpty && grey.values.scale == 1.0 / 255)
        let own = try resolved(model([1, 1, 28, 28]), Preprocessing(mean: [0.1], pictures: .init(preset: .unit)))
        #expect(own.values.mean == [0.1])
        expectRefusal("3 values for mean. Give one.", model([1, 1, 28, 28]), Preprocessing(mean: [1, 2, 3]))
    }

    private func expectRefusal(_ words: String, _ model: ModelSummary, _ preprocessing: Preprocessing = .identity) {
        #expect {
            try preprocessing.resolved(for: model)
        } throws: { error in
            guard let failure = error as? Failure else { return false }
            return failure.type == .invalidCalibrationSet && failure.detail.contains(words)
        }
    }

    @Test func recipesThatDoNotFitTheInputAreRefused() {
        func size(_ size: [Int]) -> Preprocessing { Preprocessing(pictures: .init(preset: .yolo, size: size)) }
        expectRefusal("give 224x224", model(image), size([256, 256]))
        expectRefusal("four axes", model([1, 10]))
        expectRefusal("four axes", model([1, 3, 8, 224, 224]))
        expectRefusal("1 or 3 channels", model([1, 4, 224, 224]))
        expectRefusal("has 2 inputs", model(image, inputs: 2))
        expectRefusal("leaves height and width open", model([1, 3, nil, nil]))
        expectRefusal("at most 8192", model([1, 3, 9000, 9000]))
        expectRefusal("only in [N, H, W, C]", model(image, type: .uint8))
        var short = PictureRecipe(preset: .imagenetTorch)
        short.shortSide = 200
        expectRefusal("short_side=224 or more", model(image), Preprocessing(pictures: short))
        let two = "values for mean. Give one, or one for each channel."
        expectRefusal("2 \(two)", model(image), Preprocessing(mean: [1, 2]))
        expectRefusal(
            "2 values for std", model(image), Preprocessing(std: [1, 2], pictures: .init(preset: .imagenetTorch)))
    }

    @Test func openSizesFollowFromTheRecipe() throws {
        let open = model([1, 3, nil, nil])
        #expect(try resolved(open, Preprocessing(pictures: .init(size: [48, 64]))).geometry.height == 48)
        #expect(try resolved(open, Preprocessing(pictures: .init(preset: .yolo))).geometry.width == 640)
    }

    @Test(arguments: [
        "224": [224], "480x640": [480, 640], "0": nil, "9000": nil, "1x2x3": nil, "x": nil, "-4": nil, "": nil,
    ])
    func sizesAreRead(_ text: String, _ size: [Int]?) { #expect(PictureRecipe.parseSize(text) == size) }
}
