import Domain
import Foundation
import TestGraphs
import Testing

@testable import Optimizer

/// Zips of pictures for tests, and what Octavo makes of them.
struct PictureZip {
    let directory: TestDirectory

    init() throws { directory = try TestDirectory() }

    static func fixture(_ name: String) throws -> [UInt8] { try TestFixture.bytes("pictures/" + name) }

    /// A picture of one colour, different for each `seed`.
    static func picture(_ seed: Int = 0, width: Int = 6, height: Int = 4) -> [UInt8] {
        PNG.plain(width: width, height: height, [UInt8(seed * 29 % 251), UInt8(seed * 53 % 241), 200])
    }

    func archive(
        _ files: [(String, [UInt8])], _ recipe: PictureRecipe = PictureRecipe(),
        purpose: StagedSamples.Purpose = .calibration, limits: SampleLimits = .default
    ) throws -> PictureArchive {
        let zip = ZipWriter(members: files.map { .init($0.0, $0.1) })
        let path = try directory.file(zip.bytes, "pictures-\(UUID().uuidString).zip")
        return try #require(try PictureArchive(path: path, recipe: recipe, purpose: purpose, limits: limits))
    }

    func developed(_ files: [(String, [UInt8])], _ recipe: PictureRecipe = PictureRecipe()) throws -> DevelopedPictures
    {
        try archive(files, recipe).develop(
            PictureRecipe.Resolved(height: 8, width: 8), onError: recipe.onError, in: directory.path, threads: 2)
    }

    func summary(_ files: [(String, [UInt8])], _ recipe: PictureRecipe = PictureRecipe()) throws -> SampleSetSummary {
        try archive(files, recipe).summary(Preprocessing(pictures: recipe), threads: 2)
    }

    static func skipping(split: String? = nil) -> PictureRecipe {
        var recipe = PictureRecipe(split: split)
        recipe.onError = .skip
        return recipe
    }

    /// The refusal names the file inside the zip and helps.
    func expectRefusal(
        _ files: [(String, [UInt8])], file: String?, _ words: String, _ recipe: PictureRecipe = PictureRecipe(),
        limits: SampleLimits = .default, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        do {
            _ = try archive(files, recipe, limits: limits).summary(Preprocessing(pictures: recipe), threads: 2)
            Issue.record("was not refused", sourceLocation: sourceLocation)
        } catch let failure as Failure {
            #expect(failure.type == .invalidCalibrationSet, "\(failure)", sourceLocation: sourceLocation)
            #expect(failure.pointer == file, "\(failure)", sourceLocation: sourceLocation)
            #expect(failure.detail.contains(words), "\(failure.detail)", sourceLocation: sourceLocation)
            if let file { #expect(failure.detail.contains("'\(file)'"), sourceLocation: sourceLocation) }
        } catch {
            Issue.record("\(error)", sourceLocation: sourceLocation)
        }
    }
}

extension Array<UInt8> {
    init(text: String) { self = Array(text.utf8) }
}

/// A decoded and resized picture of Tests/Fixtures/pictures, and what Pillow makes of it.
struct PictureCase: Decodable, CustomTestStringConvertible, Sendable {
    struct Geometry: Decodable, Sendable {
        var height: Int
        var width: Int
        var resize: PictureRecipe.Resize
        var interpolation: PictureRecipe.Interpolation?
        var shortSide: Int?
        var anchor: PictureRecipe.Anchor?
        var fill: Int?
        var channels: Int?
    }
    var file: String
    var expected: String
    var geometry: Geometry

    var testDescription: String {
        "\(file) \(geometry.resize) \(geometry.height)x\(geometry.width) \(geometry.interpolation?.rawValue ?? "")"
    }

    var recipe: PictureRecipe.Resolved {
        PictureRecipe.Resolved(
            height: geometry.height, width: geometry.width, channels: geometry.channels ?? 3, resize: geometry.resize,
            shortSide: geometry.shortSide ?? 0, anchor: geometry.anchor ?? .center, fill: geometry.fill ?? 114,
            interpolation: geometry.interpolation ?? .bilinear)
    }

    static let all: [PictureCase] =
        (try? JSON.decode([PictureCase].self, from: TestFixture.bytes("pictures/expected.json"))) ?? []

    /// The bytes of the file, developed.
    static func develop(_ bytes: [UInt8], _ recipe: PictureRecipe.Resolved) throws -> [UInt8] {
        var canvas = PictureCanvas()
        try bytes.withUnsafeBytes { try PictureFile($0, limits: .default).decode(into: &canvas) }
        if recipe.channels == 1 { canvas.makeGrey() }
        let frame = PictureFrame(sourceWidth: canvas.width, sourceHeight: canvas.height, recipe)
        var resampler = Resampler(recipe)
        var result = [UInt8](repeating: 0, count: recipe.bytes)
        result.withUnsafeMutableBytes { resampler.resize(canvas, frame, into: $0) }
        return result
    }

    func developed() throws -> [UInt8] { try Self.develop(PictureZip.fixture(file), recipe) }

    /// Pillow's pixels; PNG loses nothing.
    func pillow() throws -> [UInt8] {
        var exact = recipe
        exact.resize = .stretch
        exact.interpolation = .nearest
        return try Self.develop(PictureZip.fixture(expected), exact)
    }
}
