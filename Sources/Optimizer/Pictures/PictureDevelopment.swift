import CKernels
import Dispatch
package import Domain
import Synchronization

/// Pictures resized for a model, as one array in a nameless file, with what the labels say of each.
package struct DevelopedPictures: Sendable {
    let array: SampleArray
    /// Where each picture lies in its sample.
    package let frames: [PictureFrame]
    /// Class indices; nil unless every picture has one.
    package let labels: [Int]?
    /// Objects in pixels of each picture as shown; nil without boxes.
    package let boxes: [[LabelBox]]?
    package let classes: [String]
    /// Whether class indices follow from the order of the folders' names alone.
    package let ordered: Bool
    package let names: [String]
}

extension PictureArchive {
    /// Decodes every picture, on as many threads as there are, and hands each to `take` with its place among the entries.
    /// Memory is that of one picture for each thread. Returns what was left out; throws for the first bad file unless the
    /// recipe says to skip those.
    private func decodeAll(
        _ onError: PictureRecipe.OnError, threads: Int,
        _ makeTake: @Sendable () -> (Int, PictureFile, inout PictureCanvas) throws -> Void
    ) throws -> [Int: String] {
        let next = Atomic(0)
        let outcome = Mutex<(faults: [Int: String], error: (any Error)?)>(([:], nil))
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, entries.count))) { _ in
            let take = makeTake()
            var canvas = PictureCanvas()
            while true {
                // Places are given out in order: when one fails, all before it are done or under way.
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < entries.count,
                    outcome.withLock({ $0.error == nil && (onError == .skip || $0.faults.isEmpty) })
                else { return }
                do {
                    let bytes = try self.bytes(of: entries[index])
                    try bytes.withUnsafeBytes { bytes in
                        let picture = try PictureFile(bytes, limits: limits)
                        try entries[index].label.check(width: picture.width, height: picture.height)
                        try picture.decode(into: &canvas)
                        try take(index, picture, &canvas)
                    }
                } catch let fault as PictureFile.Fault {
                    outcome.withLock { $0.faults[index] = fault.reason }
                } catch {
                    outcome.withLock { $0.error = $0.error ?? error }
                }
            }
        }
        let (faults, error) = outcome.withLock { ($0.faults, $0.error) }
        if let error { throw error }
        if onError == .fail, let first = faults.keys.min(), let reason = faults[first] {
            throw Failure.picture(
                entries[first].member.name,
                "\(reason). Replace it, or post the set with on_error=skip to leave such files out")
        }
        guard faults.count < entries.count else {
            throw Failure.samples(
                "None of the \(entries.count) pictures can be used: the first one, '\(entries[0].member.name)', "
                    + "\(faults[0] ?? "was left out").")
        }
        return faults
    }

    /// The pictures as the model's input. `directory` takes height * width * channels bytes for each.
    package func develop(
        _ recipe: PictureRecipe.Resolved, onError: PictureRecipe.OnError, in directory: String, threads: Int
    ) throws -> DevelopedPictures {
        let (total, overflow) = recipe.bytes.multipliedReportingOverflow(by: entries.count)
        guard !overflow, total <= limits.developedBytes else {
            throw Failure.samples(
                "\(entries.count) pictures of \(recipe.height)x\(recipe.width) take more than \(limits.developedBytes) "
                    + "bytes. Post fewer; 100 to 1000 are plenty for calibration.")
        }
        let file = try NamelessFile(in: directory)
        let frames = Mutex([PictureFrame?](repeating: nil, count: entries.count))
        let faults = try decodeAll(onError, threads: threads) {
            let darkroom = Darkroom(recipe)
            return { index, _, canvas in
                let frame = darkroom.develop(&canvas)
                try file.write(UnsafeRawBufferPointer(darkroom.sample), at: index * recipe.bytes)
                frames.withLock { $0[index] = frame }
            }
        }
        let good = entries.indices.filter { faults[$0] == nil }
        if !faults.isEmpty { try Self.closeGaps(good, recipe.bytes, file) }
        return collect(good, frames.withLock { $0 }, recipe, try file.reading())
    }

    private static func closeGaps(_ good: [Int], _ size: Int, _ file: NamelessFile) throws {
        let source = try file.reading()
        let sample = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
        defer { sample.deallocate() }
        for (new, old) in good.enumerated() where new != old {
            try source.read(at: old * size, into: sample)
            try file.write(UnsafeRawBufferPointer(sample), at: new * size)
        }
    }

    private func collect(
        _ good: [Int], _ frames: [PictureFrame?], _ recipe: PictureRecipe.Resolved, _ file: SampleFile
    ) -> DevelopedPictures {
        let kept = good.compactMap { frames[$0] }
        var kinds: [Int] = []
        var boxes: [[LabelBox]] = []
        for (frame, index) in zip(kept, good) {
            switch entries[index].label {
            case .none: break
            case .kind(let kind): kinds.append(kind)
            case .boxes(let found, let shares): boxes.append(shares ? found.map { $0.scaled(to: frame) } : found)
            }
        }
        return DevelopedPictures(
            array: SampleArray(
                pictures: file, count: good.count, height: recipe.height, width: recipe.width, channels: recipe.channels
            ),
            frames: kept, labels: kinds.count == good.count ? kinds : nil,
            boxes: boxes.count == good.count ? boxes : nil, classes: labels.classes, ordered: labels.ordered,
            names: good.map { entries[$0].member.name })
    }

    /// What the set holds: every picture decoded once, nothing resized.
    package func summary(_ preprocessing: Preprocessing, threads: Int) throws -> SampleSetSummary {
        let recipe = preprocessing.pictures ?? PictureRecipe()
        let survey = Mutex(PictureSurvey())
        let faults = try decodeAll(recipe.onError, threads: threads) {
            { index, picture, canvas in
                let range = canvas.range()
                let odd = entries[index].label.oddBoxes(width: picture.width, height: picture.height)
                survey.withLock { $0.add(index, picture, range, odd) }
            }
        }
        let good = entries.indices.filter { faults[$0] == nil }
        let lost =
            good.isEmpty
            ? []
            : faults.keys.sorted().map { index in
                SampleSetSummary.Pictures.Skipped(file: entries[index].member.name, reason: faults[index] ?? "")
            }
        var kept = preprocessing
        if let split { kept.pictures = kept.pictures ?? recipe; kept.pictures?.split = split }
        let found = survey.withLock { $0 }
        let boxes = good.map { index -> Int? in
            if case .boxes(let boxes, _) = entries[index].label { boxes.count } else { nil }
        }
        let left = skipped + lost
        let identities = good.map { UInt64(entries[$0].member.crc) << 32 | UInt64(entries[$0].member.size) }
        let health = SampleHealth(moments: [good.compactMap { found.moments[$0] }], identities: identities)
        var summary = SampleSetSummary(
            format: .pictures, samples: good.count,
            arrays: [
                SampleSetSummary.Array(
                    name: "pictures", type: .uint8, shape: [good.count], minimum: Double(found.low),
                    maximum: Double(found.high))
            ],
            labelled: [.csv, .folders].contains(labels.form),
            pictures: SampleSetSummary.Pictures(
                jpeg: found.jpeg, png: found.png, smallest: found.smallest, largest: found.largest, labels: labels.form,
                classes: labels.classes, boxes: boxes.contains(nil) ? nil : boxes.compactMap { $0 }.reduce(0, +),
                split: split, skipped: Array(left.prefix(100)), skippedCount: left.count),
            preprocessing: kept, health: health.report(duplicates: good.count - Set(identities).count),
            findings: findings)
        summary.findings +=
            PictureFindings(
                summary: summary, identities: identities, health: health,
                odd: found.odd.keys.sorted().map { (entries[$0].member.name, found.odd[$0] ?? 0) }
            ).all
        return summary
    }
}

