import Domain
import Pages

/// What is known of one picture.
enum PictureLabel: Equatable, Sendable {
    case none
    /// Index of the class.
    case kind(Int)
    /// Edges as shares of the picture (YOLO) or in pixels (COCO).
    case boxes([LabelBox], shares: Bool)
}

extension PictureLabel {
    /// Throws for objects that a picture of this size cannot show.
    func check(width: Int, height: Int) throws(PictureFile.Fault) {
        guard case .boxes(let boxes, let shares) = self else { return }
        let (right, bottom) = shares ? (1, 1) : (Double(width), Double(height))
        for box in boxes where box.left > right || box.top > bottom || box.right < 0 || box.bottom < 0 {
            let (x, y) = shares ? (Double(width), Double(height)) : (1, 1)
            let edges = [box.left * x, box.top * y, box.right * x, box.bottom * y].map { Number.fixed($0, 1) }
            throw PictureFile.Fault(
                reason:
                    "has a labelled box outside the picture, from \(edges[0]), \(edges[1]) to \(edges[2]), \(edges[3]) in "
                    + "\(width) x \(height) pixels")
        }
    }

    /// Boxes that reach over the edge by more than 2 % of the picture, or have no size.
    func oddBoxes(width: Int, height: Int) -> Int {
        guard case .boxes(let boxes, let shares) = self else { return 0 }
        let (right, bottom) = shares ? (1, 1) : (Double(width), Double(height))
        let (x, y) = (right * 0.02, bottom * 0.02)
        return boxes.count {
            $0.left < -x || $0.top < -y || $0.right > right + x || $0.bottom > bottom + y || $0.left >= $0.right
                || $0.top >= $0.bottom
        }
    }
}

/// One object in a picture.
package struct LabelBox: Equatable, Sendable {
    package var kind: Int
    package var left: Double
    package var top: Double
    package var right: Double
    package var bottom: Double
    /// A region of many objects (COCO's iscrowd): detections in it count neither way.
    package var crowd = false

    package init(kind: Int, left: Double, top: Double, right: Double, bottom: Double, crowd: Bool = false) {
        self.kind = kind
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
        self.crowd = crowd
    }
}

/// The labels of a zip of pictures, in the first of the usual forms that it has: COCO's JSON, YOLO's text files,
/// `labels.csv`, one folder for each class.
struct PictureLabels: Sendable {
    let form: SampleSetSummary.Pictures.Labels
    /// By index; empty when nobody names them.
    let classes: [String]
    /// Whether indices follow from the order of the folders' names alone, and so hold only for a model with these classes.
    let ordered: Bool
    private let byName: [String: PictureLabel]
    private let yolo: YOLOLabels?

    init(_ pictures: [ZipDirectory.Member], _ texts: LabelFiles, _ layout: DataSetLayout) throws {
        let listed = try Self.listedClasses(texts)
        if let coco = try COCOLabels(texts, pictures) {
            (form, classes, byName, yolo, ordered) = (.coco, coco.classes, coco.byName, nil, false)
        } else if let labels = YOLOLabels(
            pictures, texts, classes: layout.names.isEmpty ? listed : layout.names, count: layout.count)
        {
            (form, classes, byName, yolo, ordered) = (.yolo, labels.classes, [:], labels, false)
        } else if let table = texts.called(["labels.csv"]) {
            let csv = try CSVLabels(texts, table, pictures, classes: listed)
            (form, classes, byName, yolo, ordered) = (.csv, csv.classes, csv.byName, nil, csv.ordered)
        } else if let folders = FolderLabels(pictures, classes: layout.names.isEmpty ? listed : layout.names) {
            (form, classes, byName, yolo, ordered) = (.folders, folders.classes, folders.byName, nil, folders.ordered)
        } else {
            (form, classes, byName, yolo, ordered) = (.none, layout.names, [:], nil, false)
        }
        // They stand in the set's summary, which is one line of what a worker says.
        guard classes.reduce(0, { $0 + $1.utf8.count + 3 }) <= Self.mostNameBytes else {
            throw Failure.samples(
                "The set names \(classes.count) classes, which take more than \(Self.mostNameBytes) bytes. Leave the "
                    + "names out, or shorten them.")
        }
    }

    private static let mostNameBytes = 512 << 10

    private static func listedClasses(_ texts: LabelFiles) throws -> [String] {
        guard let list = texts.called(["classes.txt", "labels.txt", "synset.txt"]) else { return [] }
        return try texts.lines(list, limit: texts.limits.smallLabelBytes).map { String($0.trimming()) }.filter {
            !$0.isEmpty
        }
    }

    /// Throws `Failure` naming the file when this picture's labels are missing or make no sense.
    func label(of picture: ZipDirectory.Member) throws -> PictureLabel {
        if let yolo { return try yolo.label(of: picture) }
        if form == .none { return .none }
        if let label = byName[picture.name] { return label }
        throw Failure.picture(picture.name, "has no label. Label every picture, or post the set with on_error=skip")
    }
}

// MARK: - One folder for each class

private struct FolderLabels {
    var classes: [String]
    var ordered: Bool
    var byName: [String: PictureLabel] = [:]

