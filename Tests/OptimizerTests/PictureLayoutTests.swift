import Domain
import Foundation
import TestGraphs
import Testing

@testable import Optimizer

/// Data sets as people have them.
@Suite struct PictureLayoutTests {
    private let zip: PictureZip

    init() throws { zip = try PictureZip() }

    private func pictures(_ names: [String]) -> [(String, [UInt8])] {
        names.enumerated().map { ($1, PictureZip.picture($0)) }
    }

    // MARK: Classes

    @Test func oneFolderForEachClass() throws {
        let files = pictures([
            "val/n02/b.png", "val/n01/a.png", "val/n03/c.PNG", "val/n01/d.png", "__MACOSX/val/._a.png", "val/.DS_Store",
        ])
        let developed = try zip.developed(files)
        #expect(developed.names == ["val/n01/a.png", "val/n01/d.png", "val/n02/b.png", "val/n03/c.PNG"])
        #expect(developed.labels == [0, 0, 1, 2])
        #expect(developed.classes == ["n01", "n02", "n03"] && developed.ordered)
        let summary = try zip.summary(files)
        #expect(summary.labelled && summary.pictures?.labels == .folders && summary.samples == 4)
        #expect(summary.pictures?.png == 4 && summary.pictures?.largest == .init(width: 6, height: 4))
    }

    @Test func foldersCalledByIndexAreIndices() throws {
        let developed = try zip.developed(pictures(["7/a.png", "0/b.png", "12/c.png"]))
        #expect(developed.names == ["0/b.png", "12/c.png", "7/a.png"] && developed.labels == [0, 12, 7])
        #expect(!developed.ordered)
    }

    @Test func classesTxtGivesTheFoldersTheirOrder() throws {
        let files = pictures(["cat/a.png", "dog/b.png"]) + [("classes.txt", .init(text: "dog\r\nbird\ncat\n"))]
        let developed = try zip.developed(files)
        #expect(developed.labels == [2, 0] && developed.classes == ["dog", "bird", "cat"] && !developed.ordered)
    }

    @Test func partsOfADataSetAreChosenByPurposeAndByName() throws {
        let files = pictures(["train/x/a.png", "train/y/b.png", "val/x/c.png", "val/y/d.png", "val/y/e.png"])
        #expect(try zip.archive(files).entries.count == 2)
        #expect(try zip.archive(files, purpose: .evaluation).split == "val")
        #expect(try zip.archive(files, purpose: .evaluation).entries.count == 3)
        #expect(try zip.archive(files, PictureRecipe(split: "all")).entries.count == 5)
        #expect(try zip.summary(files, PictureRecipe(split: "val")).pictures?.split == "val")
        zip.expectRefusal(files, file: nil, "it has train, val", PictureRecipe(split: "test"))
    }

    @Test func aTableOfLabels() throws {
        let table = "file,class\na.png,3\n\"sub/b.png\", 1\nc.png,0\nnot-here.png,9\n"
        let files = pictures(["a.png", "sub/b.png", "sub/c.png"]) + [("labels.csv", .init(text: table))]
        let developed = try zip.developed(files)
        #expect(developed.names == ["a.png", "sub/b.png", "sub/c.png"] && developed.labels == [3, 1, 0])
        let named = pictures(["a.png", "b.png"]) + [("labels.csv", .init(text: "a.png,zebra\nb.png,ant"))]
        let classes = try zip.developed(named)
        #expect(classes.labels == [1, 0] && classes.classes == ["ant", "zebra"] && classes.ordered)
    }

    @Test func fieldsOfATableMayBeQuoted() throws {
        let table = "\"a, b.png\",3\r\n \"say \"\"c\"\".png\" , \"1\" ,x\r\nd\"e.png,2\r\n"
        let files = pictures(["a, b.png", "d\"e.png", "say \"c\".png"]) + [("labels.csv", .init(text: table))]
        #expect(try zip.developed(files).labels == [3, 2, 1])
        for line in ["\"a, b.png,3\n", "\"a\" b.png,3\n", "\"a\"\"b.png,3\n"] {
            let broken = pictures(["a, b.png"]) + [("labels.csv", .init(text: line))]
            zip.expectRefusal(broken, file: "labels.csv", "has quotes in line 1")
        }
    }

