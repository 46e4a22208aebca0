import Domain
import Foundation

/// A text file for each picture, `class x y width height` in shares of the picture or `class x1 y1 x2 y2 …` for an outline
/// (Ultralytics, "Dataset format"). A picture without a file has no objects.
struct YOLOLabels: Sendable {
    let classes: [String]
    /// How many classes there are; nil when nobody says.
    private let count: Int?
    private let texts: LabelFiles
    private let files: [String: ZipDirectory.Member]

    /// Nil when no picture has a file of labels. `count` is asked when no class has a name.
    init?(_ pictures: [ZipDirectory.Member], _ texts: LabelFiles, classes: [String], count: Int?) {
        var files: [String: ZipDirectory.Member] = [:]
        for picture in pictures {
            if let file = Self.candidates(picture).lazy.compactMap(texts.named).first { files[picture.name] = file }
        }
        guard !files.isEmpty else { return nil }
        (self.classes, self.texts, self.files) = (classes, texts, files)
        self.count = classes.isEmpty ? count : classes.count
    }

    /// `images` becomes `labels` in the path, the last one that does; or the file lies beside the picture.
    private static func candidates(_ picture: ZipDirectory.Member) -> [String] {
        var folders = picture.folders.map(String.init)
        let beside = (folders + [picture.stem + ".txt"]).joined(separator: "/")
        guard let images = folders.lastIndex(of: "images") else { return [beside] }
        folders[images] = "labels"
        return [(folders + [picture.stem + ".txt"]).joined(separator: "/"), beside]
    }

    func label(of picture: ZipDirectory.Member) throws -> PictureLabel {
        guard let file = files[picture.name] else { return .boxes([], shares: true) }
        var boxes: [LabelBox] = []
        for (number, line) in try texts.lines(file, limit: texts.limits.smallLabelBytes).enumerated() {
            let fields = line.split(whereSeparator: \.isWhitespace)
            if fields.isEmpty { continue }
            let values = fields.compactMap { Double($0) }
            func fault(_ what: String) -> Failure { .picture(file.name, "has a bad line \(number + 1): \(what)") }
            guard values.count == fields.count, values.count == 5 || (values.count >= 7 && values.count % 2 == 1) else {
                throw fault("'\(line.prefix(60))' is not 'class x y width height'")
            }
            guard let kind = Int(exactly: values[0]), (0..<(count ?? 1_000_000)).contains(kind) else {
                throw fault(
                    "class \(fields[0]) is out of range; the data set has "
                        + (count.map { "\($0) classes, 0 to \($0 - 1)" } ?? "indices from 0"))
            }
            guard values.dropFirst().allSatisfy({ (-0.01...1.01).contains($0) }) else {
                throw fault("coordinates must be shares of the picture, from 0 to 1")
            }
            boxes.append(Self.box(kind, Array(values.dropFirst())))
        }
        return .boxes(boxes, shares: true)
    }

    private static func box(_ kind: Int, _ values: [Double]) -> LabelBox {
        if values.count == 4 {
            let (x, y, width, height) = (values[0], values[1], values[2], values[3])
            return LabelBox(
                kind: kind, left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2)
        }
        let xs = stride(from: 0, to: values.count, by: 2).map { values[$0] }
        let ys = stride(from: 1, to: values.count, by: 2).map { values[$0] }
        return LabelBox(
            kind: kind, left: xs.min() ?? 0, top: ys.min() ?? 0, right: xs.max() ?? 0, bottom: ys.max() ?? 0)
    }
}

/// Boxes in one JSON file of COCO's form. Classes are counted in the order of their category ids.
struct COCOLabels {
    var classes: [String]
    var byName: [String: PictureLabel]

    private struct File: Decodable {
        struct Image: Decodable {
            var id: Int
            var fileName: String
            enum CodingKeys: String, CodingKey {
                case id
                case fileName = "file_name"
            }
        }
        struct Annotation: Decodable {
            var imageId: Int
            var categoryId: Int
            var bbox: [Double]
            var iscrowd: Int?
            enum CodingKeys: String, CodingKey {
                case bbox, iscrowd
                case imageId = "image_id"
                case categoryId = "category_id"
            }
        }
        struct Category: Decodable {
            var id: Int
            var name: String?
        }
        var images: [Image]
        var annotations: [Annotation]
        var categories: [Category]
    }

