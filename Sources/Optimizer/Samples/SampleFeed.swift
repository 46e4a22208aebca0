package import Domain
import Glibc
package import Inference
package import ModelGraph
import Synchronization

/// Model inputs out of a sample archive, one sample at a time, in any order, from any thread. Memory is that of the
/// samples in flight, whatever the archive holds.
package final class SampleFeed: Sendable {
    package let count: Int
    /// The class index of each sample, where the archive has labels.
    package let labels: [Int]?
    /// What the labels of pictures say; nil for arrays.
    package var pictures: DevelopedPictures? { archive.pictures }
    /// Everything beside their bytes that decides what the model gets of the samples, in words.
    let arrangement: [String]

    private struct Input: Sendable {
        let name: String
        let type: ElementType
        let shape: [Int]
        let array: SampleArray
        let conversion: SampleConversion
    }
    private let archive: SampleArchive
    private let inputs: [Input]
    private let buffers = BufferShelf()

    /// Throws `Failure(.invalidCalibrationSet)` when the preprocessing does not go with an array's channels.
    package init(archive: SampleArchive, fit: Fit, preprocessing: Preprocessing) throws {
        self.archive = archive
        count = fit.samples
        labels = try archive.labels()
        inputs = try fit.bindings.map { binding in
            guard let array = archive.arrays.first(where: { $0.name == binding.array.name }),
                let type = binding.input.type.elementType
            else {
                throw Failure.samples("Input '\(binding.input.name)' has no array that can feed it.")
            }
            return Input(
                name: binding.input.name, type: type, shape: binding.sampleShape, array: array,
                conversion: try SampleConversion(binding, preprocessing))
        }
        let recipe = String(decoding: try JSON.encode(preprocessing), as: UTF8.self)
        arrangement =
            fit.bindings.map { binding in
                let array = binding.array
                return "\(binding.input.name) \(binding.input.type.rawValue) \(binding.sampleShape) from \(array.name) "
                    + "\(array.type.rawValue) \(Array(array.shape.dropFirst()))"
            } + [recipe]
    }

    /// The inputs of one sample, by input name, in new tensors.
    package func sample(_ index: Int) throws -> [String: TensorValue] {
        var values: [String: TensorValue] = [:]
        for input in inputs {
            let value = try TensorValue(zeros: input.type, shape: input.shape)
            try fill(value, with: index, input)
            values[input.name] = value
        }
        return values
    }

    /// As `sample`, but overwrites tensors that an earlier call returned and nobody else uses any more.
    package func refill(_ values: [String: TensorValue], with index: Int) throws {
        for input in inputs {
            guard let value = values[input.name], value.type == input.type, value.shape == input.shape else {
                preconditionFailure("refill takes what sample returned")
            }
            try fill(value, with: index, input)
        }
    }

    /// Reads every sample once. Digests name samples by content: choosing by digest does not depend on their order, and
    /// equal digests in two sets are the same sample.
    package func digests() throws -> [SampleDigest] { try archive.digests() }

    private func fill(_ value: TensorValue, with index: Int, _ input: Input) throws {
        precondition((0..<count).contains(index), "samples are counted from 0")
        try value.withMutableBytes { result in
            if input.conversion.isIdentity { return try input.array.read(sample: index, into: result) }
            try buffers.withBuffer(input.array.sampleBytes) { stored in
                try input.array.read(sample: index, into: stored)
                try input.conversion.convert(UnsafeRawBufferPointer(stored), into: result, sample: index)
            }
        }
    }
}

/// Read buffers between uses: as many as threads were ever busy at once.
private final class BufferShelf: Sendable {
    private struct Buffer: @unchecked Sendable {
        // Owned by whoever took it off the shelf.
        let bytes: UnsafeMutableRawBufferPointer
    }
    private let shelf = Mutex<[Buffer]>([])

    deinit { shelf.withLock { $0.forEach { $0.bytes.deallocate() } } }

    func withBuffer<R>(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
        var buffer = shelf.withLock { $0.popLast() }
        if let small = buffer, small.bytes.count < count {
            small.bytes.deallocate()
            buffer = nil
        }
        let taken = buffer ?? Buffer(bytes: .allocate(byteCount: count, alignment: 64))
        defer { shelf.withLock { $0.append(taken) } }
        return try body(UnsafeMutableRawBufferPointer(rebasing: taken.bytes[..<count]))
    }
}

extension ElementKind {
    /// The ONNX element type; nil for `other`.
    package var elementType: ElementType? {
        switch self {
        case .float32: .float
        case .float64: .double
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .uint8: .uint8
        case .int8: .int8
        case .uint16: .uint16
        case .int16: .int16
        case .uint32: .uint32
        case .int32: .int32
        case .uint64: .uint64
        case .int64: .int64
        case .bool: .bool
        case .string: .string
        case .other: nil
        }
    }
}