extension LabelBox {
    fileprivate func scaled(to frame: PictureFrame) -> LabelBox {
        let (width, height) = (Double(frame.sourceWidth), Double(frame.sourceHeight))
        return LabelBox(
            kind: kind, left: left * width, top: top * height, right: right * width, bottom: bottom * height,
            crowd: crowd)
    }
}

/// Turns decoded pictures into samples, one after the other; one for each thread.
private final class Darkroom {
    let sample: UnsafeMutableRawBufferPointer
    private let recipe: PictureRecipe.Resolved
    private var resampler: Resampler

    init(_ recipe: PictureRecipe.Resolved) {
        self.recipe = recipe
        resampler = Resampler(recipe)
        sample = .allocate(byteCount: recipe.bytes, alignment: 64)
    }

    deinit { sample.deallocate() }

    func develop(_ canvas: inout PictureCanvas) -> PictureFrame {
        if recipe.channels == 1 { canvas.makeGrey() }
        let frame = PictureFrame(sourceWidth: canvas.width, sourceHeight: canvas.height, recipe)
        resampler.resize(canvas, frame, into: sample)
        return frame
    }
}

/// Counts and extremes over the pictures of a set.
private struct PictureSurvey {
    var jpeg = 0
    var png = 0
    var low: UInt8 = 255
    var high: UInt8 = 0
    private(set) var sizes: [(width: Int, height: Int)] = []
    /// By place among the entries.
    private(set) var moments: [Int: SampleMoments] = [:]
    private(set) var odd: [Int: Int] = [:]

