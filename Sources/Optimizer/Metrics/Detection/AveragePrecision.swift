import Domain

/// Average precision as COCO's evaluation defines it (cocoeval of pycocotools: all areas, at most 100 detections of a class in
/// a picture, IoU 0.50 to 0.95, precision read at 101 recalls, mean over the classes that have objects).
struct AveragePrecision: Sendable {
    // Both as numpy's linspace rounds them, which pycocotools uses: a recall that lies on a point counts for or against it.
    private static let thresholds = (0..<10).map { 0.5 + Double($0) * ((0.95 - 0.5) / 9) }
    private static let recalls = (0...100).map { $0 == 100 ? 1 : Double($0) * 0.01 }
    private static let detectionsPerClass = 100

    /// A detection after matching: bit t tells of threshold t.
    private struct Judged: Sendable {
        var score: Double
        var picture: Int
        var matched: UInt16
        var ignored: UInt16
    }
    private var judged: [Int: [Judged]] = [:]
    /// Objects of each class by picture, those of crowds left out.
    private var objects: [Int: [Int: Int]] = [:]
    private(set) var pictures = 0

    var objectCount: Int { objects.values.reduce(0) { $0 + $1.values.reduce(0, +) } }

    /// Takes in one picture.
    mutating func add(_ detections: [Detection], truths: [LabelBox]) {
        let kinds = Set(detections.map(\.kind)).union(truths.map(\.kind))
        for kind in kinds {
            let found = detections.filter { $0.kind == kind }.sorted(by: [Detection].isBetter)
            // Regular objects first: a detection only falls to a crowd when it fits none of them.
            let wanted = truths.filter { $0.kind == kind }
            let truths = wanted.filter { !$0.crowd } + wanted.filter(\.crowd)
            let regular = truths.count { !$0.crowd }
            if regular > 0 { objects[kind, default: [:]][pictures] = regular }
            judged[kind, default: []] += match(Array(found.prefix(Self.detectionsPerClass)), truths)
        }
        pictures += 1
    }

    private func match(_ detections: [Detection], _ truths: [LabelBox]) -> [Judged] {
        var result = detections.map { Judged(score: $0.score, picture: pictures, matched: 0, ignored: 0) }
        let overlaps = detections.map { detection in
            truths.map { truth in
                let box = Box(left: truth.left, top: truth.top, right: truth.right, bottom: truth.bottom)
                guard truth.crowd else { return detection.box.iou(box) }
                // Inside a crowd a detection counts as covered by the share of it that lies within.
                return detection.box.area > 0 ? detection.box.overlap(box) / detection.box.area : 0
            }
        }
        for (bit, threshold) in Self.thresholds.enumerated() {
            var taken = [Bool](repeating: false, count: truths.count)
            for index in detections.indices {
                guard let truth = Self.best(overlaps[index], truths, taken, threshold) else { continue }
                taken[truth] = true
                result[index].matched |= 1 << bit
                if truths[truth].crowd { result[index].ignored |= 1 << bit }
            }
        }
        return result
    }

    /// The free object that overlaps most, the later one of equals as pycocotools takes it; a crowd is never used up.
    private static func best(_ overlaps: [Double], _ truths: [LabelBox], _ taken: [Bool], _ threshold: Double) -> Int? {
        var best: Int?
        var least = min(threshold, 1 - 1e-10)
        for (truth, overlap) in overlaps.enumerated() {
            if taken[truth], !truths[truth].crowd { continue }
            if let best, !truths[best].crowd, truths[truth].crowd { break }
            if overlap < least { continue }
            least = overlap
            best = truth
        }
        return best
    }

    // MARK: The precision

    /// Detections of one class, best first, ready to be counted with any weights of the pictures.
    private struct Ranking: Sendable {
        var judged: [Judged]
        var objects: [(picture: Int, count: Int)]
    }

    /// The mean over thresholds and classes, and at the first threshold; nil without objects.
    func result() -> Report.Detection.Precision? {
        Self.precision(rankings, [Int](repeating: 1, count: pictures))
    }

    private var rankings: [Ranking] {
        objects.keys.sorted().map { kind in
            // Equal scores keep the order of the pictures.
            let entries = (judged[kind] ?? []).enumerated().sorted {
                $0.element.score == $1.element.score ? $0.offset < $1.offset : $0.element.score > $1.element.score
            }
            return Ranking(
                judged: entries.map(\.element),
                objects: (objects[kind] ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        }
    }

    /// 95 % interval of `other`'s precision minus this one's: percentile bootstrap over the pictures (Efron 1979), both on
    /// the same draws. Nil when no draw has objects.
    func interval(to other: AveragePrecision, draws: Int? = nil, seed: UInt64 = 1) -> Report.Interval? {
        precondition(pictures == other.pictures, "both have seen the same pictures")
        let (mine, theirs) = (rankings, other.rankings)
        // A minute's worth at most: very large sets need fewer draws.
        let found = max(1, mine.reduce(0) { $0 + $1.judged.count } + theirs.reduce(0) { $0 + $1.judged.count })
        let draws = draws ?? min(300, max(100, 200_000_000 / found))
        var random = SplitMix64(seed: seed)
        var differences: [Double] = []
        for _ in 0..<draws {
            var weights = [Int](repeating: 0, count: pictures)
            for _ in 0..<pictures { weights[random.below(pictures)] += 1 }
            if let a = Self.precision(mine, weights), let b = Self.precision(theirs, weights) {
                differences.append(b.map - a.map)
            }
        }
        guard !differences.isEmpty else { return nil }
        differences.sort()
        return Report.Interval(
            low: Statistics.quantile(0.025, ofSorted: differences),
            high: Statistics.quantile(0.975, ofSorted: differences))
    }

    private static func precision(_ rankings: [Ranking], _ weights: [Int]) -> Report.Detection.Precision? {
        var sums = [Double](repeating: 0, count: thresholds.count)
        var classes = 0
        for ranking in rankings {
            let objects = ranking.objects.reduce(0) { $0 + $1.count * weights[$1.picture] }
            guard objects > 0 else { continue }
            classes += 1
            for bit in thresholds.indices { sums[bit] += precision(ranking.judged, UInt16(1) << bit, objects, weights) }
        }
        guard classes > 0 else { return nil }
        let means = sums.map { $0 / Double(classes) }
        return Report.Detection.Precision(map: means.reduce(0, +) / Double(means.count), map50: means[0])
    }

    /// The mean of the precision at recalls 0, 0.01 … 1, where the precision at a recall is the best at that recall or above.
    private static func precision(_ judged: [Judged], _ bit: UInt16, _ objects: Int, _ weights: [Int]) -> Double {
        var points: [(recall: Double, precision: Double)] = []
        var (hits, misses) = (0, 0)
        for detection in judged where weights[detection.picture] > 0 && detection.ignored & bit == 0 {
            if detection.matched & bit != 0 {
                hits += weights[detection.picture]
            } else {
                misses += weights[detection.picture]
            }
            points.append((Double(hits) / Double(objects), Double(hits) / Double(hits + misses)))
        }
        var best = 0.0
        for index in points.indices.reversed() {
            best = max(best, points[index].precision)
            points[index].precision = best
        }
        var sum = 0.0
        var place = 0
        for recall in recalls {
            while place < points.count, points[place].recall < recall { place += 1 }
            if place == points.count { break }
            sum += points[place].precision
        }
        return sum / 101
    }
}
