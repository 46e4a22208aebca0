import ArgumentParser
import Domain
import Foundation
import Optimizer
import Storage
import Synchronization

/// `octavo quantize`: the same pipeline as a job's, without a server.
struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize", abstract: "Quantizes a model file against calibration samples.")

    @Argument(help: "The FP32 model (.onnx).") var model: String
    @Option(help: "Calibration samples (.npz, .npy or a zip of pictures).") var calibration: String
    @Option(help: "Evaluation samples, with an array 'labels' or labels of pictures where they exist.") var evaluation:
        String?
    @Option(name: [.short, .long], help: "Where the quantized model goes.") var output: String
    @Option(help: "Where the JSON report goes; default: <output>.report.json.") var report: String?
    @Option(help: "Where the report goes as a page, when it is wanted.") var html: String?
    @Option(help: "Where the plan goes, when it is wanted.") var plan: String?
    @Option(
        help: """
            A file of calibration statistics: used in place of a calibration pass where it has exactly what the pass would see, \
            written otherwise.
            """)
    var statistics: String?
    @Option(help: "How ranges are chosen: \(Calibrator.allCases.map(\.rawValue).joined(separator: ", ")).")
    var calibrator: Calibrator = .auto
    @Option(help: "Percent of the values that 'percentile' keeps.") var percentile: Double = 99.99
    @Option(
        help: """
            auto: timing on this machine decides what runs in integers; int8-static: everything that can; int8-weights: \
            nothing. For transformers also int8-dynamic, int8-blockwise and int4-blockwise.
            """)
    var scheme: Scheme = .auto
    @Option(help: "What the artifact is made for: \(Target.allCases.map(\.rawValue).joined(separator: ", ")).")
    var target: Target = .onnxruntimeX64
    @Option(help: "auto or nearest: how weights become integers.") var rounding: Rounding = .auto
    @Option(help: "int8 or int16: bits of activations; 16 are for targets that compute with them.")
    var activations: Activations = .int8
    @Flag(help: "SmoothQuant for models of MatMul and Gemm.") var smooth = false
    @Flag(help: "Cross-layer equalization of Convs.") var equalize = false
    @Option(help: "Inputs that share a scale in the block-wise schemes: 16, 32, 64, 128 or 256; default: 32.")
    var blockSize: Int?
    @Option(help: "auto, float or int8: how tables are stored that are only looked up in.")
    var embeddings: Embeddings = .auto
    @Option(help: "Layers that keep less than this, in dB, stay float; default: 24, or 28 where that gains.")
    var minLayerSqnr: Double?
    @Option(help: "Node names or patterns with * that stay float; may be repeated.") var exclude: [String] = []
    @Option(
        help:
            "What must be kept, as METRIC=MAX_DROP: top1=0.01, top1-agreement=0.02, map=0.01, map-agreement=0.1 or cosine=0.001."
    )
    var gate: String?
    @Option(
        help: """
            latency or size: whether the scheme auto takes the fastest form that keeps accuracy, or the smallest file that \
            also is not slower than FP32.
            """)
    var objective: Objective = .latency
    @Option(help: "How a detector's boxes are read: \(DetectionHead.allCases.map(\.rawValue).joined(separator: ", ")).")
    var head: DetectionHead?
    @Option(help: "Use at most this many calibration samples.") var maxSamples: Int?
    @Option(help: "Engine threads; default: one for each processor.") var threads: Int?
    @Option(help: "Seconds in which latency is measured.") var measureTime: Double = 3
    @Option(help: "Directory for intermediate models, kept afterwards; default: a temporary one.") var scratch: String?
    @OptionGroup var preprocessing: PreprocessingOptions

    func validate() throws {
        guard percentile > 50, percentile <= 100 else {
            throw ValidationError("--percentile must be above 50, at most 100")
        }
        if let minLayerSqnr, !(0...100).contains(minLayerSqnr) {
            throw ValidationError("--min-layer-sqnr must be 0 to 100")
        }
        if activations == .int16, !scheme.calibrates {
            throw ValidationError("--activations int16 needs --scheme int8-static or auto")
        }
        if objective == .size, scheme != .auto {
            throw ValidationError("--objective size needs --scheme auto: the others name a form")
        }
        if let blockSize, ![16, 32, 64, 128, 256].contains(blockSize) {
            throw ValidationError("--block-size must be 16, 32, 64, 128 or 256")
        }
        if let maxSamples, maxSamples < 1 { throw ValidationError("--max-samples must be at least 1") }
        if gate != nil, evaluation == nil {
            throw ValidationError("--gate is checked on evaluation samples: give --evaluation")
        }
        _ = try gateValue()
        guard measureTime > 0, measureTime <= 3600 else {
            throw ValidationError("--measure-time must be above 0 and at most 3600")
        }
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be 1...1024") }
    }

    func run() throws {
        let inputs = [model, calibration] + [evaluation].compactMap { $0 }
        for file in inputs { try InputFile.check(file) }
        for file in [output, reportPath] + [html, plan, statistics].compactMap({ $0 }) {
            try OutputFile.check(file, inputs: inputs)
            try OutputFile.checkReplaceable(file)
        }
        let scratch = try makeScratch()
        defer { if self.scratch == nil { try? FileManager.default.removeItem(atPath: scratch) } }
        let bar = ProgressBar()
        let measured = Mutex<StatisticsFiles?>(nil)
        let results: WorkEvent.Results
        do {
            defer { keepStatistics(measured.withLock { $0 }, scratch) }
            results = try Worker.quantize(
                order(scratch), digest: { try Digest(sha256OfFile: $0) }, packing: PackedSize.ofWeights
            ) { event in
                bar.show(event)
                if case .measuredStatistics(let files) = event { measured.withLock { $0 = files } }
            }
        } catch {
            bar.clear()
            let failure = Failure(wrapping: error, stage: nil)
            let place = failure.stage.map { " in stage \($0.rawValue)" } ?? ""
            FileHandle.standardError.write(Data("octavo: \(failure.type.rawValue)\(place): \(failure.detail)\n".utf8))
            throw ExitCode(failure.fault == .user ? 2 : 1)
        }
        bar.clear()
        try OutputFile.move(scratch + "/" + results.artifact, to: output)
        try OutputFile.move(scratch + "/" + results.report, to: reportPath)
        if let html { try OutputFile.move(scratch + "/" + results.reportHtml, to: html) }
        if let plan { try OutputFile.move(scratch + "/" + results.plan, to: plan) }
        print(try String(contentsOfFile: scratch + "/" + results.reportText, encoding: .utf8), terminator: "")
    }

    private var reportPath: String { report ?? output + ".report.json" }

    /// Even a conversion that fails in the end has calibrated for the next one.
    private func keepStatistics(_ files: StatisticsFiles?, _ scratch: String) {
        guard let files, let statistics else { return }
        // What went wrong was said; the artifact is worth more.
        try? OutputFile.move(scratch + "/" + files.content, to: statistics)
    }

    private func order(_ scratch: String) throws -> WorkOrder.Quantize {
        var recipe = Recipe()
        recipe.target = target
        recipe.scheme = scheme
        recipe.options.calibrator = calibrator
        recipe.options.percentile = percentile
        recipe.options.rounding = rounding
        recipe.options.head = head
        recipe.options.blockSize = blockSize
        recipe.options.activations = activations
        (recipe.options.smooth, recipe.options.equalize) = (smooth, equalize)
        recipe.options.minLayerSqnr = minLayerSqnr
        recipe.options.exclude = exclude
        recipe.options.maxSamples = maxSamples
        recipe.options.embeddings = embeddings
        recipe.gate = try gateValue()
        recipe.objective = objective == .latency ? nil : objective
        let file = URL(fileURLWithPath: model).resolvingSymlinksInPath()
        let staged = StagedModel(
            directory: file.deletingLastPathComponent().path, file: file.lastPathComponent, digest: nil)
        let recipeForSamples = try preprocessing.value()
        func samples(_ path: String, _ purpose: StagedSamples.Purpose) -> StagedSamples {
            StagedSamples(
                path: URL(fileURLWithPath: path).standardizedFileURL.path, digest: nil, preprocessing: recipeForSamples,
                purpose: purpose)
        }
        return WorkOrder.Quantize(
            job: "command-line", attempt: 1, model: staged, calibration: samples(calibration, .calibration),
            evaluation: evaluation.map { samples($0, .evaluation) }, recipe: recipe, scratch: scratch,
            threads: threads ?? ProcessInfo.processInfo.activeProcessorCount, measureSeconds: measureTime,
            statistics: [statistics].compactMap { $0 }.filter { FileManager.default.fileExists(atPath: $0) })
    }

    private func gateValue() throws -> Recipe.Gate? {
        guard let gate else { return nil }
        let parts = gate.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, let metric = Recipe.Gate.Metric(rawValue: parts[0]), let drop = Double(parts[1]),
            (0...1).contains(drop)
        else {
            let metrics = Recipe.Gate.Metric.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--gate is METRIC=MAX_DROP with one of \(metrics) and a drop from 0 to 1")
        }
        return Recipe.Gate(metric: metric, maxDrop: drop)
    }

    private func makeScratch() throws -> String {
        let directory = scratch ?? FileManager.default.temporaryDirectory.path + "/octavo-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        return directory
    }
}

