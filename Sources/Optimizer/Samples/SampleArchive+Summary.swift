package import Domain

extension SampleArchive {
    /// What the archive is, without reading its values: no ranges, no findings.
    package func outline(preprocessing: Preprocessing) -> SampleSetSummary {
        SampleSetSummary(
            format: format, samples: samples,
            arrays: arrays.map {
                SampleSetSummary.Array(name: $0.name, type: $0.type, shape: $0.shape, minimum: nil, maximum: nil)
            }, labelled: isLabelled, preprocessing: preprocessing, findings: [])
    }

    /// Reads every value once: ranges, findings, and refusal of what cannot be calibrated with.
    ///
    /// Throws `Failure(.invalidCalibrationSet)` naming the array and the sample, for NaN and infinity among others.
    package func summary(preprocessing: Preprocessing) throws -> SampleSetSummary {
        try survey(preprocessing: preprocessing).summary
    }

    /// The digest of each sample, in order.
    package func digests() throws -> [SampleDigest] { try survey().digests }

    /// What one pass over the values gives.
    struct Survey {
        var summary: SampleSetSummary
        var digests: [SampleDigest]
        /// By array, in the archive's order.
        var moments: [[SampleMoments]]
    }

    /// The summary and the digests of the samples out of one pass.
    func survey(preprocessing: Preprocessing) throws -> Survey {
        try preprocessing.check()
        _ = try labels()
        let (scans, digests) = try survey()
        var summary = outline(preprocessing: preprocessing)
        for (index, scan) in scans.enumerated() {
            summary.arrays[index].minimum = scan.minimum
            summary.arrays[index].maximum = scan.maximum
        }
        let moments = scans.map(\.samples)
        let health = SampleHealth(moments: moments, identities: digests)
        summary.health = health.report(duplicates: digests.count - Set(digests).count)
        summary.findings = SampleFindings(summary: summary, scans: scans, digests: digests, health: health).all
        return Survey(summary: summary, digests: digests, moments: moments)
    }

    private func survey() throws -> (scans: [ArrayScan], digests: [SampleDigest]) {
        var scans: [ArrayScan] = []
        var hashes: [[UInt64]] = []
        let reader = PieceReader()
        for array in arrays {
            var scan = ArrayScan()
            hashes.append(
                try reader.read(array, samples: samples) { piece, position, isLast in
                    try scan.check(piece, array, at: position)
                    if isLast { scan.endSample() }
                })
            scans.append(scan)
        }
        guard hashes.count > 1 else { return (scans, hashes[0].map(SampleDigest.init(value:))) }
        let digests = (0..<samples).map { index in
            var hash = XXH64()
            for array in hashes { withUnsafeBytes(of: array[index].littleEndian) { hash.update($0) } }
            return SampleDigest(value: hash.finish())
        }
        return (scans, digests)
    }
}

extension ArrayScan {
    /// Takes in a piece that starts `position` bytes into the array.
    fileprivate mutating func check(_ piece: UnsafeRawBufferPointer, _ array: SampleArray, at position: Int) throws {
        guard let bad = take(piece, type: array.type) else { return }
        let byte = position + bad * (array.type.storedWidth ?? 1)
        throw Failure.samples(
            "Array '\(array.name)' has NaN or infinity in sample \(byte / array.sampleBytes) (value "
                + "\(byte % array.sampleBytes / (array.type.storedWidth ?? 1)) of it). Remove the sample or repair it.",
            array: array.name)
    }
}

/// Reads arrays front to back through one buffer, hashing each sample on the way.
private final class PieceReader {
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)

    deinit { buffer.deallocate() }

    /// `body` gets pieces of whole values of one sample each, their place in the array, and whether they end the sample.
    /// Returns the hash of each sample.
    func read(
        _ array: SampleArray, samples: Int, _ body: (UnsafeRawBufferPointer, Int, Bool) throws -> Void
    ) throws -> [UInt64] {
        let total = samples * array.sampleBytes
        var hashes: [UInt64] = []
        hashes.reserveCapacity(samples)
        var hash = XXH64()
        var position = 0
        while position < total {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, total - position)])
            try array.file.read(at: array.offset + position, into: piece)
            var start = 0
            while start < piece.count {
                let left = array.sampleBytes - (position + start) % array.sampleBytes
                let part = min(left, piece.count - start)
                let values = UnsafeRawBufferPointer(rebasing: piece[start..<(start + part)])
                try body(values, position + start, part == left)
                hash.update(values)
                start += part
                if part == left {
                    hashes.append(hash.finish())
                    hash = XXH64()
                }
            }
            position += piece.count
        }
        return hashes
    }
}

extension ElementKind {
    /// Bytes of one value in an archive; nil for what no archive holds.
    var storedWidth: Int? {
        switch self {
        case .bool, .uint8, .int8: 1
        case .uint16, .int16, .float16, .bfloat16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .other: nil
        }
    }
}
