import Domain
import Yams

/// How a data set in Ultralytics' form is laid out: `data.yaml` with the names of the classes and the folders of its parts.
struct DataSetLayout: Sendable {
    /// Names of the classes by index; empty without a yaml.
    private(set) var names: [String] = []
    /// How many classes the yaml says there are; nil when it does not.
    private(set) var count: Int?
    /// The yaml.
    private var file: ZipDirectory.Member?
    /// Folder prefixes of each part that the yaml names.
    private var folders: [String: [String]] = [:]

    init(_ texts: LabelFiles) throws {
        var left = texts.limits.yamlBytes
        for member in texts.members where member.lowercase.hasSuffix(".yaml") || member.lowercase.hasSuffix(".yml") {
            guard let mapping = try Self.mapping(texts, member, &left),
                let names = mapping["names"] ?? mapping["train"] ?? mapping["val"]
            else { continue }
            file = member
            count = mapping["nc"]?.int.flatMap { (1...100_000).contains($0) ? $0 : nil }
            if mapping["names"] != nil { self.names = try Self.names(names, member) }
            for part in ["train", "val", "test"] {
                let paths = mapping[part]?.string.map { [$0] } ?? mapping[part]?.sequence?.compactMap(\.string) ?? []
                folders[part] = paths.map(Self.tail)
            }
            return
        }
    }

    /// Nil for a document that is no mapping. `left` is how many bytes of YAML may still be read.
    private static func mapping(
        _ texts: LabelFiles, _ member: ZipDirectory.Member, _ left: inout Int
    ) throws -> Node.Mapping? {
        let text = try texts.text(member, limit: texts.limits.yamlBytes)
        left -= text.utf8.count
        guard left >= 0 else {
            throw Failure.picture(
                member.name, "and the YAML before it in the zip take more than \(texts.limits.yamlBytes) bytes")
        }
        guard text.mostYAMLReferences <= mostReferences else {
            throw Failure.picture(
                member.name,
                "holds more than \(mostReferences) aliases ('*name'), explicit keys ('? key') and keys in brackets. Write it "
                    + "without them, or leave it out of the zip")
        }
        do {
            // Nothing asks for a scalar's type by its form, so no rules need be tried on each.
            return try Yams.compose(yaml: text, .basic)?.mapping
        } catch {
            throw Failure.picture(member.name, "is no YAML that can be read. Repair it, or leave it out of the zip")
        }
    }

    /// Keys of mappings are hashed with everything below them. Nested aliases make that exponential, nested keys that
    /// are lists or mappings themselves quadratic; so few do no harm.
    private static let mostReferences = 8

    private static func names(_ node: Node, _ member: ZipDirectory.Member) throws -> [String] {
        if let list = node.sequence { return list.map { $0.string ?? "" } }
        var names: [Int: String] = [:]
        for (key, value) in node.mapping ?? [:] {
            guard let index = key.int, (0..<100_000).contains(index) else {
                throw Failure.picture(member.name, "gives names for something else than class indices")
            }
            names[index] = value.string ?? ""
        }
        guard let last = names.keys.max() else { return [] }
        return (0...last).map { names[$0] ?? "" }
    }

    /// `../coco8/images/val` and `./images/val` both mean the folder that ends so.
    private static func tail(_ path: String) -> String {
        path.split(separator: "/").filter { $0 != "." && $0 != ".." }.joined(separator: "/")
    }

    /// The pictures of one part: the wanted one; else the one that suits the purpose, where there are several.
    func choose(
        from pictures: [ZipDirectory.Member], wanted: String?, purpose: StagedSamples.Purpose
    ) throws -> (pictures: [ZipDirectory.Member], split: String?) {
        if wanted == "all" { return (pictures, "all") }
        var parts: [String: [ZipDirectory.Member]] = [:]
        for picture in pictures {
            for part in self.parts(of: picture) { parts[part, default: []].append(picture) }
        }
        if let wanted {
            guard let chosen = parts[wanted] else {
                throw Failure.samples(
                    "The archive has no pictures of split '\(wanted)'; it has "
                        + (parts.isEmpty ? "none" : parts.keys.sorted().joined(separator: ", ")) + ".")
            }
            return (chosen, wanted)
        }
        let preferred = purpose == .evaluation ? ["val", "test", "train"] : ["train", "val", "test"]
        guard parts.count > 1, let part = preferred.first(where: { parts[$0] != nil }), let chosen = parts[part] else {
            return (pictures, nil)
        }
        return (chosen, part)
    }

    /// Those that the yaml puts it in, which may be several; else the one that a folder is called after.
    private func parts(of picture: ZipDirectory.Member) -> [String] {
        let folder = "/" + picture.folders.joined(separator: "/") + "/"
        let listed = ["train", "val", "test"].filter { part in
            (folders[part] ?? []).contains { !$0.isEmpty && folder.contains("/" + $0 + "/") }
        }
        if !listed.isEmpty { return listed }
        return picture.folders.lazy.compactMap(Self.part).first.map { [$0] } ?? []
    }

