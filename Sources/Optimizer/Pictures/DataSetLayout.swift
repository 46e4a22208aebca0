import Domain
import Yams

/// How a data set in Ultralytics' form is laid out: `data.yaml` with the names of the classes and the folders of its parts.
struct DataSetLayout: Sendable {
    /// Names of the classes by index; empty without a yaml.
    private(set) var names: [String] = []
    /// Folder prefixes of each part that the yaml names.
    private var folders: [String: [String]] = [:]

    init(_ texts: LabelFiles) throws {
        for member in texts.members where member.lowercase.hasSuffix(".yaml") || member.lowercase.hasSuffix(".yml") {
            guard let node = try? Yams.compose(yaml: texts.text(member)), let mapping = node.mapping,
                let names = mapping["names"]
            else { continue }
            self.names = try Self.names(names, member)
            for part in ["train", "val", "test"] {
                let paths = mapping[part]?.string.map { [$0] } ?? mapping[part]?.sequence?.compactMap(\.string) ?? []
                folders[part] = paths.map(Self.tail)
            }
            return
        }
    }

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
            if let part = part(of: picture) { parts[part, default: []].append(picture) }
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

    private func part(of picture: ZipDirectory.Member) -> String? {
        let folder = picture.folders.joined(separator: "/")
        for part in ["train", "val", "test"] {
            for prefix in folders[part] ?? [] where !prefix.isEmpty {
                if ("/" + folder + "/").contains("/" + prefix + "/") { return part }
            }
        }
        for name in picture.folders {
            let name = name.lowercased()
            if name.hasPrefix("train") { return "train" }
            if name == "val" || name.hasPrefix("val2") || name == "valid" || name == "validation" { return "val" }
            if name == "test" || name.hasPrefix("test2") { return "test" }
        }
        return nil
    }

    static func isPart(_ folder: Substring) -> Bool {
        ["images", "train", "val", "valid", "validation", "test"].contains(folder.lowercased())
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

    func named(_ name: String) -> ZipDirectory.Member? { byName[name] }

    /// The one with this last name that lies least deep.
    func called(_ names: [String]) -> ZipDirectory.Member? {
        members.filter { member in names.contains { member.lowercase == $0 || member.lowercase.hasSuffix("/" + $0) } }
            .min { ($0.folders.count, $0.name) < ($1.folders.count, $1.name) }
    }

    func bytes(_ member: ZipDirectory.Member) throws -> [UInt8] {
        guard member.size <= limits.labelBytes else {
            throw Failure.picture(member.name, "takes \(member.size) bytes; labels are read up to \(limits.labelBytes)")
        }
        var bytes: [UInt8] = []
        try ZipData(file: file, member: member).readAll { bytes.append(contentsOf: $0) }
        return bytes
    }

    func text(_ member: ZipDirectory.Member) throws -> String {
        guard let text = String(validating: try bytes(member), as: UTF8.self) else {
            throw Failure.picture(member.name, "is no text in UTF-8")
        }
        return text.hasPrefix("\u{feff}") ? String(text.dropFirst()) : text
    }

    func lines(_ member: ZipDirectory.Member) throws -> [Substring] {
        try text(member).split(omittingEmptySubsequences: false) { $0.isNewline }
    }
}