    mutating func add(_ index: Int, _ picture: PictureFile, _ range: ClosedRange<UInt8>, _ oddBoxes: Int) {
        let (least, greatest) = (Double(range.lowerBound), Double(range.upperBound))
        moments[index] = SampleMoments(minimum: least, maximum: greatest, mean: 0, deviation: 0)
        if oddBoxes > 0 { odd[index] = oddBoxes }
        if picture.form == .jpeg { jpeg += 1 } else { png += 1 }
        low = min(low, range.lowerBound)
        high = max(high, range.upperBound)
        sizes.append((picture.width, picture.height))
    }

    var smallest: SampleSetSummary.Pictures.Size { size(sizes.min { $0.width * $0.height < $1.width * $1.height }) }
    var largest: SampleSetSummary.Pictures.Size { size(sizes.max { $0.width * $0.height < $1.width * $1.height }) }

    private func size(_ pair: (width: Int, height: Int)?) -> SampleSetSummary.Pictures.Size {
        SampleSetSummary.Pictures.Size(width: pair?.width ?? 0, height: pair?.height ?? 0)
    }
}

extension PictureCanvas {
    /// Smallest and largest byte of the colours.
    func range() -> ClosedRange<UInt8> {
        var (low, high): (UInt8, UInt8) = (255, 0)
        guard let start = pixels.bindMemory(to: UInt8.self).baseAddress else { return 0...0 }
        octavo_pixels_extremes(start, width * height, &low, &high)
        return min(low, high)...high
    }
}

/// What is odd about a set of pictures.
private struct PictureFindings {
    let summary: SampleSetSummary
    /// Of each picture's file: equal size and checksum in the archive are the same file twice.
    let identities: [UInt64]
    let health: SampleHealth
    /// Pictures with odd boxes, and how many.
    let odd: [(file: String, boxes: Int)]

    var all: [Finding] {
        skipped + SampleFindings.few(summary.samples) + SampleFindings.repeated(identities)
            + SampleFindings.constant(health, of: identities.count) + unlabelled + oddBoxes
    }

    private var oddBoxes: [Finding] {
        guard let first = odd.first else { return [] }
        return [
            Finding(
                .warning, code: "odd-boxes",
                detail:
                    "\(odd.reduce(0) { $0 + $1.boxes }) labelled boxes reach over the edge of their picture or have no "
                    + "size; the first in '\(first.file)'. They are kept as they are.", pointer: first.file)
        ]
    }

    private var skipped: [Finding] {
        guard let pictures = summary.pictures, let first = pictures.skipped.first else { return [] }
        return [
            Finding(
                .warning, code: "skipped-files",
                detail: "\(pictures.skippedCount) files were left out; the first: '\(first.file)' \(first.reason).",
                pointer: first.file)
        ]
    }

    private var unlabelled: [Finding] {
        guard let pictures = summary.pictures, pictures.labels == .yolo || pictures.labels == .coco,
            pictures.boxes == 0
        else { return [] }
        return [
            Finding(.warning, code: "no-objects", detail: "The labels name no object in any of the pictures.")
        ]
    }
}
