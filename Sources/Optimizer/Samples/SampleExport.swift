package import Domain
import Foundation
import Glibc
import Inference

/// Writes what a model gets of a set of samples as one `.npy`, so that people can look at it and other tools can use it.
package struct SampleExport {
    /// How the samples were preprocessed, with nothing left open.
    package let preprocessing: Preprocessing
    package let samples: Int
    package let findings: [Finding]

    private static let block = 16

    /// Throws `Failure` when the set does not fit the model, or the model has more than one input.
    package init(
        _ samples: StagedSamples, for model: StagedModel, to path: String, scratch: String, threads: Int
    ) throws {
        let summary = try LoadedModel(model).summary
        guard summary.inputs.count == 1 else {
            throw Failure(
                .invalidCalibrationSet, stage: .load,
                detail: "The model has \(summary.inputs.count) inputs; only what goes into a single one is written.")
        }
        let opened = try Inputs.open(samples, summary, scratch: scratch, threads: threads)
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw Self.failure(path) }
        defer { close(file) }
        let input = summary.inputs[0]
        try Self.write(opened.feed, input, threads) { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let written = Glibc.write(file, rest.baseAddress, rest.count)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { throw Self.failure(path) }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
        (preprocessing, self.samples, findings) = (opened.preprocessing, opened.feed.count, opened.findings)
    }

    private static func failure(_ path: String) -> Failure {
        Failure(.outOfDisk, stage: .load, detail: "Cannot write '\(path)': \(reason(errno)).")
    }

    /// The head, then the samples in order, some at a time on all threads.
    private static func write(
        _ feed: SampleFeed, _ input: TensorSignature, _ threads: Int, _ put: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let values = try (0..<min(block, feed.count)).map { _ in try feed.sample(0) }
        guard let first = values.first?[input.name], let code = input.type.numpyCode else {
            throw Failure.samples("Input '\(input.name)' of type \(input.type.rawValue) has no form in an .npy.")
        }
        // A sample of batch 1 is one line of the array; whole inputs without that axis are stacked.
        let shape = [feed.count] + (first.shape.first == 1 ? Array(first.shape.dropFirst()) : first.shape)
        try head(code, shape).withUnsafeBytes(put)
        for start in stride(from: 0, to: feed.count, by: block) {
            let count = min(block, feed.count - start)
            try shareOut(count, over: threads) { place, _ in try feed.refill(values[place], with: start + place) }
            for place in 0..<count { try values[place][input.name]?.withBytes(put) }
        }
    }

    /// NPY format 1.0 or 2.0 (numpy.lib.format).
    private static func head(_ code: String, _ shape: [Int]) -> [UInt8] {
        let sizes = shape.map { "\($0)" }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var text = Array("{'descr': '\(code)', 'fortran_order': False, 'shape': (\(sizes)), }".utf8)
        while (10 + text.count + 1) % 64 != 0 { text.append(0x20) }
        text.append(0x0a)
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count & 255), UInt8(text.count >> 8)] + text
    }
}

extension ElementKind {
    fileprivate var numpyCode: String? {
        switch self {
        case .float32: "<f4"
        case .float64: "<f8"
        case .float16: "<f2"
        case .uint8: "|u1"
        case .int8: "|i1"
        case .uint16: "<u2"
        case .int16: "<i2"
        case .uint32: "<u4"
        case .int32: "<i4"
        case .uint64: "<u8"
        case .int64: "<i8"
        case .bool: "|b1"
        case .bfloat16, .string, .other: nil
        }
    }
}