    @Test func tablesThatMakeNoSenseAreRefused() {
        func files(_ table: String, _ others: [(String, [UInt8])] = []) -> [(String, [UInt8])] {
            pictures(["a.png", "x/b.png", "y/b.png"]) + [("labels.csv", .init(text: table))] + others
        }
        zip.expectRefusal(files("a.png,1\nx/b.png\n"), file: "labels.csv", "no class in line 2")
        zip.expectRefusal(files("a.png,1\nb.png,2\n"), file: "labels.csv", "which two folders have")
        zip.expectRefusal(files("a.png,-1\n"), file: "labels.csv", "the class '-1'")
        zip.expectRefusal(files("a.png,1\na.png,2\n"), file: "labels.csv", "two classes")
        zip.expectRefusal(
            files("a.png,2\n", [("classes.txt", .init(text: "one\ntwo\n"))]), file: "labels.csv", "index from 0 to 1")
        zip.expectRefusal(files("a.png,1\n"), file: "x/b.png", "has no label")
        zip.expectRefusal(files("a.png,1.5\n"), file: "labels.csv", "the class '1.5'")
        zip.expectRefusal(files("a.png,1e30\n"), file: "labels.csv", "the class '1e30'")
    }

    /// Whoever sorts "10.0" before "2.0" as names gives every picture another class.
    @Test func indicesWrittenAsDecimalsAreIndices() throws {
        let files = pictures(["a.png", "b.png"]) + [("labels.csv", .init(text: "a.png,10.0\nb.png,2.0\n"))]
        let developed = try zip.developed(files)
        #expect(developed.labels == [10, 2] && !developed.ordered)
    }

    @Test(arguments: [
        ("annotations.json", "{\"images\": ["),
        ("annotations.json", #"{"images":[],"annotations":[],"categories":[]}"#),
        ("labels/other.txt", "0 .5 .5 .2 .2"), ("voc/a.xml", "<annotation/>"),
    ])
    func labelsThatCannotBeUsedAreNotPassedOverInSilence(_ file: String, _ text: String) throws {
        let summary = try zip.summary(pictures(["images/a.png", "images/b.png"]) + [(file, .init(text: text))])
        #expect(summary.pictures?.labels == SampleSetSummary.Pictures.Labels.none)
        #expect(summary.findings.contains { $0.code == "labels-unused" && $0.pointer == file }, "\(summary.findings)")
        let plain = try zip.summary(pictures(["images/a.png"]) + [("README.txt", .init(text: "pictures"))])
        #expect(!plain.findings.contains { $0.code == "labels-unused" })
    }

    // MARK: Boxes

    private static let yaml = """
        path: ../datasets/coco8
        train: images/train
        val: images/val
        names:
          0: person
          1: bicycle
          2: car
        """

    private var coco8: [(String, [UInt8])] {
        pictures([
            "coco8/images/train/1.png", "coco8/images/train/2.png", "coco8/images/val/3.png", "coco8/images/val/4.png",
        ]) + [
            ("coco8/data.yaml", .init(text: Self.yaml)),
            ("coco8/labels/train/1.txt", .init(text: "0 0.5 0.5 1 1\n2 0.25 0.5 0.5 0.25\n")),
            ("coco8/labels/val/3.txt", .init(text: "1 0.1 0.1 0.3 0.1 0.3 0.4 0.1 0.4\n\n")),
        ]
    }

    @Test func theLayoutOfUltralytics() throws {
        let train = try zip.developed(coco8)
        #expect(train.names == ["coco8/images/train/1.png", "coco8/images/train/2.png"])
        #expect(train.classes == ["person", "bicycle", "car"] && train.labels == nil)
        let boxes = try #require(train.boxes)
        // In pixels of the picture, which has 6 x 4. A picture without a file has no objects.
        #expect(
            boxes == [
                [
                    LabelBox(kind: 0, left: 0, top: 0, right: 6, bottom: 4),
                    LabelBox(kind: 2, left: 0, top: 1.5, right: 3, bottom: 2.5),
                ], [],
            ])
        let val = try zip.archive(coco8, purpose: .evaluation)
        #expect(val.split == "val")
        // An outline counts by the box around it.
        guard case .boxes(let outline, true) = val.entries[0].label else { throw PictureFile.Fault(reason: "no boxes") }
        #expect(outline == [LabelBox(kind: 1, left: 0.1, top: 0.1, right: 0.3, bottom: 0.4)])
        let summary = try zip.summary(coco8)
        #expect(summary.pictures?.labels == .yolo && summary.pictures?.boxes == 2 && !summary.labelled)
    }

