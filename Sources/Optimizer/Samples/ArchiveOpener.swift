import Domain

/// Turns the members of an `.npz` into arrays that can be read at any place.
struct ArchiveOpener {
    let file: SampleFile
    let directory: String
    let limits: SampleLimits
    let checkingSums: Bool

    func arrays(_ members: [ZipDirectory.Member]) throws -> [SampleArray] {
        guard members.count <= limits.arrays else {
            throw Failure.samples("The archive has \(members.count) members; at most \(limits.arrays) arrays are read.")
        }
        for member in members where !member.isArray {
            throw Failure.samples(
                "Member '\(member.name)' is not an array. A set of samples is an .npz written by numpy.savez, or a zip of "
                    + "JPEG and PNG pictures; remove the member.")
        }
        try refuseBombs(members)
        return try members.map { try array($0) }
    }

    private func array(_ member: ZipDirectory.Member) throws -> SampleArray {
        let name = String(member.name.dropLast(4))
        let data = ZipData(file: file, member: member)
        // What the head announces is compared with what the directory claims before anything is unpacked.
        let header = try NPYHeader(try data.prefix(limits.headerBytes), array: name, limit: limits.headerBytes)
        switch member.method {
        case .stored:
            let array = try SampleArray(name, header, file, at: member.dataOffset, length: member.size)
            if checkingSums { try data.readAll { _ in } }
            return array
        case .deflated:
            _ = try SampleArray(name, header, file, at: 0, length: member.size)
            return try SampleArray(name, header, try unpack(data), at: 0, length: member.size)
        }
    }

    private func refuseBombs(_ members: [ZipDirectory.Member]) throws {
        var total = 0
        for member in members where member.method == .deflated {
            let (sum, overflow) = total.addingReportingOverflow(member.size)
            guard !overflow, sum <= limits.inflatedBytes else {
                throw Failure.samples(
                    "The archive unpacks to more than \(limits.inflatedBytes) bytes. Use fewer samples; 100 to 1000 are "
                        + "plenty for calibration.")
            }
            total = sum
            let (allowed, wide) = member.compressedSize.multipliedReportingOverflow(by: limits.ratio)
            guard member.size <= limits.ratioFreeBytes || wide || member.size <= allowed else {
                throw Failure.samples(
                    "Member '\(member.name)' unpacks to \(member.size) bytes from \(member.compressedSize), more than "
                        + "real samples do. Save it with numpy.savez.", array: member.name)
            }
        }
    }

    private func unpack(_ data: ZipData) throws -> SampleFile {
        let unpacked = try NamelessFile(in: directory)
        var end = 0
        try data.readAll { piece in
            try unpacked.write(piece, at: end)
            end += piece.count
        }
        return try unpacked.reading()
    }
}

extension ZipDirectory.Member {
    var isArray: Bool { name.hasSuffix(".npy") && name.utf8.count > 4 }
}
