import Domain
import Inference
import ModelGraph
import Quantization

/// Everything a conversion reads, opened and checked against each other.
struct Inputs {
    let loaded: LoadedModel
    /// The float model to work on: the one that came, without Q and DQ where it had them.
    private(set) var floatModel: Model
    /// The FP32 model that the artifact is held against.
    let referencePath: String
    /// What a model with Q and DQ says of its own quantization.
    private(set) var imported: QuantizationImport?
    /// What the calibration set holds, with its findings.
    let calibrationSummary: SampleSetSummary
    let calibration: SampleFeed
    /// The samples that quality is measured on: the evaluation set, or the calibration set when there is none.
    let evaluation: SampleFeed
    let heldOut: Bool
    /// Digest of each calibration sample, in the set's order.
    let digests: [SampleDigest]
    /// Digest of each evaluation sample; equal to `digests` without an evaluation set.
    let evaluationDigests: [SampleDigest]
    /// How far the evaluation samples lie from the calibration samples; nil without an evaluation set.
    let distance: [Report.CalibrationHealth.Distance]?
    /// Calibration samples used, by index, in an order that depends on their content only.
    let used: [Int]

    init(_ order: WorkOrder.Quantize) throws {
        loaded = try LoadedModel(order.model)
        try loaded.checkQuantizable()
        imported = try loaded.takenApart()
        (floatModel, referencePath) = try Self.reference(loaded.model, imported, order)
        let opened = try Self.open(order.calibration, loaded.summary, scratch: order.scratch, threads: order.threads)
        calibration = opened.feed
        let survey = try opened.survey()
        (calibrationSummary, digests) = (survey.summary, survey.digests)
        if let staged = order.evaluation {
            let other = try Self.open(staged, loaded.summary, scratch: order.scratch, threads: order.threads)
            let otherSurvey = try other.survey()
            evaluation = other.feed
            evaluationDigests = otherSurvey.digests
            distance = Self.distance(opened, survey, other, otherSurvey)
        } else {
            evaluation = calibration
            evaluationDigests = digests
            distance = nil
        }
        heldOut = order.evaluation != nil
        let all = digests
        let sorted = digests.indices.sorted { (all[$0], $0) < (all[$1], $1) }
        used = Array(sorted.prefix(order.recipe.options.maxSamples ?? sorted.count))
        try checkClasses()
    }

    /// A quantized model without Q and DQ is written out, so that the engine can run it.
    private static func reference(
        _ model: Model, _ imported: QuantizationImport?, _ order: WorkOrder.Quantize
    ) throws -> (Model, String) {
        guard let imported else { return (model, order.model.path) }
        var float = model
        float.graph = imported.graph
        float.irVersion = max(float.irVersion, 4)
        float.declareDomains()
        let path = order.scratch + "/reference.onnx"
        do {
            try float.write(to: path)
        } catch let error as ModelError {
            throw Failure(error)
        }
        return (float, path)
    }

    /// Spells out in the float model what the grids of one that came with Q and DQ cut off, as samples show.
    mutating func spellOutSaturation(_ models: EngineModels, _ order: WorkOrder.Quantize) throws {
        guard var own = imported else { return }
        let cut = try Saturation(models: models, feed: calibration, threads: order.threads)(
            of: own, floatModel, samples: used)
        guard !cut.isEmpty else { return }
        do {
            try own.spellOutSaturation(of: cut)
        } catch let error as ModelError {
            throw Failure(error, stage: .prepare)
        }
        imported = own
        (floatModel, _) = try Self.reference(loaded.model, own, order)
    }

    struct Opened {
        var archive: SampleArchive
        var fit: Fit
        var feed: SampleFeed
        /// As it is applied, with nothing left open.
        var preprocessing: Preprocessing
        var findings: [Finding] = []

        func survey() throws -> SampleArchive.Survey {
            var survey = try archive.survey(preprocessing: preprocessing)
            survey.summary.findings += findings
            return survey
        }
    }

