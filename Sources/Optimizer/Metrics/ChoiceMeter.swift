import Domain
import Inference

/// Counts the places of an output where the artifact decides what FP32 decides: the steps of a sequence, the pixels of a
/// segmentation, the anchors of a detector.
struct ChoiceMeter: Sendable {
    private let rule: ChoiceRule
    private var samples: [Sample] = []
    private var overlap = ClassOverlap()
    /// Whether the places form a picture.
    private var isMap = false

    private struct Sample: Sendable {
        var places: Int
        var same: Int
    }

    init(_ rule: ChoiceRule) { self.rule = rule }

    /// A sample that the rule does not read in both outputs is left out.
    mutating func add(_ reference: TensorValue, _ candidate: TensorValue) throws {
        guard reference.shape == candidate.shape, let a = try rule.choices(in: reference),
            let b = try rule.choices(in: candidate), !a.isEmpty
        else { return }
        samples.append(Sample(places: a.count, same: zip(a, b).count { $0 == $1 }))
        isMap = isMap || rule.placeShape(reference.shape).count { $0 > 1 } > 1
        if isMap { overlap.add(a, b) }
    }

    /// What was read by another rule, from another first sample, is left out.
    mutating func merge(_ other: ChoiceMeter) {
        guard rule == other.rule else { return }
        samples += other.samples
        overlap.merge(other.overlap)
        isMap = isMap || other.isMap
    }

    /// Nil when no sample could be read.
    var report: Report.Fidelity.Choices? {
        let places = samples.reduce(0) { $0 + $1.places }
        guard places > 0 else { return nil }
        let same = samples.reduce(0) { $0 + $1.same }
        let whole = samples.count { $0.same == $0.places }
        return .init(
            axis: rule.axis, classes: rule.classes, samples: samples.count, places: places,
            same: Double(same) / Double(places),
            sameInterval: Statistics.clusteredShare(samples.map { ($0.same, $0.places) }),
            whole: whole, wholeInterval: Statistics.wilson(whole, of: samples.count),
            meanIou: isMap ? overlap.meanIntersectionOverUnion : nil)
    }
}

/// For each class, the places that both models, or either, give it.
private struct ClassOverlap: Sendable {
    private var both: [Int: Int] = [:]
    private var reference: [Int: Int] = [:]
    private var candidate: [Int: Int] = [:]

    mutating func add(_ a: [Int], _ b: [Int]) {
        for (x, y) in zip(a, b) {
            reference[x, default: 0] += 1
            candidate[y, default: 0] += 1
            if x == y { both[x, default: 0] += 1 }
        }
    }

    mutating func merge(_ other: ClassOverlap) {
        both.merge(other.both, uniquingKeysWith: +)
        reference.merge(other.reference, uniquingKeysWith: +)
        candidate.merge(other.candidate, uniquingKeysWith: +)
    }

    /// Mean over the classes that either model gives (Long, Shelhamer and Darrell 2015, with FP32's choices for the truth).
    var meanIntersectionOverUnion: Double {
        let kinds = Set(reference.keys).union(candidate.keys).sorted()
        let sum = kinds.reduce(0.0) { sum, kind in
            let (shared, union) = (both[kind, default: 0], reference[kind, default: 0] + candidate[kind, default: 0])
            return sum + Double(shared) / Double(union - shared)
        }
        return sum / Double(max(1, kinds.count))
    }
}
