import CKernels
import Domain
import TestGraphs
import Testing

@testable import Optimizer

/// Decoding, turning and resizing against Pillow's pixels (Tests/Fixtures/make_pictures.py).
@Suite struct PictureDecodingTests {
    /// PNG files and resizing agree with Pillow to the bit. JPEG decoders may differ by one step in the inverse transform and
    /// the upsampling of colours, and two libraries' versions meet here: 3 of 255 at most, 0.1 on average. A quantization step
    /// of an 8-bit input is 1 of 255.
    @Test(arguments: PictureCase.all) func pixelsAreAsPillowHasThem(_ one: PictureCase) throws {
        let (ours, pillow) = (try one.developed(), try one.pillow())
        try #require(ours.count == pillow.count)
        let errors = zip(ours, pillow).map { abs(Int($0) - Int($1)) }
        if one.file.hasSuffix(".png") {
            #expect(errors.max() == 0)
        } else {
            #expect((errors.max() ?? 0) <= 3, "largest difference \(errors.max() ?? 0)")
            #expect(Double(errors.reduce(0, +)) / Double(errors.count) <= 0.1)
        }
    }

    @Test func theFixturesHoldEveryKindOfPicture() {
        let files = Set(PictureCase.all.map(\.file))
        let kinds = ["grey.jpg", "cmyk.jpg", "progressive.jpg", "palette.png", "alpha.png", "bits.png", "grey.png"]
        #expect(files.isSuperset(of: kinds + (2...8).map { "turned-\($0).jpg" }))
        #expect(Set(PictureCase.all.map(\.geometry.resize)) == Set(PictureRecipe.Resize.allCases))
        #expect(
            Set(PictureCase.all.compactMap(\.geometry.interpolation)) == Set(PictureRecipe.Interpolation.allCases))
    }

    /// The picture as shown is the same whichever way it is stored.
    @Test func aTurnSwapsTheSidesWhereItMust() throws {
        for orientation in 2...8 {
            let bytes = try PictureZip.fixture("turned-\(orientation).jpg")
            try bytes.withUnsafeBytes { bytes in
                let picture = try PictureFile(bytes, limits: .default)
                #expect((picture.width > picture.height) == (orientation < 5))
            }
        }
    }

    @Test func exifIsReadFromWhateverStandsBeforeIt() throws {
        let turned = try PictureZip.fixture("turned-6.jpg")
        func orientation(_ bytes: [UInt8]) -> Int { bytes.withUnsafeBytes { EXIF.orientation(inJPEG: $0) } }
        #expect(orientation(turned) == 6)
        // A comment of two bytes, and fill bytes, before the segment.
        #expect(orientation([0xff, 0xd8, 0xff, 0xfe, 0, 4, 1, 2, 0xff, 0xff] + turned.dropFirst(2)) == 6)
        for count in 0..<min(turned.count, 200) { _ = orientation(Array(turned.prefix(count))) }
        #expect(orientation([0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff] + Array("Exif\0\0MM".utf8)) == 1)
    }

    @Test func everySetOfKernelsResamplesAlike() {
        var random = SeededNumbers(3)
        let source = (0..<(97 * 61 * 4)).map { _ in UInt8.random(in: 0...255, using: &random) }
        func resized(_ width: Int, _ height: Int, _ filter: PictureRecipe.Interpolation) -> [UInt8] {
            let recipe = PictureRecipe.Resolved(height: height, width: width, interpolation: filter)
            var canvas = PictureCanvas()
            canvas.resize(width: 97, height: 61)
            canvas.pixels.copyBytes(from: source)
            var resampler = Resampler(recipe)
            var result = [UInt8](repeating: 0, count: recipe.bytes)
            let frame = PictureFrame(sourceWidth: 97, sourceHeight: 61, recipe)
            result.withUnsafeMutableBytes { resampler.resize(canvas, frame, into: $0) }
            return result
        }
        for filter in PictureRecipe.Interpolation.allCases {
            for (width, height) in [(1, 1), (7, 5), (33, 61), (97, 20), (130, 77), (224, 3)] {
                precondition(octavo_kernels_use_on_this_thread("reference"))
                let expected = resized(width, height, filter)
                for name in ["avx2", "avx512", "neon"] where octavo_kernels_available(name) {
                    precondition(octavo_kernels_use_on_this_thread(name))
                    #expect(resized(width, height, filter) == expected, "\(name) \(filter) \(width)x\(height)")
                }
                _ = octavo_kernels_use_on_this_thread(nil)
            }
        }
    }

    @Test func extremesLeaveTheFourthByteOut() {
        for count in [1, 3, 15, 16, 17, 31, 100] {
            var pixels = [UInt8](repeating: 100, count: count * 4)
            for index in stride(from: 3, to: pixels.count, by: 4) { pixels[index] = index % 8 == 3 ? 255 : 0 }
            pixels[(count - 1) * 4 + 2] = 7
            pixels[0] = 201
            var (low, high): (UInt8, UInt8) = (0, 0)
            octavo_pixels_extremes(pixels, count, &low, &high)
            #expect(low == 7 && high == 201)
        }
    }

    /// Places in the model's input go back to where they were in the picture.
    @Test(arguments: PictureRecipe.Resize.allCases) func framesAreUndone(_ resize: PictureRecipe.Resize) {
        let recipe = PictureRecipe.Resolved(height: 224, width: 320, resize: resize, shortSide: 330)
        let frame = PictureFrame(sourceWidth: 1000, sourceHeight: 700, recipe)
        let scale = (Double(frame.width) / 1000, Double(frame.height) / 700)
        let place = frame.source(x: 250 * scale.0 + Double(frame.left), y: 350 * scale.1 + Double(frame.top))
        #expect(abs(place.x - 250) < 1e-9 && abs(place.y - 350) < 1e-9)
    }
}

