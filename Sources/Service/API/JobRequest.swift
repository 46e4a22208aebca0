import Domain
import Foundation

/// The body of `POST /v1/jobs`, decoded strictly.
struct JobRequest: Sendable {
    var model: String
    var calibrationSet: String
    var evaluationSet: String?
    var recipe: Recipe
    var deadlineSeconds: Double?

    /// Throws a problem that names everything that is wrong.
    init(_ document: JSONDocument) throws {
        var reader = FieldReader(document)
        model = reader.string("model", required: true) ?? ""
        calibrationSet = reader.string("calibration_set", required: true) ?? ""
        evaluationSet = reader.string("evaluation_set")
        recipe = Recipe()
        recipe.target = Self.target(&reader) ?? recipe.target
        recipe.scheme = reader.choice("scheme", Scheme.self) ?? recipe.scheme
        if let options = Self.options(&reader) { recipe.options = options }
        if recipe.options.activations == .int16, !recipe.scheme.calibrates {
            reader.fail("scheme", "Activations of 16 bits need the scheme int8-static or auto.")
        }
        recipe.gate = Self.gate(&reader)
        recipe.objective = reader.choice("objective", Objective.self)
        if recipe.objective == .size, recipe.scheme != .auto {
            reader.fail("objective", "Only the scheme auto chooses between forms; the others name one.")
        }
        deadlineSeconds = Self.deadline(&reader)
        reader.rejectUnknown()
        guard reader.errors.isEmpty else { throw Problem.invalid(reader.errors) }
    }

    /// `target`, or `targets` with one entry.
    private static func target(_ reader: inout FieldReader) -> Target? {
        let lone = reader.choice("target", Target.self)
        guard let several = reader.strings("targets") else { return lone }
        if reader.has("target") { reader.fail("targets", "Give either target or targets.") }
        guard several.count == 1 else {
            reader.fail("targets", "Exactly one target can be given at present.")
            return nil
        }
        guard let target = Target(rawValue: several[0]) else {
            reader.fail("targets", at: 0, Text.unknown(several[0], among: Target.allCases.map(\.rawValue)))
            return nil
        }
        return target
    }

    private static func options(_ reader: inout FieldReader) -> Recipe.Options? {
        guard var fields = reader.object("options") else { return nil }
        var options = Recipe.Options()
        options.calibrator = fields.choice("calibrator", Calibrator.self) ?? options.calibrator
        options.percentile = fields.number("percentile", in: 50...100) ?? options.percentile
        if options.percentile <= 50 { fields.fail("percentile", "The number must be above 50.") }
        options.rounding = fields.choice("rounding", Rounding.self) ?? options.rounding
        options.activations = fields.choice("activations", Activations.self) ?? options.activations
        options.smooth = fields.boolean("smooth") ?? options.smooth
        options.equalize = fields.boolean("equalize") ?? options.equalize
        options.blockSize = fields.integer("block_size", in: 16...256)
        if let size = options.blockSize, size.nonzeroBitCount != 1 {
            fields.fail("block_size", "16, 32, 64, 128 or 256 is expected.")
        }
        options.embeddings = fields.choice("embeddings", Embeddings.self) ?? options.embeddings
        options.minLayerSqnr = fields.number("min_layer_sqnr", in: 0...100)
        options.exclude = fields.strings("exclude") ?? options.exclude
        if options.exclude.count > 10_000 { fields.fail("exclude", "At most 10000 entries.") }
        options.maxSamples = fields.integer("max_samples", in: 1...1_000_000_000)
        options.head = fields.choice("head", DetectionHead.self)
        options.threads = fields.integer("threads", in: 1...256)
        fields.rejectUnknown()
        reader.absorb(fields)
        return options
    }

    private static func gate(_ reader: inout FieldReader) -> Recipe.Gate? {
        guard var fields = reader.object("gate") else { return nil }
        let metric = fields.choice("metric", Recipe.Gate.Metric.self)
        let drop = fields.number("max_drop", in: 0...1)
        if !fields.has("metric") { fields.fail("metric", "The field is required.") }
        if !fields.has("max_drop") { fields.fail("max_drop", "The field is required.") }
        fields.rejectUnknown()
        reader.absorb(fields)
        guard let metric, let drop else { return nil }
        return Recipe.Gate(metric: metric, maxDrop: drop)
    }

    /// Seconds as a number, or "15m" and the like.
    static func deadline(_ reader: inout FieldReader) -> Double? {
        let longest = 30.0 * 86400
        switch reader.value("deadline") {
        case nil: return nil
        case .number: return reader.number("deadline", in: 1...longest)
        case .string(let text):
            if let seconds = Text.duration(text), (1...longest).contains(seconds) { return seconds }
            reader.fail(
                "deadline", "'\(text.prefix(40))' is no time; write \"90s\", \"15m\", \"2h\" or seconds, up to 30 days."
            )
            return nil
        case .some(let other):
            reader.fail("deadline", "A string or a number is expected, not \(other.kind).")
            return nil
        }
    }
}

extension JSONDocument {
    /// The same text for the same meaning: fields sorted, no white space.
    var canonical: String {
        switch self {
        case .null: return "null"
        case .bool(let flag): return flag ? "true" : "false"
        case .number(let number): return "\(number)"
        case .string(let text): return Self.quoted(text)
        case .array(let items): return "[" + items.map(\.canonical).joined(separator: ",") + "]"
        case .object(let fields):
            let sorted = fields.sorted { $0.name < $1.name }
            return "{" + sorted.map { Self.quoted($0.name) + ":" + $0.value.canonical }.joined(separator: ",") + "}"
        }
    }

    /// Only for comparing, so only what could be mistaken is escaped.
    private static func quoted(_ text: String) -> String {
        "\"" + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"") + "\""
    }
}
