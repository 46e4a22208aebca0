import Domain
import Glibc
import Inference
import ModelGraph

/// Reads a detector's outputs as boxes in pixels of its input.
struct HeadReader: Sendable {
    let head: DetectionHead
    /// Positions of the outputs that are read: of the boxes, and of the scores where these are apart.
    let outputs: [Int]
    let classes: Int
    /// Numbers of each box behind its scores that are not read: coefficients of a mask, keypoints.
    let others: Int
    private let height: Int
    private let width: Int
    /// Boxes are shares of the input.
    private let shares: Bool
    /// For `ssd`: the first class is the background.
    private let background: Bool

    static let minScore = 0.001
    /// Candidates that enter the suppression, and detections that leave it.
    private static let candidates = 30_000
    private static let limit = 300

    /// What people use: Ultralytics validates with 0.7, YOLOX with 0.65.
    var suppressionIou: Double { head == .yolox ? 0.65 : 0.7 }

    /// Nil when FP32's `outputs` of one sample do not look like a detector's. `wanted` overrules the shapes where the values
    /// have the form for it. `height` and `width` are the input's.
    init?(_ values: [TensorValue], height: Int, width: Int, wanted: DetectionHead? = nil) throws {
        guard wanted != DetectionHead.none else { return nil }
        (self.height, self.width) = (height, width)
        for head in Self.order where wanted == nil || wanted == head {
            guard let match = try Self.match(head, values, height, width, trusted: wanted != nil) else { continue }
            self.head = head
            (outputs, classes, others) = (match.outputs, match.classes, match.others)
            (shares, background) = (match.shares, match.background)
            return
        }
        return nil
    }

    /// The detections of one sample that count, best first.
    func detections(_ values: [TensorValue]) throws -> [Detection] {
        let found = try candidates(values)
        if head == .endToEnd || head == .detr { return found.sorted(by: [Detection].isBetter) }
        let best =
            found.count > Self.candidates
            ? Array(found.sorted(by: [Detection].isBetter).prefix(Self.candidates)) : found
        return best.suppressed(iou: suppressionIou, limit: Self.limit)
    }
}

// MARK: - Recognition

extension HeadReader {
    private struct Match {
        var outputs: [Int]
        var classes: Int
        var others = 0
        var shares = false
        var background = false
    }

    /// What is told by fewer things comes later: a single class end to end is [1, M, 6] like one with an objectness.
    private static let order: [DetectionHead] = [.yolo, .endToEnd, .detr, .yolox, .yoloObjectness, .ssd]

    /// `trusted` heads were asked for: only what decoding needs is checked.
    private static func match(
        _ head: DetectionHead, _ values: [TensorValue], _ height: Int, _ width: Int, trusted: Bool
    ) throws -> Match? {
        if head == .ssd { return try matchPair(values, trusted: trusted) }
        guard let place = boxes(values) else { return nil }
        let (rows, columns) = (values[place].shape[1], values[place].shape[2])
        // Classes that exclude each other, step by step: a text recognizer's probabilities have the form of a head otherwise.
        let table = HeadTable(try values[place].floats(), rows: rows, columns: columns)
        guard trusted || !table.rowsAddUpToOne else { return nil }
        let masks = maskCoefficients(values)
        switch head {
        case .yolo:
            guard rows >= 5, trusted || columns > rows && isDense(columns, height, width)
            else { return nil }
            let table = HeadTable(try values[place].floats(), rows: columns, columns: rows, transposed: true)
            let others = table.others(behind: 4, masks: masks)
            guard rows >= 5 + others, trusted || table.looksLikeHead(scores: 4..<(rows - others)) else { return nil }
            return Match(outputs: [place], classes: rows - 4 - others, others: others, shares: table.holdsShares)
        case .yoloObjectness, .yolox:
            let others = table.others(behind: 5, masks: masks)
            guard columns >= 6 + others, trusted || rows > columns && isDense(rows, height, width)
            else { return nil }
            guard trusted || table.looksLikeHead(scores: 4..<(columns - others), decoded: head != .yolox) else {
                return nil
            }
            let places = grids(height, width).reduce(0) { $0 + $1.across * $1.down }
            guard head != .yolox || rows == places else { return nil }
            // One anchor for each place, and numbers that are no pixels: nobody has decoded them.
            let raw = rows == places && table.largestBox < 20
            guard trusted || raw == (head == .yolox) else { return nil }
            return Match(
                outputs: [place], classes: columns - 5 - others, others: others,
                shares: head != .yolox && table.holdsShares)
        case .endToEnd:
            let others = table.others(behind: 5, masks: masks)
            guard columns == 6 + others, trusted || rows <= 1000 else { return nil }
            guard let classes = table.classesOfEndToEnd else { return nil }
            return Match(outputs: [place], classes: classes, others: others, shares: table.holdsShares)
        case .detr:
            guard columns >= 5,
                trusted || queries.contains(rows) && table.areShares(0..<columns) && table.largestBox > 0
            else { return nil }
            return Match(outputs: [place], classes: columns - 4, shares: true)
        case .ssd, .none: return nil
        }
    }

