import Domain
import Testing

@Suite struct FitTests {
    private func input(_ name: String, _ type: ElementKind, _ shape: [Dimension]?) -> TensorSignature {
        TensorSignature(name: name, type: type, shape: shape)
    }

    private func input(_ name: String, _ shape: [Dimension]?) -> TensorSignature { input(name, .float32, shape) }

    private func fit(
        _ inputs: [TensorSignature], _ arrays: [(String, ElementKind, [Int])], layout: Preprocessing.Layout = .asIs,
        samples: Int = 8
    ) throws -> Fit {
        let model = ModelSummary(
            irVersion: 8, opsets: ["ai.onnx": 13], producer: nil, inputs: inputs, outputs: [], parameters: 0,
            weightBytes: 0,
            operators: [:], externalData: [], quantized: false, findings: [])
        let set = SampleSetSummary(
            format: .npz, samples: samples,
            arrays: arrays.map { .init(name: $0.0, type: $0.1, shape: $0.2, minimum: nil, maximum: nil) },
            labelled: false,
            preprocessing: Preprocessing(layout: layout), findings: [])
        return try Fit(model: model, set: set)
    }

    private let image: [Dimension] = [.symbolic("N"), .fixed(3), .fixed(4), .fixed(6)]

    private func expectRefusal(_ words: [String], _ body: () throws -> Fit) {
        #expect {
            _ = try body()
        } throws: { error in
            guard let failure = error as? Failure else { return false }
            return failure.type == .invalidCalibrationSet && words.allSatisfy(failure.detail.contains)
        }
    }

    @Test func aLoneArrayFeedsALoneInputWhateverItsName() throws {
        let fit = try fit([input("x", image)], [("anything", .float32, [8, 3, 4, 6])])
        #expect(fit.samples == 8)
        #expect(fit.bindings[0].sampleShape == [1, 3, 4, 6])
        #expect(!fit.bindings[0].wholeInputs)
    }

    @Test func anArrayOfOneRankMoreHoldsWholeInputs() throws {
        let fit = try fit([input("x", [.fixed(2), .fixed(3)])], [("x", .float32, [8, 2, 3])])
        #expect(fit.bindings[0].wholeInputs)
        #expect(fit.bindings[0].sampleShape == [2, 3])
        let scalar = try self.fit([input("x", [])], [("x", .float32, [8])])
        #expect(scalar.bindings[0].sampleShape == [])
    }

    @Test func channelsMoveToTheFront() throws {
        let fit = try fit([input("x", image)], [("x", .uint8, [8, 4, 6, 3])], layout: .nhwcToNCHW)
        #expect(fit.bindings[0].sampleShape == [1, 3, 4, 6])
        let whole = try self.fit([input("x", image)], [("x", .uint8, [8, 1, 4, 6, 3])], layout: .nhwcToNCHW)
        #expect(whole.bindings[0].sampleShape == [1, 3, 4, 6])
    }

    @Test func namesDecideBeforeShapes() throws {
        let pair: [Dimension] = [.fixed(1), .fixed(7)]
        let fit = try fit(
            [input("a", .int64, pair), input("b", .int64, pair)], [("b", .int64, [8, 7]), ("a", .int32, [8, 7])])
        #expect(fit.bindings.map(\.array.name) == ["a", "b"])
    }

    @Test func shapesDecideWhereOnlyOneFits() throws {
        let fit = try fit(
            [input("ids", .int64, [.fixed(1), .fixed(7)]), input("image", image)],
            [("p", .float32, [8, 3, 4, 6]), ("q", .int64, [8, 7])])
        #expect(fit.bindings.map(\.array.name) == ["q", "p"])
    }

    @Test func twoArraysThatWouldFitAreNotGuessedBetween() {
        let pair: [Dimension] = [.fixed(1), .fixed(7)]
        expectRefusal(["would all fit", "'p'", "'q'"]) {
            try fit(
                [input("a", .int64, pair), input("b", .int64, pair)], [("p", .int64, [8, 7]), ("q", .int64, [8, 7])])
        }
    }

    @Test func whatDoesNotFitIsNamedWithWhatWasExpectedAndWhatCame() {
        expectRefusal(["'x'", "float32[N, 3, 4, 6]", "[8, 3, 5, 6]", "axis 2 must be 4, not 5"]) {
            try fit([input("x", image)], [("x", .float32, [8, 3, 5, 6])])
        }
        expectRefusal(["'x'", "give [N, ...]"]) { try fit([input("x", image)], [("x", .float32, [8, 3])]) }
        expectRefusal(["does not convert"]) { try fit([input("x", .int64, [.fixed(1)])], [("x", .float32, [8])]) }
        expectRefusal(["'y'", "no array feeds it", "'x' float32[8, 1]"]) {
            try fit(
                [input("x", [.fixed(1), .fixed(1)]), input("y", [.fixed(1), .fixed(2)])], [("x", .float32, [8, 1])])
        }
        expectRefusal(["axis 0 must count 8 samples"]) {
            try fit([input("x", image)], [("x", .float32, [7, 3, 4, 6])])
        }
        expectRefusal(["no samples"]) { try fit([input("x", image)], [("x", .float32, [0, 3, 4, 6])], samples: 0) }
    }

    @Test func anInputOfUnknownRankTakesWholeInputs() throws {
        let fit = try fit([input("x", nil)], [("x", .float32, [8, 5, 5])])
        #expect(fit.bindings[0].wholeInputs && fit.bindings[0].sampleShape == [5, 5])
    }
}
