import Foundation

extension Model {
    /// What happens to tensors when a model is written.
    package enum WeightPlacement: Sendable {
        /// All in one file where that can be (2 GiB), else large initializers in `<name>.data` beside it.
        case automatic
        /// All in one file; `ModelError.tooLarge` beyond 2 GiB.
        case inside
        /// Tensors that refer to other files go on doing so.
        case asTheyAre
        /// Large initializers always in `<name>.data`.
        case beside
    }

    /// protobuf's libraries refuse larger messages.
    private static let messageLimit = Int(Int32.max)

    /// Writes the model, weights straight from the file that they were read from. Each file appears complete or not at
    /// all; writing over the file that was read is fine. Returns the paths written, the model's first.
    @discardableResult
    package func write(to path: String, weights: WeightPlacement = .automatic) throws -> [String] {
        try write(to: path, weights: weights, messageLimit: Self.messageLimit)
    }

    /// The same with another limit, for tests.
    @discardableResult
    func write(to path: String, weights: WeightPlacement, messageLimit: Int) throws -> [String] {
        let dataPath = path + ".data"
        let outside = ModelEncoder.Weights.outside(fileName: URL(fileURLWithPath: dataPath).lastPathComponent)
        var encoder: ModelEncoder
        switch weights {
        case .automatic, .inside: encoder = ModelEncoder(weights: .inside)
        case .asTheyAre: encoder = ModelEncoder(weights: .asTheyAre)
        case .beside: encoder = ModelEncoder(weights: outside)
        }
        var message = try encoder.encode(self)
        if message.count > messageLimit, case .automatic = weights {
            encoder = ModelEncoder(weights: outside)
            message = try encoder.encode(self)
        }
        guard message.count <= messageLimit else {
            throw ModelError.tooLarge(what: "the model needs \(message.count) bytes in one file", limit: messageLimit)
        }
        var written = [path]
        if !encoder.outside.isEmpty {
            try FileSink.write(to: dataPath) { sink in
                for (offset, slice) in encoder.outside {
                    try sink.pad(to: offset)
                    try sink.write(.slice(slice))
                }
            }
            written.append(dataPath)
        }
        try FileSink.write(to: path) { sink in
            for piece in message.pieces { try sink.write(piece) }
        }
        return written
    }

    /// Gives the encoded model, with all weights inside, to `body` piece by piece: for a digest, whatever its size.
    package func visitEncoded(_ body: (UnsafeRawBufferPointer) -> Void) throws {
        var encoder = ModelEncoder(weights: .inside)
        for piece in try encoder.encode(self).pieces {
            switch piece {
            case .owned(let part): part.withUnsafeBytes { body($0) }
            case .slice(let slice): slice.withBytes { body($0) }
            }
        }
    }

    /// The model file as bytes, with all weights inside.
    package func bytes() throws -> [UInt8] {
        var encoder = ModelEncoder(weights: .inside)
        let message = try encoder.encode(self)
        guard message.count <= Self.messageLimit else {
            throw ModelError.tooLarge(
                what: "the model needs \(message.count) bytes in one file", limit: Self.messageLimit)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(message.count)
        for piece in message.pieces {
            switch piece {
            case .owned(let part): bytes.append(contentsOf: part)
            case .slice(let slice): slice.withBytes { bytes.append(contentsOf: $0) }
            }
        }
        return bytes
    }
}