    /// What tells COCO's form from any other JSON.
    private struct Outline: Decodable {
        struct Anything: Decodable { init(from decoder: any Decoder) throws {} }
        var images: Anything
        var annotations: Anything
    }

    /// Nil when no JSON file has COCO's form and names a picture of the set. Throws when there are files of that form and
    /// none can be read.
    init?(_ texts: LabelFiles, _ pictures: [ZipDirectory.Member]) throws {
        let byLast = Dictionary(grouping: pictures) { String($0.name.split(separator: "/").last ?? "") }
        let decoder = JSONDecoder()
        var unreadable: Failure?
        for member in texts.members where member.lowercase.hasSuffix(".json") {
            let data = Data(try texts.bytes(member))
            guard (try? decoder.decode(Outline.self, from: data)) != nil else { continue }
            let file: File
            do {
                file = try decoder.decode(File.self, from: data)
            } catch let error as DecodingError {
                // Captions and the like lie beside the boxes in COCO's own archives.
                unreadable = unreadable ?? .picture(member.name, "has COCO's form, but \(error.words)")
                continue
            }
            var pictureOf: [Int: ZipDirectory.Member] = [:]
            for image in file.images {
                let last = String(image.fileName.split(separator: "/").last ?? "")
                let candidates = byLast[last] ?? []
                pictureOf[image.id] =
                    candidates.count == 1 ? candidates[0] : candidates.first { $0.name.hasSuffix(image.fileName) }
            }
            if pictureOf.isEmpty { continue }
            try self.init(file, pictureOf, member)
            return
        }
        if let unreadable { throw unreadable }
        return nil
    }

    private init(_ file: File, _ pictureOf: [Int: ZipDirectory.Member], _ member: ZipDirectory.Member) throws {
        let categories = file.categories.sorted { $0.id < $1.id }
        let index = Dictionary(categories.enumerated().map { ($1.id, $0) }) { first, _ in first }
        classes = categories.map { $0.name ?? "" }
        var boxes: [Int: [LabelBox]] = [:]
        for annotation in file.annotations where pictureOf[annotation.imageId] != nil {
            guard let kind = index[annotation.categoryId] else {
                throw Failure.picture(
                    member.name, "has an annotation of category \(annotation.categoryId), which it lacks")
            }
            let box = annotation.bbox
            guard box.count == 4, box.allSatisfy({ $0.isFinite && abs($0) < 1e6 }), box[2] >= 0, box[3] >= 0 else {
                throw Failure.picture(
                    member.name,
                    "has an annotation of picture \(annotation.imageId) whose bbox is not [x, y, width, height]")
            }
            boxes[annotation.imageId, default: []].append(
                LabelBox(
                    kind: kind, left: box[0], top: box[1], right: box[0] + box[2], bottom: box[1] + box[3],
                    crowd: annotation.iscrowd == 1))
        }
        byName = [:]
        for (id, picture) in pictureOf { byName[picture.name] = .boxes(boxes[id] ?? [], shares: false) }
    }
}

extension DecodingError {
    /// What is wrong and where, as the end of a sentence.
    fileprivate var words: String {
        let (what, path): (String, [any CodingKey]) =
            switch self {
            case .keyNotFound(let key, let context): ("lacks '\(key.stringValue)'", context.codingPath)
            case .typeMismatch(_, let context), .valueNotFound(_, let context):
                ("has a value of a wrong kind", context.codingPath)
            case .dataCorrupted(let context): ("is damaged", context.codingPath)
            @unknown default: ("cannot be read", [])
            }
        let place = path.map { $0.intValue.map { "\($0)" } ?? $0.stringValue }.joined(separator: "/")
        return place.isEmpty ? what : "\(what) at \(place)"
    }
}