    /// As coco128 has it: train and val are the same pictures.
    @Test func aFolderMayBeTwoParts() throws {
        let yaml = "train: images/train2017\nval: images/train2017\nnames: [a, b]\n"
        let files =
            pictures(["images/train2017/1.png", "images/train2017/2.png"])
            + [("coco128.yaml", .init(text: yaml)), ("labels/train2017/1.txt", .init(text: "1 .5 .5 .1 .1"))]
        #expect(try zip.archive(files, PictureRecipe(split: "val")).entries.count == 2)
        #expect(try zip.archive(files, purpose: .evaluation).entries.count == 2)
        #expect(try zip.developed(files).classes == ["a", "b"])
    }

    @Test func boxesThatCannotBeAreRefusedByFileAndLine() {
        func files(_ line: String) -> [(String, [UInt8])] {
            coco8.filter { $0.0 != "coco8/labels/train/1.txt" } + [("coco8/labels/train/1.txt", .init(text: line))]
        }
        let file = "coco8/labels/train/1.txt"
        zip.expectRefusal(
            files("0 .5 .5 1 1\n3 .5 .5 1 1"), file: file, "line 2: class 3 is out of range; the data set has 3")
        zip.expectRefusal(files("-1 .5 .5 1 1"), file: file, "class -1 is out of range")
        zip.expectRefusal(files("0.5 .5 .5 1 1"), file: file, "class 0.5")
        zip.expectRefusal(files("0 1.5 .5 1 1"), file: file, "shares of the picture")
        zip.expectRefusal(files("0 nan .5 1 1"), file: file, "shares of the picture")
        zip.expectRefusal(files("0 .5 .5 1"), file: file, "not 'class x y width height'")
        zip.expectRefusal(files("cat .5 .5 1 1"), file: file, "not 'class x y width height'")
        zip.expectRefusal(files("\u{0}\u{1}"), file: file, "line 1")
        let latin = coco8.filter { $0.0 != file } + [(file, [0xe9, 0x20, 0xff])]
        zip.expectRefusal(latin, file: file, "no text in UTF-8")
    }

    @Test func classNamesMayBeMissing() throws {
        let labels: [(String, [UInt8])] = [("labels/1.txt", .init(text: "4 .5 .5 .2 .2"))]
        let pictures = pictures(["images/1.png"])
        let counted = pictures + labels + [("data.yaml", .init(text: "train: images\nval: images\nnc: 4\n"))]
        zip.expectRefusal(counted, file: "labels/1.txt", "4 classes, 0 to 3")
        let bare = pictures + labels + [("data.yaml", .init(text: "train: images\nval: images\n"))]
        let summary = try zip.summary(bare)
        #expect(summary.findings.contains { $0.code == "class-names-missing" && $0.pointer == "data.yaml" })
        #expect(summary.pictures?.boxes == 1)
        zip.expectRefusal(pictures + [("data.yaml", .init(text: "names: [a, b\n"))], file: "data.yaml", "no YAML")
        zip.expectRefusal(
            pictures + [("data.yaml", .init(text: "names: {x: a}\n"))], file: "data.yaml", "something else than class")
        // Depth is the reader's business too.
        zip.expectRefusal(
            pictures + [("data.yaml", .init(text: "names: " + String(repeating: "[", count: 100_000)))],
            file: "data.yaml",
            "no YAML")
    }