    /// Nil unless there are several folders that hold pictures.
    init?(_ pictures: [ZipDirectory.Member], classes listed: [String]) {
        let folders = pictures.map { $0.folders.last { !DataSetLayout.isPart($0) }.map(String.init) }
        let present = Set(folders.compactMap { $0 })
        guard present.count > 1, !folders.contains(nil) else { return nil }
        let index: [String: Int]
        let numbers = present.compactMap { Int($0) }
        if numbers.count == present.count, numbers.allSatisfy({ (0..<1_000_000).contains($0) }) {
            index = Dictionary(uniqueKeysWithValues: present.map { ($0, Int($0) ?? 0) })
            (classes, ordered) = (listed, false)
        } else if present.isSubset(of: listed) {
            index = Dictionary(listed.enumerated().map { ($1, $0) }) { first, _ in first }
            (classes, ordered) = (listed, false)
        } else {
            classes = present.sorted()
            ordered = true
            index = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        }
        // Numbers that are no plain spelling, such as 07 beside 7, would meet in one class.
        guard Set(present.compactMap { index[$0] }).count == present.count else { return nil }
        for (picture, folder) in zip(pictures, folders) {
            if let folder, let kind = index[folder] { byName[picture.name] = .kind(kind) }
        }
    }
}

// MARK: - labels.csv

private struct CSVLabels {
    var classes: [String]
    var ordered = false
    var byName: [String: PictureLabel] = [:]

    /// Lines of a picture's name and its class, an index or a name, with or without a heading.
    init(
        _ texts: LabelFiles, _ table: ZipDirectory.Member, _ pictures: [ZipDirectory.Member], classes listed: [String]
    ) throws {
        classes = listed
        var names: [String: String] = [:]
        for picture in pictures {
            names[picture.name] = picture.name
            let last = String(picture.name.split(separator: "/").last ?? "")
            // A last name that two pictures share names neither.
            names[last] = names[last] == nil || last == picture.name ? picture.name : ""
        }
        var found: [(picture: String, value: String)] = []
        for (number, line) in try texts.lines(table).enumerated() where !line.trimming().isEmpty {
            guard let fields = Self.fields(line) else {
                throw Failure.picture(
                    table.name, "has quotes in line \(number + 1) that enclose no field; write '\"a, b.jpg\",3'")
            }
            guard fields.count >= 2 else {
                throw Failure.picture(table.name, "has no class in line \(number + 1); write 'picture.jpg,3'")
            }
            guard let picture = names[fields[0]], !picture.isEmpty else {
                // A heading, or a picture of a part that is not read.
                if number == 0 || !names.keys.contains(fields[0]) { continue }
                throw Failure.picture(table.name, "names '\(fields[0])' in line \(number + 1), which two folders have")
            }
            found.append((picture, fields[1]))
        }
        if classes.isEmpty, found.contains(where: { Double($0.value) == nil }) {
            classes = Set(found.map(\.value)).sorted()
            ordered = true
        }
        let index = Dictionary(classes.enumerated().map { ($1, $0) }) { first, _ in first }
        for (picture, value) in found {
            let limit = classes.isEmpty ? 1_000_000 : classes.count
            // Tables that had gaps once write 3 as 3.0.
            guard let kind = index[value] ?? Double(value).flatMap(Int.init(exactly:)), (0..<limit).contains(kind)
            else {
                throw Failure.picture(
                    table.name,
                    "gives '\(picture)' the class '\(value)', which is neither a name of classes.txt nor an index from 0"
                        + (classes.isEmpty ? "" : " to \(limit - 1)"))
            }
            if let other = byName.updateValue(.kind(kind), forKey: picture), other != .kind(kind) {
                throw Failure.picture(table.name, "gives '\(picture)' two classes")
            }
        }
    }

    /// The fields of a line (RFC 4180), without white space around them. In quotes, commas are part of the field and two
    /// quotes are one. Nil when quotes are not closed or enclose a part of a field only.
    private static func fields(_ line: Substring) -> [String]? {
        var fields: [String] = []
        var rest: Substring? = line
        while let text = rest?.trimming() {
            var (value, end) = (String(text.prefix { $0 != "," }.trimming()), text.firstIndex(of: ",") ?? text.endIndex)
            if text.first == "\"" {
                guard let quoted = quoted(text) else { return nil }
                (value, end) = (quoted.value, quoted.end)
                guard end == text.endIndex || text[end] == "," else { return nil }
            }
            fields.append(value)
            rest = end == text.endIndex ? nil : text[text.index(after: end)...]
        }
        return fields
    }

    /// The field in quotes that `text` begins with, and where the text goes on after it and white space.
    private static func quoted(_ text: Substring) -> (value: String, end: Substring.Index)? {
        var value = ""
        var rest = text.dropFirst()
        while let quote = rest.firstIndex(of: "\"") {
            value += rest[..<quote]
            rest = rest[rest.index(after: quote)...]
            guard rest.first == "\"" else { return (value, rest.firstIndex { !$0.isWhitespace } ?? rest.endIndex) }
            value += "\""
            rest = rest.dropFirst()
        }
        return nil
    }
}

extension StringProtocol {
    /// Without white space at the ends.
    func trimming() -> SubSequence {
        var rest = self[...]
        while let first = rest.first, first.isWhitespace { rest = rest.dropFirst() }
        while let last = rest.last, last.isWhitespace { rest = rest.dropLast() }
        return rest
    }
}
