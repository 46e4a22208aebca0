/// Which array of a sample set feeds which input of a model, or why none does.
package struct Fit: Equatable, Sendable {
    package struct Binding: Equatable, Sendable {
        package var input: TensorSignature
        package var array: SampleSetSummary.Array
        /// True when the array has one axis more than the input: each sample is a whole input. False when axis 0 of the
        /// array is the batch axis: each sample is one row, fed as batch 1.
        package var wholeInputs: Bool
        /// Shape of one sample as the engine gets it, after the layout change.
        package var sampleShape: [Int]
    }
    package var bindings: [Binding]
    package var samples: Int

    /// Matches by name first; a lone array feeds a lone input whatever its name; otherwise arrays are matched to inputs by
    /// rank, sizes and type when only one assignment is possible.
    ///
    /// Throws `Failure(.invalidCalibrationSet)` naming the input, what it expects and what came.
    package init(model: ModelSummary, set: SampleSetSummary) throws {
        let set = try set.developed(for: model)
        samples = set.samples
        bindings = []
        let choice = try Self.assign(inputs: model.inputs, set: set)
        for input in model.inputs {
            guard let array = choice[input.name] else {
                throw Self.failure(
                    input,
                    "no array feeds it; the set has " + Self.list(set.arrays)
                        + ". Name an array in the .npz like the input.")
            }
            bindings.append(try Self.bind(input, array, set))
        }
        guard samples > 0 else {
            throw Failure(.invalidCalibrationSet, stage: .load, detail: "The set has no samples; post at least one.")
        }
    }

    private static func assign(inputs: [TensorSignature], set: SampleSetSummary) throws
        -> [String: SampleSetSummary.Array]
    {
        if inputs.count == 1, set.arrays.count == 1 { return [inputs[0].name: set.arrays[0]] }
        var choice: [String: SampleSetSummary.Array] = [:]
        var open = set.arrays
        for input in inputs {
            if let index = open.firstIndex(where: { $0.name == input.name }) {
                choice[input.name] = open.remove(at: index)
            }
        }
        for input in inputs where choice[input.name] == nil {
            let fitting = open.filter { (try? bind(input, $0, set)) != nil }
            if fitting.count == 1 { choice[input.name] = fitting[0] }
            if fitting.count > 1 {
                throw failure(
                    input,
                    "the arrays " + list(fitting)
                        + " would all fit. Name one of them like the input so that the choice is yours.")
            }
        }
        return choice
    }

    private static func bind(_ input: TensorSignature, _ array: SampleSetSummary.Array, _ set: SampleSetSummary) throws
        -> Binding
    {
        guard array.shape.first == set.samples else {
            throw failure(
                input, "array '\(array.name)' has shape \(array.shape), but axis 0 must count \(set.samples) samples.")
        }
        guard isConvertible(array.type, to: input.type) else {
            throw failure(input, "array '\(array.name)' is \(array.type.rawValue), which does not convert.")
        }
        var rest = Array(array.shape.dropFirst())
        guard let shape = input.shape else {
            return Binding(input: input, array: array, wholeInputs: true, sampleShape: layout(rest, set, input))
        }
        let whole = array.shape.count == shape.count + 1
        guard whole || array.shape.count == shape.count, whole || !shape.isEmpty else {
            throw failure(
                input,
                "array '\(array.name)' has shape \(array.shape); give [N, ...] with one sample of the input's "
                    + "shape each, or the input's own rank with N in place of the batch.")
        }
        if !whole { rest.insert(1, at: 0) }
        rest = layout(rest, set, input)
        for (axis, size) in rest.enumerated() {
            if case .fixed(let expected) = shape[axis], expected != size {
                throw failure(
                    input,
                    "array '\(array.name)' of shape \(array.shape) gives samples of shape \(rest); axis \(axis) "
                        + "must be \(expected), not \(size).")
            }
        }
        return Binding(input: input, array: array, wholeInputs: whole, sampleShape: rest)
    }

    /// The shape after the set's layout change, which concerns float inputs of rank 3 and 4 only.
    private static func layout(_ shape: [Int], _ set: SampleSetSummary, _ input: TensorSignature) -> [Int] {
        guard set.preprocessing.layout == .nhwcToNCHW, input.type.isFloat, shape.count == 3 || shape.count == 4 else {
            return shape
        }
        let n = shape.count
        return Array(shape[..<(n - 3)]) + [shape[n - 1], shape[n - 3], shape[n - 2]]
    }

    /// Any number becomes a float; integers only widen or keep their type.
    private static func isConvertible(_ from: ElementKind, to: ElementKind) -> Bool {
        if from == to { return true }
        if to.isFloat { return from.isNumber }
        return from.isInteger && to.isInteger
    }

    private static func failure(_ input: TensorSignature, _ what: String) -> Failure {
        Failure(
            .invalidCalibrationSet, stage: .load, detail: "Input '\(input.name)' expects \(input.form): \(what)",
            pointer: input.name)
    }

    private static func list(_ arrays: [SampleSetSummary.Array]) -> String {
        arrays.isEmpty
            ? "no arrays" : arrays.map { "'\($0.name)' \($0.type.rawValue)\($0.shape)" }.joined(separator: ", ")
    }
}

extension ElementKind {
    package var isFloat: Bool { [.float32, .float64, .float16, .bfloat16].contains(self) }
    package var isInteger: Bool {
        [.uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64].contains(self)
    }
    package var isNumber: Bool { isFloat || isInteger || self == .bool }
}
