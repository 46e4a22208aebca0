/// An output as rows of one candidate each.
struct HeadTable {
    let values: [Float]
    let rows: Int
    let columns: Int
    private let rowStride: Int
    private let columnStride: Int

    init(_ values: [Float], rows: Int, columns: Int, transposed: Bool = false) {
        (self.values, self.rows, self.columns) = (values, rows, columns)
        (rowStride, columnStride) = transposed ? (1, rows) : (columns, 1)
    }

    subscript(row: Int, column: Int) -> Double { Double(values[row * rowStride + column * columnStride]) }

    /// Scores from 0 to 1, and no box of negative size.
    func looksLikeHead(scores: Range<Int>, decoded: Bool = true) -> Bool {
        areShares(scores) && (!decoded || (0..<rows).allSatisfy { self[$0, 2] >= 0 && self[$0, 3] >= 0 })
    }

    func areShares(_ columns: Range<Int>) -> Bool { columns.allSatisfy(isShare) }

    private func isShare(_ column: Int) -> Bool {
        (0..<rows).allSatisfy { (-1e-4...1.0001).contains(self[$0, column]) }
    }

    /// How many numbers stand behind a box and its scores, which begin before or at column `first`: the coefficients of so many
    /// `masks`, where the last columns are no scores, or keypoints.
    func others(behind first: Int, masks: Int?) -> Int {
        if let masks, columns > first + masks, !areShares((columns - masks)..<columns) { return masks }
        return keypointNumbers(behind: first)
    }

    /// Keypoints are x, y and visibility, in pixels and a share: what is left behind the leading shares from column `first` on.
    /// 0 where all are shares, or the rest is none of those.
    private func keypointNumbers(behind first: Int) -> Int {
        guard columns > first else { return 0 }
        let scores = (first..<columns).prefix { isShare($0) }
        let rest = (first + scores.count)..<columns
        guard !scores.isEmpty, !rest.isEmpty, rest.count % 3 == 0,
            stride(from: rest.lowerBound + 2, to: columns, by: 3).allSatisfy(isShare)
        else { return 0 }
        return rest.count
    }

    var rowsAddUpToOne: Bool {
        (0..<rows).allSatisfy { row in
            let sum = (0..<columns).reduce(0) { $0 + self[row, $1] }
            return abs(sum - 1) < 0.01
        }
    }

    var largestBox: Double {
        (0..<rows).reduce(0) { largest, row in (0..<4).reduce(largest) { max($0, abs(self[row, $1])) } }
    }

    /// An object that covers the whole input has edges of at most about 1; pixels go far beyond.
    /// A table without any box tells nothing, and most heads give pixels.
    var holdsShares: Bool { largestBox > 0 && largestBox < 4 }

    /// Whole classes, scores from 0 to 1 and boxes the right way round, or nil.
    var classesOfEndToEnd: Int? {
        var largest = 0.0
        for row in 0..<rows {
            let (score, kind) = (self[row, 4], self[row, 5])
            guard (-1e-4...1.0001).contains(score), kind >= 0, kind < 100_000, kind == kind.rounded() else {
                return nil
            }
            if score > 0.01, self[row, 2] < self[row, 0] || self[row, 3] < self[row, 1] { return nil }
            largest = max(largest, kind)
        }
        return Int(largest) + 1
    }
}
