import CKernels
import Domain
import Glibc

/// Resizes pictures as Pillow does: a filter as wide as the scale asks for, weights in 22 bits, across and then down, each
/// rounded to bytes (Pillow, "Concepts: Filters"; the arithmetic is documented by its results, which tests compare).
struct Resampler: ~Copyable {
    private let recipe: PictureRecipe.Resolved
    /// Rows of the source that the result needs, already resized across.
    private var rows = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private let line: UnsafeMutableRawBufferPointer
    private var across: (taps: FilterTaps, key: [Int])?
    private var down: (taps: FilterTaps, key: [Int])?

    init(_ recipe: PictureRecipe.Resolved) {
        self.recipe = recipe
        line = .allocate(byteCount: recipe.width * 4, alignment: 64)
    }

    deinit {
        rows.deallocate()
        line.deallocate()
    }

    /// `result` has height * width * channels bytes.
    mutating func resize(
        _ canvas: borrowing PictureCanvas, _ frame: PictureFrame, into result: UnsafeMutableRawBufferPointer
    ) {
        precondition(result.count == recipe.bytes, "the result is one sample")
        let x = max(frame.left, 0)..<min(frame.left + frame.width, recipe.width)
        let y = max(frame.top, 0)..<min(frame.top + frame.height, recipe.height)
        if x.count < recipe.width || y.count < recipe.height {
            result.initializeMemory(as: UInt8.self, repeating: UInt8(recipe.fill))
        }
        let columns = Self.taps(
            &across, canvas.width, frame.width, (x.lowerBound - frame.left)..<(x.upperBound - frame.left),
            recipe.interpolation)
        let lines = Self.taps(
            &down, canvas.height, frame.height, (y.lowerBound - frame.top)..<(y.upperBound - frame.top),
            recipe.interpolation)
        let needed = lines.span
        shrink(canvas, columns, needed)
        let target = result.bindMemory(to: UInt8.self)
        for (index, row) in y.enumerated() {
            combine(lines, index, needed.lowerBound, x.count * 4)
            store(x.count, target, (row * recipe.width + x.lowerBound) * recipe.channels)
        }
    }

    private mutating func shrink(_ canvas: borrowing PictureCanvas, _ taps: FilterTaps, _ needed: Range<Int>) {
        let stride = taps.first.count * 4
        if rows.count < needed.count * stride {
            rows.deallocate()
            rows = .allocate(byteCount: needed.count * stride, alignment: 64)
        }
        let source = canvas.pixels.bindMemory(to: UInt8.self)
        let target = rows.bindMemory(to: UInt8.self)
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        let width = canvas.width * 4
        taps.withTable { table in
            for row in needed {
                octavo_resample_across(from + row * width, table, to + (row - needed.lowerBound) * stride)
            }
        }
    }

    private func combine(_ taps: FilterTaps, _ index: Int, _ firstRow: Int, _ stride: Int) {
        let source = rows.bindMemory(to: UInt8.self)
        let target = line.bindMemory(to: UInt8.self)
        taps.weights.withUnsafeBufferPointer { weights in
            guard let from = source.baseAddress, let to = target.baseAddress, let weight = weights.baseAddress else {
                return
            }
            octavo_resample_down(
                from + (Int(taps.first[index]) - firstRow) * stride, stride, stride, weight + index * taps.width,
                taps.length[index], to)
        }
    }

    private func store(_ count: Int, _ result: UnsafeMutableBufferPointer<UInt8>, _ start: Int) {
        let pixels = line.bindMemory(to: UInt8.self)
        let channels = recipe.channels
        for pixel in 0..<count {
            for channel in 0..<channels { result[start + pixel * channels + channel] = pixels[pixel * 4 + channel] }
        }
    }

    /// Pictures of one set often have the same size; their weights are made once.
    private static func taps(
        _ kept: inout (taps: FilterTaps, key: [Int])?, _ source: Int, _ target: Int, _ range: Range<Int>,
        _ filter: PictureRecipe.Interpolation
    ) -> FilterTaps {
        let key = [source, target, range.lowerBound, range.upperBound]
        if let kept, kept.key == key { return kept.taps }
        let taps = FilterTaps(source: source, target: target, range: range, filter)
        kept = (taps, key)
        return taps
    }
}

/// The weights of a resize along one axis, for the results in `range` of `target`.
struct FilterTaps {
    /// Weights kept for each result.
    let width: Int
    private(set) var first: [Int32] = []
    private(set) var length: [Int32] = []
    private(set) var weights: [Int32] = []

    init(source: Int, target: Int, range: Range<Int>, _ filter: PictureRecipe.Interpolation) {
        let scale = Double(source) / Double(target)
        guard filter != .nearest else {
            width = 1
            for x in range {
                first.append(Int32(min(Int((Double(x) + 0.5) * scale), source - 1)))
                length.append(1)
                weights.append(1 << 22)
            }
            return
        }
        let stretch = max(scale, 1)
        let support = filter.support * stretch
        width = Int(support.rounded(.up)) * 2 + 1
        for x in range {
            let center = (Double(x) + 0.5) * scale
            let low = max(Int(center - support + 0.5), 0)
            let high = min(Int(center + support + 0.5), source)
            let raw = (low..<high).map { filter.weight((Double($0) - center + 0.5) / stretch) }
            let sum = raw.reduce(0, +)
            let fixed = raw.map { Int32(($0 / sum * Double(1 << 22)).rounded(.toNearestOrAwayFromZero)) }
            first.append(Int32(low))
            length.append(Int32(high - low))
            weights += fixed + [Int32](repeating: 0, count: width - fixed.count)
        }
    }

    /// Places of the source that any result needs.
    var span: Range<Int> {
        let low = first.min() ?? 0
        let high = zip(first, length).map { $0 + $1 }.max() ?? 0
        return Int(low)..<Int(high)
    }

    func withTable(_ body: (UnsafePointer<octavo_taps>) -> Void) {
        first.withUnsafeBufferPointer { first in
            length.withUnsafeBufferPointer { length in
                weights.withUnsafeBufferPointer { weights in
                    guard let a = first.baseAddress, let b = length.baseAddress, let c = weights.baseAddress else {
                        return
                    }
                    var table = octavo_taps(
                        count: Int32(first.count), width: Int32(width), first: a, length: b, weights: c)
                    body(&table)
                }
            }
        }
    }
}

extension PictureRecipe.Interpolation {
    /// How far a filter reaches, in pixels of the smaller picture.
    fileprivate var support: Double {
        switch self {
        case .nearest: 0.5
        case .bilinear: 1
        case .bicubic: 2
        case .lanczos: 3
        }
    }

    /// The triangle; Keys' cubic convolution with a = -0.5 (1981); sinc windowed by sinc(x/3).
    fileprivate func weight(_ x: Double) -> Double {
        let x = abs(x)
        switch self {
        case .nearest: return 1
        case .bilinear: return max(1 - x, 0)
        case .bicubic:
            if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
            return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0
        case .lanczos: return x < 3 ? Self.sinc(x) * Self.sinc(x / 3) : 0
        }
    }

    private static func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }
}