/// How stored arrays become inputs, as flags.
struct PreprocessingOptions: ParsableArguments {
    @Option(help: "Factor applied first, such as 1/255.") var scale: String = "1"
    @Option(help: "One mean, or one for each channel, separated by commas.") var mean: String = ""
    @Option(help: "One deviation, or one for each channel, separated by commas.") var std: String = ""
    @Option(help: "as-is or nhwc-to-nchw.") var layout: Preprocessing.Layout = .asIs
    @Flag(help: "Reverse the channels (RGB to BGR).") var reverseChannels = false
    @Option(help: "For pictures: \(PictureRecipe.Preset.allCases.map(\.rawValue).joined(separator: ", ")).")
    var preset: PictureRecipe.Preset?
    @Option(help: "For pictures: HEIGHTxWIDTH where the model leaves it open.") var size: String?
    @Option(help: "For pictures: stretch, crop or letterbox.") var resize: PictureRecipe.Resize?
    @Option(help: "For cropped pictures: what the short side is resized to.") var shortSide: Int?
    @Option(help: "For letterboxed pictures: center or top-left.") var anchor: PictureRecipe.Anchor?
    @Option(help: "For letterboxed pictures: value of the border, 0 to 255.") var fill: UInt8?
    @Option(help: "For pictures: bilinear, bicubic, lanczos or nearest.")
    var interpolation: PictureRecipe.Interpolation?
    @Option(help: "For data sets: train, val, test or all.") var split: String?
    @Option(help: "For pictures: fail or skip, what a bad file does.") var onError: PictureRecipe.OnError = .fail

