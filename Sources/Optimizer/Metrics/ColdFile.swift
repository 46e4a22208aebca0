import Foundation
import Glibc

/// Copies of a model's files that are on disk and not in memory, so that opening them takes as long as on a machine that has
/// just started.
struct ColdFile {
    /// Where the copy of the model's file is.
    let path: String
    private let directory: String

    /// Larger models are not copied just to be timed.
    private static let limit: Int64 = 1 << 30

    enum Absence: Error { case because(String) }

    /// Throws `Absence` when the system keeps the files in memory, or they are too large.
    init(_ files: [String], from source: String, below scratch: String) throws {
        directory = scratch + "/cold"
        path = directory + "/" + (files.first ?? "")
        try? FileManager.default.removeItem(atPath: directory)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let sizes = try files.map { file in
            try (FileManager.default.attributesOfItem(atPath: source + "/" + file)[.size] as? NSNumber)?.int64Value ?? 0
        }
        guard sizes.reduce(0, +) <= Self.limit else { throw Absence.because("the model is larger than 1 GiB") }
        for file in files {
            let copy = directory + "/" + file
            try FileManager.default.copyItem(atPath: source + "/" + file, toPath: copy)
            guard try Self.evict(copy) < 0.05 else {
                throw Absence.because("the system does not let go of the file's pages")
            }
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: directory) }

    /// Writes the file out and asks the kernel to forget it; gives the share of its pages that are still in memory.
    private static func evict(_ path: String) throws -> Double {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Absence.because("the copy cannot be opened") }
        defer { close(file) }
        var status = stat()
        guard fsync(file) == 0, posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0, fstat(file, &status) == 0 else {
            throw Absence.because("the system cannot drop a file from memory")
        }
        let size = Int(status.st_size)
        guard size > 0 else { return 0 }
        guard let map = mmap(nil, size, PROT_READ, MAP_SHARED, file, 0), map != MAP_FAILED else {
            throw Absence.because("the copy cannot be mapped")
        }
        defer { munmap(map, size) }
        let page = max(1, sysconf(Int32(_SC_PAGESIZE)))
        var resident = [UInt8](repeating: 0, count: (size + page - 1) / page)
        guard mincore(map, size, &resident) == 0 else { throw Absence.because("what is in memory cannot be seen") }
        return Double(resident.count { $0 & 1 == 1 }) / Double(resident.count)
    }
}