    /// How many objects such detectors ask for.
    private static let queries = [100, 300, 900]

    /// The one output that may hold boxes; beside it there may be pictures of prototype masks.
    private static func boxes(_ values: [TensorValue]) -> Int? {
        let tables = values.indices.filter { values[$0].shape.count == 3 }
        guard let place = tables.first, tables.count == 1, values[place].shape[0] == 1, values[place].type.isFloat,
            values.allSatisfy({ $0.shape.count >= 3 })
        else { return nil }
        return place
    }

    /// How many prototypes [1, K, H, W] a box's mask is mixed from; nil where there are none.
    private static func maskCoefficients(_ values: [TensorValue]) -> Int? {
        values.first { $0.shape.count == 4 && $0.shape[0] == 1 && $0.shape[1] > 1 && $0.type.isFloat }?.shape[1]
    }

    private static func matchPair(_ values: [TensorValue], trusted: Bool) throws -> Match? {
        let tables = values.indices.filter {
            values[$0].shape.count == 3 && values[$0].shape[0] == 1 && values[$0].shape[2] >= 1
                && values[$0].type.isFloat
        }
        // With four classes both look alike, but scores make no corners.
        let pairs = tables.filter { values[$0].shape[2] == 4 }.flatMap { boxes in
            tables.filter { $0 != boxes && values[$0].shape[1] == values[boxes].shape[1] }.map { (boxes, $0) }
        }
        let matches = try pairs.compactMap { try match(boxes: $0, scores: $1, values, trusted: trusted) }
        return matches.first(where: \.cornered)?.match ?? matches.first?.match
    }

    private static func match(
        boxes: Int, scores: Int, _ values: [TensorValue], trusted: Bool
    ) throws -> (match: Match, cornered: Bool)? {
        let columns = values[scores].shape[2]
        let table = HeadTable(try values[scores].floats(), rows: values[scores].shape[1], columns: columns)
        let corners = HeadTable(try values[boxes].floats(), rows: values[boxes].shape[1], columns: 4)
        guard trusted || (corners.rows >= fewestAnchors && table.areShares(0..<columns) && corners.largestBox < 1e5)
        else { return nil }
        let cornered = (0..<corners.rows).allSatisfy {
            corners[$0, 0] <= corners[$0, 2] && corners[$0, 1] <= corners[$0, 3]
        }
        let background = columns > 1 && table.rowsAddUpToOne
        let match = Match(
            outputs: [boxes, scores], classes: background ? columns - 1 : columns, shares: corners.holdsShares,
            background: background)
        return (match, cornered)
    }

    /// An SSD has at least so many. Fewer boxes with scores come from elsewhere, such as the cells of a table, step by step.
    private static let fewestAnchors = 100

    /// Whether a head of one grid and more, each half as fine as the one before, has so many boxes: one to three at each place.
    private static func isDense(_ boxes: Int, _ height: Int, _ width: Int) -> Bool {
        let strides = [4, 8, 16, 32, 64, 128]
        return strides.indices.contains { first in
            [true, false].contains { covers in
                var places = 0
                return strides[first...].contains { stride in
                    let rest = covers ? stride - 1 : 0
                    places += ((height + rest) / stride) * ((width + rest) / stride)
                    return [1, 2, 3].contains { $0 * places == boxes }
                }
            }
        }
    }

    fileprivate static func grids(_ height: Int, _ width: Int) -> [(stride: Int, across: Int, down: Int)] {
        [8, 16, 32].map { ($0, width / $0, height / $0) }
    }
}

// MARK: - Decoding

