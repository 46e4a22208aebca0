package import Domain
import Glibc
import Synchronization

/// Blobs as files of one directory on a local file system: `<hex>` is a zlib stream, `<hex>.index` its block index, and what
/// is being written lies in `tmp/` until it is complete and on disk.
///
/// The order that makes a blob all or nothing: data and index are fsynced under temporary names, the index is renamed, then
/// the data (a blob exists when its data file does), then the directory is fsynced. After a failed fsync nobody knows what
/// the kernel has dropped, so the store refuses every further write; a new process starts from what is really on disk.
package final class LocalBlobStore: BlobStore {
    let directory: String
    private let directoryFile: OpenFile
    private let calls: FileCalls
    private let state = Mutex(State())
    /// Held while names in the directory change.
    private let naming = Mutex(())

    private struct State {
        var failure: String?
        var filesMade: UInt64 = 0
    }

    /// One pool for all writers: an upload that stalls keeps no block but the one that it fills.
    private let buffers = BufferPool(count: Framing.codedLimit, spare: 2 * BlockPipeline.depth)

    /// Creates the directory when it is not there.
    package convenience init(directory: String) throws {
        try self.init(directory: directory, calls: FileCalls())
    }

    init(directory: String, calls: FileCalls) throws {
        self.directory = directory
        self.calls = calls
        let temporaryDirectory = directory + "/tmp"
        for path in [directory, temporaryDirectory] where mkdir(path, 0o750) != 0 && errno != EEXIST {
            throw StorageError.system("mkdir", path)
        }
        directoryFile = try OpenFile(directory, O_RDONLY | O_DIRECTORY)
    }

    private var temporaryDirectory: String { directory + "/tmp" }
    func path(of digest: Digest) -> String { directory + "/" + digest.hex }
    func indexPath(of digest: Digest) -> String { path(of: digest) + ".index" }

    // MARK: Writing

    package func makeWriter(_ hint: ContentHint, copy: BlobCopy?) throws -> any BlobWriter {
        let file = try makeTemporaryFile()
        let pipeline = try BlockPipeline(into: file, copy: try copy.map(CopyFile.init), hint: hint, buffers)
        return LocalBlobWriter(store: self, pipeline: pipeline, file: file)
    }

    private func makeTemporaryFile() throws -> TemporaryFile {
        try checkHealth()
        let number = state.withLock { state in
            state.filesMade += 1
            return state.filesMade
        }
        let name = "\(getpid())-\(number)-\(UInt32.random(in: 0 ... .max))"
        return try TemporaryFile(temporaryDirectory + "/" + name, calls: calls)
    }

    /// Makes a complete stream the blob of its digest, durably; an intact blob that is there already is kept instead.
    func publish(_ file: TemporaryFile, _ index: BlockIndex) throws -> StoredBlob {
        try checkHealth()
        if let kept = keptBlob(index.digest) { return try confirm(kept, dropping: file) }
        let indexFile = try makeTemporaryFile()
        try indexFile.append(try index.encoded())
        try syncOrFail { try file.sync() }
        try syncOrFail { try indexFile.sync() }
        let kept = try naming.withLock { _ -> StoredBlob? in
            if let kept = keptBlob(index.digest) { return kept }
            try indexFile.publish(as: indexPath(of: index.digest))
            try file.publish(as: path(of: index.digest))
            return nil
        }
        return try confirm(kept ?? index.stored, dropping: file)
    }

    /// Whoever renamed it may not have come to syncing the directory yet.
    private func confirm(_ blob: StoredBlob, dropping file: TemporaryFile) throws -> StoredBlob {
        file.discard()
        try syncOrFail { try syncDirectory() }
        return blob
    }

    private func keptBlob(_ digest: Digest) -> StoredBlob? {
        try? LocalBlobReader(store: self, digest: digest).index.stored
    }

    private func syncDirectory() throws {
        guard calls.sync(directoryFile.descriptor) == 0 else { throw StorageError.system("fsync", directory) }
    }

    private func checkHealth() throws {
        if let failure = state.withLock({ $0.failure }) { throw StorageError.storeFailed(detail: failure) }
    }

    /// Runs a sync; when it fails, nothing is written any more.
    private func syncOrFail(_ sync: () throws -> Void) throws {
        do {
            try sync()
        } catch {
            let detail = "an fsync failed (\(error)); restart the server after the disk has been looked at"
            state.withLock { $0.failure = detail }
            throw StorageError.storeFailed(detail: detail)
        }
    }

    // MARK: Reading and removing

    package func reader(_ digest: Digest) throws -> any BlobReader {
        try LocalBlobReader(store: self, digest: digest)
    }

    package func contains(_ digest: Digest) -> Bool {
        access(path(of: digest), F_OK) == 0 && access(indexPath(of: digest), F_OK) == 0
    }

    package func delete(_ digest: Digest) throws -> Int64 {
        try checkHealth()
        let freed = try naming.withLock { _ in
            // The data file first: without it there is no blob.
            try Self.remove(path(of: digest)) + Self.remove(indexPath(of: digest))
        }
        if freed > 0 { try syncOrFail { try syncDirectory() } }
        return freed
    }

    /// Bytes that the file took on disk, 0 when there was none.
    private static func remove(_ path: String) throws -> Int64 {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return 0 }
            throw StorageError.system("stat", path)
        }
        guard unlink(path) == 0 else { throw StorageError.system("unlink", path) }
        return Int64(status.st_blocks) * 512
    }

    package func digests() throws -> [Digest] {
        try Self.names(in: directory).filter { $0.utf8.count == 64 }.compactMap { Digest($0) }.sorted()
    }

    package func sweepTemporary() throws {
        for name in try Self.names(in: temporaryDirectory) {
            _ = try Self.remove(temporaryDirectory + "/" + name)
        }
        // The index came to its name, but the data did not.
        for name in try Self.names(in: directory) where name.hasSuffix(".index") {
            let blob = directory + "/" + name.dropLast(6)
            if access(blob, F_OK) != 0, errno == ENOENT { _ = try Self.remove(directory + "/" + name) }
        }
    }

    private static func names(in directory: String) throws -> [String] {
        guard let stream = opendir(directory) else { throw StorageError.system("opendir", directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    package func freeBytes() throws -> Int64 {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { throw StorageError.system("statvfs", directory) }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }
}
