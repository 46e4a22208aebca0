package import Domain

/// A zip of pictures: which of its files are samples, and what its labels say of each.
package struct PictureArchive: Sendable {
    struct Entry: Sendable {
        var member: ZipDirectory.Member
        var label: PictureLabel
    }
    let file: SampleFile
    let limits: SampleLimits
    let entries: [Entry]
    let labels: PictureLabels
    /// The part of the data set that was chosen; nil when there is only one.
    let split: String?
    /// Files left out before any is decoded.
    let skipped: [SampleSetSummary.Pictures.Skipped]
    /// What is odd about the labels as a whole.
    let findings: [Finding]

    /// Nil when the file at `path` is no zip or holds arrays. `purpose` chooses between the parts of a data set.
    ///
    /// Throws `Failure(.invalidCalibrationSet)` naming the file inside the zip.
    package init?(
        path: String, recipe: PictureRecipe, purpose: StagedSamples.Purpose, limits: SampleLimits = .default
    ) throws {
        let file = try SampleFile(path: path)
        guard try file.bytes(at: 0, count: 4).starts(with: [0x50, 0x4b]) else { return nil }
        let members = try ZipDirectory(file, limits: limits).members.filter { !$0.isLitter }
        if members.isEmpty || members.contains(where: \.isArray) { return nil }
        try Self.refuseNested(members)
        var skipped: [SampleSetSummary.Pictures.Skipped] = []
        let foreign = members.filter(\.isForeignPicture)
        if let first = foreign.first, recipe.onError == .fail {
            throw Failure.picture(first.name, "is neither JPEG nor PNG. Convert it, or post the set with on_error=skip")
        }
        skipped += foreign.map { .init(file: $0.name, reason: "is neither JPEG nor PNG") }
        let all = members.filter(\.isPicture).sorted { $0.name < $1.name }
        guard !all.isEmpty else {
            throw Failure.samples(
                "The archive holds neither arrays (.npy) nor pictures (.jpg, .png). Zip the folder of pictures, or save "
                    + "arrays with numpy.savez.")
        }
        let texts = LabelFiles(file: file, members: members, limits: limits)
        let layout = try DataSetLayout(texts)
        let (pictures, split) = try layout.choose(from: all, wanted: recipe.split, purpose: purpose)
        guard pictures.count <= limits.pictures else {
            throw Failure.samples(
                "The archive holds \(pictures.count) pictures; at most \(limits.pictures) are read. 100 to 1000 are plenty "
                    + "for calibration.")
        }
        let labels = try PictureLabels(pictures, texts, layout)
        findings = layout.findings(labels) + texts.findings(labels)
        var entries: [Entry] = []
        for picture in pictures {
            do {
                entries.append(Entry(member: picture, label: try labels.label(of: picture)))
            } catch let failure as Failure where recipe.onError == .skip {
                // The sentence without its full stop and its subject, where it is about the picture itself.
                let subject = "File '\(picture.name)' "
                let words =
                    failure.detail.hasPrefix(subject) ? failure.detail.dropFirst(subject.count) : failure.detail[...]
                skipped.append(
                    .init(file: picture.name, reason: String(words.hasSuffix(".") ? words.dropLast() : words)))
            }
        }
        guard !entries.isEmpty else {
            throw Failure.samples(
                "None of the \(pictures.count) pictures can be used: the first one, '\(pictures[0].name)', "
                    + "\(skipped.last { $0.file == pictures[0].name }?.reason ?? "was left out").")
        }
        (self.file, self.limits, self.entries, self.labels, self.split) = (file, limits, entries, labels, split)
        self.skipped = skipped
    }

    private static func refuseNested(_ members: [ZipDirectory.Member]) throws {
        let archives = [".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".npz"]
        if let nested = members.first(where: { member in archives.contains { member.lowercase.hasSuffix($0) } }) {
            throw Failure.picture(
                nested.name, "is an archive inside the archive. Put its pictures into the zip themselves")
        }
    }

    /// The bytes of one picture's file. Throws `PictureFile.Fault` for damaged or huge members.
    func bytes(of entry: Entry) throws -> [UInt8] {
        let member = entry.member
        guard member.size <= limits.pictureBytes else {
            throw PictureFile.Fault(reason: "takes \(member.size) bytes; at most \(limits.pictureBytes) are read")
        }
        let (allowed, wide) = member.compressedSize.multipliedReportingOverflow(by: limits.pictureRatio)
        guard member.size <= limits.pictureRatioFreeBytes || wide || member.size <= allowed else {
            throw PictureFile.Fault(
                reason: "unpacks to \(member.size) bytes from \(member.compressedSize), more than pictures do")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(member.size, 1 << 20))
        do {
            try ZipData(file: file, member: member).readAll { bytes.append(contentsOf: $0) }
        } catch let failure as Failure where failure.type == .invalidCalibrationSet {
            throw PictureFile.Fault(reason: "is damaged in the archive: its bytes do not match its checksum")
        }
        return bytes
    }
}

extension Failure {
    /// A file inside a zip of pictures that cannot be used; `what` continues a sentence that begins with the file.
    static func picture(_ name: String, _ what: String) -> Failure {
        .samples("File '\(name)' \(what).", array: name)
    }

    /// A picture labelled with a class that the model does not have.
    static func unknownClass(_ label: Int, of picture: String, output: String, classes: Int) -> Failure {
        .picture(
            picture,
            "is labelled with class \(label), but the model's output '\(output)' has \(classes) classes, 0 to "
                + "\(classes - 1). Give the labels the model was trained with")
    }
}

extension ZipDirectory.Member {
    var lowercase: String { name.lowercased() }

    /// What macOS and Windows put into archives unasked.
    var isLitter: Bool {
        let last = name.split(separator: "/").last ?? ""
        return name.hasPrefix("__MACOSX/") || last.hasPrefix(".") || last == "Thumbs.db"
    }

    var isPicture: Bool { [".jpg", ".jpeg", ".png"].contains { lowercase.hasSuffix($0) } }

    var isForeignPicture: Bool {
        [".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic", ".avif", ".jp2"].contains { lowercase.hasSuffix($0) }
    }

    /// Folders from the outside in.
    var folders: [Substring] { name.split(separator: "/").dropLast() }

    /// The name without folders and extension.
    var stem: String {
        let last = name.split(separator: "/").last ?? ""
        return String(last.lastIndex(of: ".").map { last[..<$0] } ?? last)
    }
}
