import Glibc
import Inference
import ModelGraph

/// How an output holds one class for each of its places.
enum ChoiceRule: Equatable, Sendable {
    /// The largest along an axis, of so many.
    case largest(axis: Int, classes: Int)
    /// The value itself is the choice: an output of integers, such as that of ArgMax.
    case value

    /// Read from FP32's output of one sample: integers, or distributions along an axis, which are values that add up to one
    /// (Softmax) or whose exponentials do (LogSoftmax). Nil for other numbers: which of them is the largest may mean nothing.
    init?(readFrom value: TensorValue) throws {
        guard value.count > 0 else { return nil }
        if value.type.isInteger {
            self = .value
            return
        }
        guard value.type.isFloat, value.shape.count >= 2 else { return nil }
        let values = try value.floats()
        let last = value.shape.count - 1
        for axis in [last] + (1..<max(last, 1)) where value.shape[axis] >= 2 {
            if Strided(value.shape, axis: axis).holdDistributions(values) {
                self = .largest(axis: axis, classes: value.shape[axis])
                return
            }
        }
        return nil
    }

    /// Takes the numbers of an output of three axes and more for class scores on its caller's word: along axis 1 for pictures
    /// [N, classes, H, W], else along the last axis, as sequences have them.
    init?(scoresOf value: TensorValue) {
        guard value.type.isFloat, value.count > 0, value.shape.count >= 3 else { return nil }
        let axis = value.shape.count >= 4 ? 1 : value.shape.count - 1
        guard value.shape[axis] >= 2 else { return nil }
        self = .largest(axis: axis, classes: value.shape[axis])
    }

    var axis: Int? { if case .largest(let axis, _) = self { axis } else { nil } }

    var classes: Int? { if case .largest(_, let classes) = self { classes } else { nil } }

    /// Sizes of the axes that places are counted along.
    func placeShape(_ shape: [Int]) -> [Int] { shape.indices.filter { $0 != axis }.map { shape[$0] } }

    /// What is chosen at each place; nil when the output is not as the rule has it.
    func choices(in value: TensorValue) throws -> [Int]? {
        switch self {
        case .value: return value.type.isInteger ? try value.integers() : nil
        case .largest(let axis, let classes):
            guard value.type.isFloat, axis < value.shape.count, value.shape[axis] == classes else { return nil }
            return Strided(value.shape, axis: axis).largest(try value.floats())
        }
    }
}

/// The rows of a tensor along one of its axes.
private struct Strided {
    let length: Int
    let inner: Int
    let outer: Int

    init(_ shape: [Int], axis: Int) {
        length = shape[axis]
        inner = shape[(axis + 1)...].reduce(1, *)
        outer = shape[..<axis].reduce(1, *)
    }

    /// Index of the largest in each row; of equal ones the first, as argmax has it, and -1 where one is not a number.
    func largest(_ values: [Float]) -> [Int] {
        var chosen = [Int](repeating: 0, count: outer * inner)
        for block in 0..<outer {
            var best = [Float](repeating: -.infinity, count: inner)
            for index in 0..<length {
                let start = (block * length + index) * inner
                for place in 0..<inner {
                    let value = values[start + place]
                    if value > best[place] {
                        (best[place], chosen[block * inner + place]) = (value, index)
                    } else if value.isNaN {
                        // Nothing is larger than what comes now.
                        (best[place], chosen[block * inner + place]) = (.infinity, -1)
                    }
                }
            }
        }
        return chosen
    }

    /// Whether each row adds up to one, as shares or as logarithms of shares.
    func holdDistributions(_ values: [Float]) -> Bool {
        let shares = values.allSatisfy { (-1e-4...1.0001).contains($0) }
        guard shares || values.allSatisfy({ $0 <= 1e-3 }) else { return false }
        for block in 0..<outer {
            var sums = [Double](repeating: 0, count: inner)
            for index in 0..<length {
                let start = (block * length + index) * inner
                for place in 0..<inner {
                    let value = Double(values[start + place])
                    sums[place] += shares ? value : exp(value)
                }
            }
            guard sums.allSatisfy({ abs($0 - 1) < 0.01 }) else { return false }
        }
        return true
    }
}