    private static func part(_ folder: Substring) -> String? {
        let name = folder.lowercased()
        if name == "train" || name.hasPrefix("train2") { return "train" }
        if name == "val" || name.hasPrefix("val2") || name == "valid" || name == "validation" { return "val" }
        if name == "test" || name.hasPrefix("test2") { return "test" }
        return nil
    }

    /// Whether a folder is called after a part of a data set, and so after no class.
    static func isPart(_ folder: Substring) -> Bool { folder.lowercased() == "images" || part(folder) != nil }

    /// What is odd about a data set's classes.
    func findings(_ labels: PictureLabels) -> [Finding] {
        guard let file, labels.form == .yolo, labels.classes.isEmpty || labels.classes.contains("") else { return [] }
        return [
            Finding(
                .warning, code: "class-names-missing",
                detail: "'\(file.name)' "
                    + (labels.classes.isEmpty ? "names no class" : "leaves classes without a name")
                    + "; the labels' indices are taken as they are.",
                pointer: file.name)
        ]
    }
}

extension String {
    /// How many YAML aliases, explicit keys and keys in brackets the text can hold: `*` before a name and `?`, wherever a
    /// node may begin, and `:` after a bracket that closes. Those in comments and quotes count too.
    fileprivate var mostYAMLReferences: Int {
        let bytes = Array(utf8)
        return bytes.indices.count { index in
            switch bytes[index] {
            case UInt8(ascii: "?"): bytes.mayBeginNode(index)
            case UInt8(ascii: "*"):
                bytes.mayBeginNode(index) && index + 1 < bytes.count && bytes[index + 1].isInAnchor
            case UInt8(ascii: ":"):
                bytes[..<index].last { $0 != 0x20 && $0 != 0x09 }.map { "]}".utf8.contains($0) } ?? false
            default: false
            }
        }
    }
}

extension [UInt8] {
    /// After a blank or an indicator. Beyond ASCII there are blanks too.
    fileprivate func mayBeginNode(_ index: Int) -> Bool {
        guard index > 0 else { return true }
        let before = self[index - 1]
        return before <= 0x20 || before >= 0x80 || "[{,:?".utf8.contains(before)
    }
}

extension UInt8 {
    /// A letter, a digit, `_` or `-`.
    fileprivate var isInAnchor: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}

/// The files of a zip that are no pictures.
struct LabelFiles: Sendable {
    let file: SampleFile
    let limits: SampleLimits
    let members: [ZipDirectory.Member]
    private let byName: [String: ZipDirectory.Member]

    init(file: SampleFile, members: [ZipDirectory.Member], limits: SampleLimits) {
        self.file = file
        self.limits = limits
        self.members = members.filter { !$0.isPicture && !$0.isForeignPicture }.sorted { $0.name < $1.name }
        byName = Dictionary(self.members.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Says so when files that look like labels gave none.
    func findings(_ labels: PictureLabels) -> [Finding] {
        guard labels.form == .none, let file = members.first(where: Self.looksLikeLabels) else { return [] }
        return [
            Finding(
                .warning, code: "labels-unused",
                detail: "The set has no labels, although it holds '\(file.name)': that has none of the usual forms, is "
                    + "damaged, or names no picture of the set. Repair it if the pictures are to count as labelled.",
                pointer: file.name)
        ]
    }

    private static func looksLikeLabels(_ member: ZipDirectory.Member) -> Bool {
        let known = [".json", ".csv", ".xml"].contains { member.lowercase.hasSuffix($0) }
        // Lists of classes and words about the set lie beside pictures without labels too.
        let beside = ["classes", "labels", "synset", "readme", "license"].contains(member.stem.lowercased())
        return known || member.lowercase.hasSuffix(".txt") && !member.folders.isEmpty && !beside
    }

    func named(_ name: String) -> ZipDirectory.Member? { byName[name] }

    /// The one with this last name that lies least deep.
    func called(_ names: [String]) -> ZipDirectory.Member? {
        members.filter { member in names.contains { member.lowercase == $0 || member.lowercase.hasSuffix("/" + $0) } }
            .min { ($0.folders.count, $0.name) < ($1.folders.count, $1.name) }
    }

    func bytes(_ member: ZipDirectory.Member, limit: Int? = nil) throws -> [UInt8] {
        let limit = limit ?? limits.labelBytes
        guard member.size <= limit else {
            throw Failure.picture(member.name, "takes \(member.size) bytes; such labels are read up to \(limit)")
        }
        var bytes: [UInt8] = []
        try ZipData(file: file, member: member).readAll { bytes.append(contentsOf: $0) }
        return bytes
    }

    func text(_ member: ZipDirectory.Member, limit: Int? = nil) throws -> String {
        guard let text = String(validating: try bytes(member, limit: limit), as: UTF8.self) else {
            throw Failure.picture(member.name, "is no text in UTF-8")
        }
        return text.hasPrefix("\u{feff}") ? String(text.dropFirst()) : text
    }

    func lines(_ member: ZipDirectory.Member, limit: Int? = nil) throws -> [Substring] {
        try text(member, limit: limit).split(omittingEmptySubsequences: false) { $0.isNewline }
    }
}