    /// Array by array, as the model gets them. Arrays of two sets belong together that feed the same input.
    private static func distance(
        _ calibration: Opened, _ before: SampleArchive.Survey, _ evaluation: Opened, _ after: SampleArchive.Survey
    ) -> [Report.CalibrationHealth.Distance] {
        func moments(_ opened: Opened, _ survey: SampleArchive.Survey, _ array: String) -> [SampleMoments]? {
            guard let place = opened.archive.arrays.firstIndex(where: { $0.name == array }) else { return nil }
            return survey.moments[place].map { $0.applying(opened.preprocessing) }
        }
        return calibration.fit.bindings.compactMap { binding in
            guard let other = evaluation.fit.bindings.first(where: { $0.input.name == binding.input.name }),
                let a = moments(calibration, before, binding.array.name),
                let b = moments(evaluation, after, other.array.name)
            else { return nil }
            return SampleDistance(calibration: a, evaluation: b).report(binding.array.name)
        }
    }

    static func open(_ staged: StagedSamples, _ model: ModelSummary, scratch: String, threads: Int) throws -> Opened {
        let recipe = staged.preprocessing.pictures ?? PictureRecipe()
        if let pictures = try PictureArchive(path: staged.path, recipe: recipe, purpose: staged.purpose) {
            let resolved = try staged.preprocessing.resolved(for: model)
            let developed = try pictures.develop(
                resolved.geometry, onError: recipe.onError, in: scratch, threads: threads)
            let archive = SampleArchive(developed)
            let fit = try Fit(model: model, set: archive.outline(preprocessing: staged.preprocessing))
            let feed = try SampleFeed(archive: archive, fit: fit, preprocessing: resolved.values)
            return Opened(
                archive: archive, fit: fit, feed: feed, preprocessing: resolved.values,
                findings: resolved.findings + pictures.findings)
        }
        try staged.preprocessing.checkForArrays()
        // A digest was checked when the file was staged: sums within it would say the same again.
        let archive = try SampleArchive.open(
            path: staged.path, unpackInto: scratch, checkingSums: staged.digest == nil)
        let fit = try Fit(model: model, set: archive.outline(preprocessing: staged.preprocessing))
        let feed = try SampleFeed(archive: archive, fit: fit, preprocessing: staged.preprocessing)
        return Opened(archive: archive, fit: fit, feed: feed, preprocessing: staged.preprocessing)
    }

    /// The class index of each evaluation sample, where it means the same to the model.
    var classLabels: [Int]? { labelsAbsence == nil ? evaluation.labels : nil }

    /// Why there are none, as the end of a sentence.
    var labelsAbsence: String? {
        guard evaluation.labels != nil else {
            return "the samples have no labels (an integer array 'labels' in the .npz, or labels of the pictures)"
        }
        guard let pictures = evaluation.pictures, pictures.ordered else { return nil }
        let classes = loaded.summary.outputs.compactMap { output -> Int? in
            guard let shape = output.shape, shape.count >= 2, case .fixed(let size) = shape[1] else { return nil }
            return size
        }
        if classes.isEmpty || classes.contains(pictures.classes.count) { return nil }
        return
            "the \(pictures.classes.count) class names are not the model's \(classes[0]) classes: name the folders by "
            + "class index, or add classes.txt with the model's class names in their order"
    }

    /// Refuses, before anything is computed, pictures of a class that the model does not have.
    private func checkClasses() throws {
        guard let labels = classLabels, let pictures = evaluation.pictures else { return }
        for output in loaded.summary.outputs {
            guard let shape = output.shape, shape.count == 2 || shape.count == 4, case .fixed(let classes) = shape[1],
                classes >= 2, shape.dropFirst(2).allSatisfy({ $0 == .fixed(1) })
            else { continue }
            if let bad = labels.firstIndex(where: { $0 >= classes }) {
                throw Failure.unknownClass(
                    labels[bad], of: pictures.names[bad], output: output.name, classes: classes)
            }
            return
        }
    }

    static let noClassScores = "no output of the model looks like class scores"

    /// Whether the first axis is the only one that the model leaves open.
    var batchOnly: Bool {
        loaded.summary.inputs.allSatisfy { input in
            guard let shape = input.shape else { return false }
            return shape.dropFirst().allSatisfy { if case .fixed = $0 { true } else { false } }
        }
    }

    /// Whether the model leaves the first axis of every input open.
    var batchIsOpen: Bool {
        loaded.summary.inputs.contains { input in
            if case .symbolic = input.shape?.first { true } else { false }
        }
    }
}
