extension WorkEvent {
    /// Whether the server can compute with what an inspection or a lint found: counts are not negative, and small enough that
    /// sums and products of them fit. A worker that a file took over could say anything.
    package var isCountable: Bool {
        switch self {
        case .inspectedModel(let summary): summary.isCountable
        case .inspectedSamples(let summary): summary.isCountable
        case .lintedModel(let report): report.isCountable
        default: true
        }
    }
}

extension Int {
    /// What JSON still says exactly.
    fileprivate var isCount: Bool { (0...1 << 53).contains(self) }
}

extension ModelSummary {
    fileprivate var isCountable: Bool { ([parameters, weightBytes] + operators.values).allSatisfy(\.isCount) }
}

extension SampleSetSummary {
    fileprivate var isCountable: Bool {
        (0...1 << 32).contains(samples) && arrays.flatMap(\.shape).allSatisfy { $0 >= 0 }
            && preprocessing.pictures?.isCountable ?? true && pictures?.isCountable ?? true
    }
}

extension PictureRecipe {
    fileprivate var isCountable: Bool {
        let sides = 1...PictureLimits.side
        return size.map { (1...2).contains($0.count) && $0.allSatisfy(sides.contains) } ?? true
            && shortSide.map(sides.contains) ?? true && fill.map((0...255).contains) ?? true
    }
}

extension SampleSetSummary.Pictures {
    fileprivate var isCountable: Bool {
        [jpeg, png, smallest.width, smallest.height, largest.width, largest.height, boxes ?? 0, skippedCount]
            .allSatisfy(\.isCount)
    }
}

extension LintReport {
    fileprivate var isCountable: Bool {
        ([nodes, errors, warnings, omitted] + rules.map(\.violations)).allSatisfy(\.isCount)
    }
}