    /// Each of these would be hashed for minutes.
    @Test func yamlThatGrowsWhenItIsReadIsRefused() throws {
        let nested = (1...30).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1), *a\($0 - 1)]\n" }.joined()
        let bomb = "a0: &a0 [x, x, x]\n" + nested + "? *a30 : x\nnames: [a]\n"
        let keys = String(repeating: "? ", count: 900) + "[" + String(repeating: "a,", count: 300_000) + "]\n"
        let inFlow = "names: " + String(repeating: "{?", count: 900) + "a" + String(repeating: "}", count: 900)
        let inKey = String(repeating: "{", count: 100) + "a" + String(repeating: ": x} ", count: 99) + ": x}"
        for text in [
            bomb, keys, inFlow, "- " + inKey, "names: [a]: b, {c} : d\n" + String(repeating: "[e] : f\n", count: 7),
        ] {
            zip.expectRefusal(
                pictures(["images/1.png"]) + [("data.yaml", .init(text: text))], file: "data.yaml", "aliases ('*name')")
        }
        let many =
            pictures(["images/1.png"]) + [
                ("data.yaml", .init(text: "names: [" + String(repeating: "x,", count: 200_000) + "]")),
                ("labels/1.txt", .init(text: "2 .5 .5 .2 .2")),
            ]
        zip.expectRefusal(many, file: nil, "200000 classes")
        let large = "x: [a]\n#" + String(repeating: " ", count: 600_000)
        zip.expectRefusal(
            pictures(["images/1.png"]) + [("a.yaml", .init(text: large)), ("b.yml", .init(text: large))],
            file: "b.yml", "more than 1048576 bytes")
    }

    @Test func fewAliasesDoNoHarm() throws {
        let yaml = "# *All* of it? Yes.\npath: &root images\ntrain: *root\nval: *root\nnames: ['?', '*b', \"c\"]\n"
        let files =
            pictures(["images/1.png"]) + [
                ("data.yaml", .init(text: yaml)), ("labels/1.txt", .init(text: "2 .5 .5 .2 .2")),
            ]
        #expect(try zip.developed(files).classes == ["?", "*b", "c"])
        #expect(try zip.archive(files).split == "train")
    }

    private func coco(_ edit: (inout [String: Any]) -> Void = { _ in }) throws -> [(String, [UInt8])] {
        var file: [String: Any] = [
            "images": [
                ["id": 7, "file_name": "a.png"], ["id": 9, "file_name": "b.png"], ["id": 11, "file_name": "no.png"],
            ],
            "annotations": [
                ["image_id": 7, "category_id": 90, "bbox": [1, 1, 2, 3], "iscrowd": 1, "area": 6],
                ["image_id": 7, "category_id": 3, "bbox": [0.5, 0, 2, 1]],
                ["image_id": 11, "category_id": 3, "bbox": [0, 0, 9999, 1]],
            ],
            "categories": [["id": 90, "name": "toothbrush"], ["id": 3, "name": "car"]],
        ]
        edit(&file)
        let json = try JSONSerialization.data(withJSONObject: file)
        return pictures(["val2017/a.png", "val2017/b.png"]) + [
            ("annotations/captions_val2017.json", .init(text: #"{"images":[],"annotations":[{"caption":"a"}]}"#)),
            ("annotations/instances_val2017.json", [UInt8](json)), ("annotations/other.json", .init(text: "[1, 2")),
        ]
    }

    @Test func theJSONOfCOCO() throws {
        let developed = try zip.developed(try coco())
        #expect(developed.classes == ["car", "toothbrush"])
        #expect(
            developed.boxes == [
                [
                    LabelBox(kind: 1, left: 1, top: 1, right: 3, bottom: 4, crowd: true),
                    LabelBox(kind: 0, left: 0.5, top: 0, right: 2.5, bottom: 1),
                ], [],
            ])
        #expect(try zip.summary(try coco()).pictures?.labels == .coco)
    }

    @Test func aBrokenJSONOfCOCOIsNotPassedOver() throws {
        let file = "annotations/instances_val2017.json"
        let box: [String: Any] = ["image_id": 7, "category_id": 3]
        func annotations(_ more: [String: Any]) throws -> [(String, [UInt8])] {
            try coco { $0["annotations"] = [box.merging(more) { $1 }] }
        }
        let captions = try coco().filter { !$0.0.hasSuffix("instances_val2017.json") }
        zip.expectRefusal(captions, file: "annotations/captions_val2017.json", "lacks '")
        zip.expectRefusal(
            try annotations([:]).filter { !$0.0.contains("captions") }, file: file, "lacks 'bbox' at annotations")
        zip.expectRefusal(try annotations(["bbox": [1, 2, 3]]), file: file, "not [x, y, width, height]")
        zip.expectRefusal(try annotations(["bbox": [1, 2, -3, 1]]), file: file, "not [x, y, width, height]")
        zip.expectRefusal(
            try annotations(["bbox": [1, 1, 1, 1], "category_id": 4]), file: file, "category 4, which it lacks")
        zip.expectRefusal(
            try annotations(["bbox": [7, 1, 1, 1]]), file: "val2017/a.png",
            "outside the picture, from 7.0, 1.0 to 8.0, 2.0 in 6 x 4")
        let summary = try zip.summary(try annotations(["bbox": [5, 1, 4, 1]]))
        #expect(summary.findings.contains { $0.code == "odd-boxes" && $0.pointer == "val2017/a.png" })
    }

    @Test func withoutLabelsThereAreNone() throws {
        let developed = try zip.developed(
            pictures(["images/train2017/a.png", "images/val2017/b.png"]), .init(split: "all"))
        #expect(developed.labels == nil && developed.boxes == nil)
        #expect(
            try zip.summary(pictures(["a.png", "b.png"])).pictures?.labels == SampleSetSummary.Pictures.Labels.none)
    }
}