extension HeadReader {
    private func candidates(_ values: [TensorValue]) throws -> [Detection] {
        let first = values[outputs[0]]
        // A head that leaves its size open may have another form for another picture.
        guard first.shape.count == 3, first.shape[0] == 1, fits(values) else { return [] }
        let (rows, columns) = (first.shape[1], first.shape[2])
        switch head {
        case .yolo:
            let table = HeadTable(try first.floats(), rows: columns, columns: rows, transposed: true)
            return collect(table, scores: table, from: 4, objectness: nil) { centered(table, $0) }
        case .yoloObjectness:
            let table = HeadTable(try first.floats(), rows: rows, columns: columns)
            return collect(table, scores: table, from: 5, objectness: 4) { centered(table, $0) }
        case .yolox:
            let table = HeadTable(try first.floats(), rows: rows, columns: columns)
            let places = Self.grids(height, width).flatMap { grid in
                (0..<grid.down).flatMap { y in (0..<grid.across).map { x in (x, y, grid.stride) } }
            }
            return collect(table, scores: table, from: 5, objectness: 4) { row in
                let (x, y, stride) = places[row]
                let scale = Double(stride)
                return box(
                    x: (table[row, 0] + Double(x)) * scale, y: (table[row, 1] + Double(y)) * scale,
                    width: exp(table[row, 2]) * scale, height: exp(table[row, 3]) * scale)
            }
        case .endToEnd:
            let table = HeadTable(try first.floats(), rows: rows, columns: columns)
            return (0..<rows).compactMap { row in
                guard table[row, 4] > Self.minScore, let kind = Int(exactly: table[row, 5].rounded()) else {
                    return nil
                }
                let box = cornered(table, row)
                guard box.isFinite else { return nil }
                return Detection(box: box, score: table[row, 4], kind: kind)
            }
        case .detr:
            let table = HeadTable(try first.floats(), rows: rows, columns: columns)
            return (0..<rows).compactMap { row in
                let scores = (4..<columns).map { table[row, $0] }
                guard let best = scores.max(), best > Self.minScore, let kind = scores.firstIndex(of: best) else {
                    return nil
                }
                let box = centered(table, row)
                return box.isFinite ? Detection(box: box, score: best, kind: kind) : nil
            }
        case .ssd:
            let table = HeadTable(try first.floats(), rows: rows, columns: columns)
            let second = values[outputs[1]]
            let scores = HeadTable(try second.floats(), rows: second.shape[1], columns: second.shape[2])
            return collect(table, scores: scores, from: background ? 1 : 0, objectness: nil) { cornered(table, $0) }
        case .none: return []
        }
    }

    private func fits(_ values: [TensorValue]) -> Bool {
        let shape = values[outputs[0]].shape
        switch head {
        case .yolo: return shape[1] == 4 + classes + others
        case .yoloObjectness: return shape[2] == 5 + classes + others
        case .yolox:
            return shape[2] == 5 + classes + others
                && shape[1] == Self.grids(height, width).reduce(0) { $0 + $1.across * $1.down }
        case .endToEnd: return shape[2] == 6 + others
        case .detr: return shape[2] == 4 + classes
        case .ssd:
            let scores = values[outputs[1]].shape
            return shape[2] == 4 && scores.count == 3 && scores[0] == 1 && scores[1] == shape[1]
        case .none: return false
        }
    }

    /// Every class of every row that scores enough.
    private func collect(
        _ table: HeadTable, scores: HeadTable, from firstClass: Int, objectness: Int?, _ box: (Int) -> Box
    ) -> [Detection] {
        var found: [Detection] = []
        for row in 0..<table.rows {
            let certainty = objectness.map { table[row, $0] } ?? 1
            guard certainty > Self.minScore else { continue }
            for column in firstClass..<min(scores.columns, firstClass + classes) {
                let score = scores[row, column] * certainty
                guard score > Self.minScore else { continue }
                let place = box(row)
                guard place.isFinite else { break }
                found.append(Detection(box: place, score: score, kind: column - firstClass))
            }
        }
        return found
    }

    private func centered(_ table: HeadTable, _ row: Int) -> Box {
        let (across, down) = shares ? (Double(width), Double(height)) : (1, 1)
        return box(
            x: table[row, 0] * across, y: table[row, 1] * down, width: table[row, 2] * across,
            height: table[row, 3] * down)
    }

    private func cornered(_ table: HeadTable, _ row: Int) -> Box {
        let (across, down) = shares ? (Double(width), Double(height)) : (1, 1)
        return Box(
            left: table[row, 0] * across, top: table[row, 1] * down, right: table[row, 2] * across,
            bottom: table[row, 3] * down)
    }

    private func box(x: Double, y: Double, width: Double, height: Double) -> Box {
        Box(left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2)
    }
}