    func value() throws -> Preprocessing {
        Preprocessing(
            scale: try Self.number(scale), mean: try Self.list(mean), std: try Self.list(std),
            reverseChannels: reverseChannels, layout: layout, pictures: try recipe())
    }

    private func recipe() throws -> PictureRecipe? {
        var recipe = PictureRecipe()
        recipe.preset = preset
        if let size {
            recipe.size = PictureRecipe.parseSize(size)
            if recipe.size == nil { throw ValidationError("--size is HEIGHTxWIDTH, or one number for a square") }
        }
        if let shortSide, !(1...PictureLimits.side).contains(shortSide) {
            throw ValidationError("--short-side must be 1 to \(PictureLimits.side)")
        }
        if let split, !PictureRecipe.isSplit(split) { throw ValidationError("--split is train, val, test or all") }
        (recipe.resize, recipe.shortSide, recipe.anchor, recipe.fill) = (resize, shortSide, anchor, fill.map(Int.init))
        (recipe.interpolation, recipe.split, recipe.onError) = (interpolation, split, onError)
        return recipe == PictureRecipe() ? nil : recipe
    }

    private static func list(_ text: String) throws -> [Double] {
        try text.split(separator: ",").map { try number(String($0)) }
    }

    /// A number or a fraction of two.
    private static func number(_ text: String) throws -> Double {
        let parts = text.split(separator: "/").map { Double($0) }
        guard (1...2).contains(parts.count), let first = parts[0], let last = parts[parts.count - 1], last != 0,
            first.isFinite, last.isFinite
        else { throw ValidationError("'\(text)' is not a number such as 0.5 or 1/255") }
        return parts.count == 1 ? first : first / last
    }
}

extension Calibrator: ExpressibleByArgument {}
extension Scheme: ExpressibleByArgument {}
extension Target: ExpressibleByArgument {}
extension Rounding: ExpressibleByArgument {}
extension Objective: ExpressibleByArgument {}
extension Embeddings: ExpressibleByArgument {}
extension Activations: ExpressibleByArgument {}
extension Preprocessing.Layout: ExpressibleByArgument {}
extension DetectionHead: ExpressibleByArgument {}
extension PictureRecipe.Preset: ExpressibleByArgument {}
extension PictureRecipe.Resize: ExpressibleByArgument {}
extension PictureRecipe.Anchor: ExpressibleByArgument {}
extension PictureRecipe.Interpolation: ExpressibleByArgument {}
extension PictureRecipe.OnError: ExpressibleByArgument {}

/// A line that redraws itself on a terminal; silent anywhere else.
final class ProgressBar: Sendable {
    private let onTerminal = isatty(2) == 1
    private let drawn = Mutex(false)

    func show(_ event: WorkEvent) {
        guard onTerminal, case .progress(let stage, let fraction) = event else { return }
        let width = 30
        let full = Int(fraction * Double(width))
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
        write("\r\u{1B}[K\(bar) \(Int(fraction * 100)) %  \(stage.rawValue)")
        drawn.withLock { $0 = true }
    }

    func clear() {
        guard drawn.withLock({ $0 }) else { return }
        write("\r\u{1B}[K")
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
