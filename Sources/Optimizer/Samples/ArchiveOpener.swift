import Domain
import Glibc

/// Turns the members of an `.npz` into arrays that can be read at any place.
struct ArchiveOpener {
    let file: SampleFile
    let directory: String
    let limits: SampleLimits
    let checkingSums: Bool

    func arrays() throws -> [SampleArray] {
        let members = try ZipDirectory(file, limits: limits).members
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

    /// The file has no name once it is open, so that it is gone whatever happens to this process.
    private func unpack(_ data: ZipData) throws -> SampleFile {
        let path = directory + "/samples-\(getpid())-\(data.member.headerOffset)"
        unlink(path)
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw writing(errno) }
        unlink(path)
        do {
            try data.readAll { piece in
                var rest = piece
                while !rest.isEmpty {
                    let written = write(descriptor, rest.baseAddress, rest.count)
                    if written < 0, errno == EINTR { continue }
                    guard written > 0 else { throw writing(errno) }
                    rest = UnsafeRawBufferPointer(rebasing: rest[written...])
                }
            }
        } catch {
            close(descriptor)
            throw error
        }
        return try SampleFile(adopting: descriptor)
    }

    private func writing(_ number: Int32) -> Failure {
        let full = number == ENOSPC || number == EDQUOT || number == EFBIG
        return Failure(
            full ? .outOfDisk : .internal, stage: .load,
            detail: "Unpacking the samples failed: \(reason(number))."
                + (full ? " Free some space, or save the set with numpy.savez, which needs none." : ""))
    }
}
