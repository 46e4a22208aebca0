import Domain
import TestGraphs
import Testing

@testable import Optimizer

/// Archives that are not what they should be. Strict by default; `on_error: skip` leaves out, counts and lists.
@Suite struct PictureArchiveTests {
    private let zip: PictureZip
    private let good: [(String, [UInt8])] = (0..<3).map { ("good-\($0).png", PictureZip.picture($0)) }

    init() throws { zip = try PictureZip() }

    /// With one bad file the set is refused for it; when skipping, the rest is used and the file is listed.
    private func expectSkippable(
        _ name: String, _ bytes: [UInt8], _ words: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let files = good + [(name, bytes)]
        zip.expectRefusal(files, file: name, words, sourceLocation: sourceLocation)
        let summary = try zip.summary(files, PictureZip.skipping())
        #expect(summary.samples == 3, sourceLocation: sourceLocation)
        let skipped = summary.pictures?.skipped ?? []
        #expect(skipped.map(\.file) == [name] && summary.pictures?.skippedCount == 1, sourceLocation: sourceLocation)
        #expect(skipped.first?.reason.contains(words) == true, "\(skipped)", sourceLocation: sourceLocation)
        #expect(
            summary.findings.contains { $0.code == "skipped-files" && $0.pointer == name },
            sourceLocation: sourceLocation)
        let developed = try zip.developed(files, PictureZip.skipping())
        #expect(developed.names == good.map(\.0), sourceLocation: sourceLocation)
    }

    @Test func aBrokenPictureAmongGoodOnes() throws {
        let jpeg = try PictureZip.fixture("colour.jpg")
        try expectSkippable("cut.jpg", Array(jpeg.prefix(jpeg.count / 2)), "cannot be decoded")
        try expectSkippable("a-first.jpg", Array(jpeg.prefix(20)), "cannot be decoded")
    }

    @Test func aTextFileCalledJPG() throws {
        try expectSkippable("notes.jpg", .init(text: "remember the milk"), "is neither JPEG nor PNG")
        try expectSkippable("empty.png", [], "is neither JPEG nor PNG")
    }

    @Test func aPictureOfAnotherFormat() throws {
        try expectSkippable("x.webp", .init(text: "RIFF"), "is neither JPEG nor PNG")
    }

    @Test func aHeadOf50000x50000() throws {
        let huge = PNG.bytes(width: 1, height: 1, announced: (50_000, 50_000), [0, 0, 0])
        try expectSkippable("huge.png", huge, "50000 x 50000 pixels")
    }

    @Test func aPictureInPlaceOfThePixelsItAnnounces() throws {
        let bytes = PNG.plain(width: 3, height: 2, [1, 2, 3])
        var limits = SampleLimits()
        limits.pictureBytes = bytes.count - 1
        zip.expectRefusal([("a.png", bytes)], file: "a.png", "at most \(bytes.count - 1) are read", limits: limits)
    }

    @Test func whatTheArchiveDamagedIsNamed() throws {
        var writer = ZipWriter(members: good.map { .init($0.0, $0.1) })
        writer.members[1].crc = 7
        let path = try zip.directory.file(writer.bytes)
        let archive = try #require(try PictureArchive(path: path, recipe: .init(), purpose: .calibration))
        #expect {
            try archive.summary(.identity, threads: 1)
        } throws: {
            ($0 as? Failure)?.detail.hasPrefix("File 'good-1.png' is damaged in the archive") == true
        }
    }

    /// 8 MB of zeros out of 8 KB, called a picture, and one of labels.
    @Test func bombsAreRefusedByWhatTheyClaimAndByWhatTheyGive() throws {
        let size = 8 << 20
        func bomb(_ name: String, claims: Int) throws -> PictureArchive? {
            var writer = ZipWriter(members: good.map { .init($0.0, $0.1) })
            var member = ZipWriter.Member(name, [], deflated: Deflate.zeros(after: [0xff, 0xd8, 0xff], total: size))
            member.size = UInt32(claims)
            writer.members.append(member)
            return try PictureArchive(
                path: zip.directory.file(writer.bytes), recipe: .init(), purpose: .calibration)
        }
        let honest = try #require(try bomb("z.jpg", claims: size))
        #expect {
            try honest.summary(.identity, threads: 1)
        } throws: {
            ($0 as? Failure)?.detail.contains("more than pictures do") == true
        }
        let liar = try #require(try bomb("z.jpg", claims: 1000))
        #expect {
            try liar.summary(.identity, threads: 1)
        } throws: {
            ($0 as? Failure)?.detail.contains("'z.jpg' is damaged in the archive") == true
        }
        #expect {
            try bomb("data.yaml", claims: size)
        } throws: {
            ($0 as? Failure)?.detail.contains("such labels are read up to") == true
        }
    }

    @Test(arguments: ["../evil.png", "a/../../evil.png", "/etc/evil.png", "./a.png", "a/./b.png"])
    func namesThatPointElsewhere(_ name: String) {
        zip.expectRefusal(good + [(name, PictureZip.picture())], file: name, "points outside the archive")
    }

    @Test func namesThatComeTwice() {
        zip.expectRefusal(good + [good[0]], file: "good-0.png", "two members named")
    }

    @Test func archivesInside() {
        let inner = ZipWriter(members: [.init("a.png", PictureZip.picture())]).bytes
        zip.expectRefusal(good + [("more/inner.zip", inner)], file: "more/inner.zip", "archive inside the archive")
    }

    @Test func withoutPictures() {
        zip.expectRefusal([("readme.txt", .init(text: "hello"))], file: nil, "neither arrays (.npy) nor pictures")
        zip.expectRefusal(
            [("a.gif", .init(text: "GIF89a"))], file: nil, "neither arrays (.npy) nor pictures", PictureZip.skipping())
    }

    @Test func withoutOneGoodPicture() {
        let bad: [(String, [UInt8])] = [("a.jpg", .init(text: "x")), ("b.jpg", .init(text: "y"))]
        zip.expectRefusal(
            bad, file: nil, "None of the 2 pictures can be used: the first one, 'a.jpg', is neither",
            PictureZip.skipping())
        // Left out for their labels before any is decoded.
        let labelled = [
            ("images/a.png", PictureZip.picture()), ("labels/a.txt", [UInt8](text: "9 .5 .5 .1 .1")),
            ("data.yaml", .init(text: "names: [one]")),
        ]
        zip.expectRefusal(labelled, file: nil, "the first one, 'images/a.png'", PictureZip.skipping())
    }

    @Test func badLabelsCostOnlyTheirPicture() throws {
        let files = [
            ("images/a.png", PictureZip.picture(1)), ("labels/a.txt", [UInt8](text: "9 .5 .5 .1 .1")),
            ("images/b.png", PictureZip.picture(2)), ("labels/b.txt", .init(text: "0 .5 .5 .1 .1")),
            ("data.yaml", .init(text: "names: [one]")),
        ]
        zip.expectRefusal(files, file: "labels/a.txt", "class 9 is out of range")
        let summary = try zip.summary(files, PictureZip.skipping())
        #expect(summary.samples == 1 && summary.pictures?.boxes == 1)
        #expect(summary.pictures?.skipped.first?.file == "images/a.png")
        #expect(summary.pictures?.skipped.first?.reason.contains("labels/a.txt") == true)
    }

    @Test func tooManyPictures() {
        var limits = SampleLimits()
        limits.pictures = 2
        zip.expectRefusal(good, file: nil, "holds 3 pictures; at most 2", limits: limits)
    }

    @Test func theFirstBadFileIsTheOneNamedWhicheverThreadMeetsIt() throws {
        let files = (0..<40).map { index in
            ("p\(100 + index).png", index % 7 == 5 ? [UInt8](text: "bad") : PictureZip.picture(index))
        }
        for _ in 0..<10 { zip.expectRefusal(files, file: "p105.png", "is neither JPEG nor PNG") }
    }

    @Test func gapsCloseInOrder() throws {
        let files = (0..<9).map { index in
            ("p\(index).png", index % 2 == 0 ? [UInt8](text: "bad") : PictureZip.picture(index))
        }
        let developed = try zip.developed(files, PictureZip.skipping())
        #expect(developed.names == ["p1.png", "p3.png", "p5.png", "p7.png"])
        var sample = [UInt8](repeating: 0, count: 8 * 8 * 3)
        for (place, index) in [1, 3, 5, 7].enumerated() {
            try sample.withUnsafeMutableBytes { try developed.array.read(sample: place, into: $0) }
            #expect(sample[0] == UInt8(index * 29 % 251) && sample[1] == UInt8(index * 53 % 241))
        }
    }

    @Test func arraysAreStillArrays() throws {
        let path = try zip.directory.file(ZipWriter(members: [.init("x.npy", NPY.floats([1], [1]))]).bytes)
        #expect(try PictureArchive(path: path, recipe: .init(), purpose: .calibration) == nil)
    }

    @Test func healthOfASetOfPictures() throws {
        let noise = (0..<8).map { index in
            ("n\(index).png", PNG.bytes(width: 2, height: 1, [UInt8(index), 40, 200, UInt8(250 - index), 60, 70]))
        }
        let summary = try zip.summary(
            noise + [("black.png", PNG.plain(width: 2, height: 2, [0, 0, 0])), ("n9.png", noise[0].1)])
        #expect(summary.health?.duplicates == 1 && summary.health?.constant == 1)
        #expect(summary.health?.convergence.last == .init(samples: 10, share: 1))
        let codes = summary.findings.map(\.code)
        #expect(codes.contains("duplicate-samples") && codes.contains("constant-samples"))
    }
}
