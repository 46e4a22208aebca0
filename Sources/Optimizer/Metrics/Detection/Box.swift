/// A rectangle by its edges.
struct Box: Equatable, Sendable {
    var left: Double
    var top: Double
    var right: Double
    var bottom: Double

    var isFinite: Bool { left.isFinite && top.isFinite && right.isFinite && bottom.isFinite }

    /// The part of it that lies in a picture of this size.
    func clipped(width: Double, height: Double) -> Box {
        Box(
            left: min(max(left, 0), width), top: min(max(top, 0), height), right: min(max(right, 0), width),
            bottom: min(max(bottom, 0), height))
    }

    var area: Double { max(right - left, 0) * max(bottom - top, 0) }

    func overlap(_ other: Box) -> Double {
        let width = min(right, other.right) - max(left, other.left)
        let height = min(bottom, other.bottom) - max(top, other.top)
        return width > 0 && height > 0 ? width * height : 0
    }

    /// Intersection over union; 0 for empty boxes.
    func iou(_ other: Box) -> Double {
        let shared = overlap(other)
        let union = area + other.area - shared
        return union > 0 ? shared / union : 0
    }
}

/// What a detector says of one object.
struct Detection: Equatable, Sendable {
    var box: Box
    var score: Double
    var kind: Int
}

extension [Detection] {
    /// Drops, class by class, every box that overlaps a better one by more than `iou`; keeps the best `limit`, best first.
    func suppressed(iou: Double, limit: Int) -> [Detection] {
        var kept: [Int: [Detection]] = [:]
        var count = 0
        for candidate in sorted(by: Self.isBetter) {
            let rivals = kept[candidate.kind] ?? []
            if rivals.contains(where: { $0.box.iou(candidate.box) > iou }) { continue }
            kept[candidate.kind] = rivals + [candidate]
            count += 1
            if count == limit { break }
        }
        return kept.values.flatMap { $0 }.sorted(by: Self.isBetter)
    }

    /// By score; equal ones by class and place, so that the order is always the same.
    static func isBetter(_ a: Detection, _ b: Detection) -> Bool {
        if a.score != b.score { return a.score > b.score }
        return (a.kind, a.box.left, a.box.top, a.box.right) < (b.kind, b.box.left, b.box.top, b.box.right)
    }
}