/// Files that are no pictures, or no longer.
@Suite struct DamagedPictureTests {
    /// Nil for a picture, the reason otherwise.
    private func fault(_ bytes: [UInt8], limits: SampleLimits = .default) -> String? {
        bytes.withUnsafeBytes { bytes -> String? in
            do throws(PictureFile.Fault) {
                var canvas = PictureCanvas()
                try PictureFile(bytes, limits: limits).decode(into: &canvas)
                return nil
            } catch {
                return error.reason
            }
        }
    }

    @Test(arguments: ["colour.jpg", "progressive.jpg", "cmyk.jpg", "grey.jpg", "colour.png", "palette.png", "bits.png"])
    func aFileCutAnywhereIsRefused(_ name: String) throws {
        let whole = try PictureZip.fixture(name)
        #expect(fault(whole) == nil)
        for length in 0..<(whole.count - 2) {
            #expect(fault(Array(whole.prefix(length))) != nil, "\(name) cut at \(length) of \(whole.count)")
        }
    }

    /// Whatever a file says, the process lives and the sizes stay within the limits.
    @Test(arguments: [
        "colour.jpg", "progressive.jpg", "cmyk.jpg", "turned-5.jpg", "colour.png", "palette.png", "alpha.png",
    ])
    func noDamageReachesATrap(_ name: String) throws {
        let whole = try PictureZip.fixture(name)
        var random = SeededNumbers(11)
        var limits = SampleLimits.default
        limits.pixels = 1 << 20
        var refused = 0
        for _ in 0..<1500 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                // Heads are where sizes are.
                let end = Bool.random(using: &random) ? min(80, bytes.count) : bytes.count
                bytes[Int.random(in: 2..<end, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if fault(bytes, limits: limits) != nil { refused += 1 }
        }
        #expect(refused > 100)
    }

    @Test func headsThatAnnounceTooMuchAreRefusedBeforeMemoryIsTaken() throws {
        let huge = PNG.bytes(width: 1, height: 1, announced: (50_000, 50_000), [0, 0, 0])
        #expect(fault(huge)?.contains("50000 x 50000 pixels") == true)
        let long = PNG.bytes(width: 1, height: 1, announced: (70_000, 1), [0, 0, 0])
        #expect(fault(long)?.contains("65535 on a side") == true)
        let absurd = PNG.bytes(width: 1, height: 1, announced: (0x7fff_ffff, 0x7fff_ffff), [0, 0, 0])
        #expect(fault(absurd) != nil)
        let none = PNG.bytes(width: 1, height: 1, announced: (0, 5), [0, 0, 0])
        #expect(fault(none) != nil)
        // SOF0 with 65,500 x 65,500.
        var jpeg = try PictureZip.fixture("colour.jpg")
        let frame = try #require(jpeg.indices.dropLast().first { jpeg[$0] == 0xff && jpeg[$0 + 1] == 0xc0 })
        jpeg.replaceSubrange((frame + 5)..<(frame + 9), with: [0xff, 0xdc, 0xff, 0xdc])
        #expect(fault(jpeg)?.contains("65500 x 65500 pixels") == true)
        // More lines than there are.
        let short = PNG.bytes(width: 1, height: 1, announced: (1, 9), [0, 0, 0])
        #expect(fault(short)?.hasPrefix("cannot be decoded") == true)
    }

    @Test func otherFilesAreNoPictures() {
        for bytes in [
            [], [UInt8](text: "a picture"), [0xff, 0xd8], [UInt8](text: "GIF89a______"), [0x89, 0x50, 0x4e, 0x47],
        ] {
            #expect(fault(bytes) == "is neither JPEG nor PNG")
        }
    }
}
