package import Domain

/// Everything that goes wrong in the blob store and the catalogue.
package enum StorageError: Error, Equatable, Sendable {
    /// No blob of that content is stored.
    case missingBlob(Digest)
    /// Stored bytes or their index are not what was written. Nothing of the blob may be trusted.
    case corruptBlob(Digest, detail: String)
    /// The file system of the store, or of the catalogue, is full or over its quota. Nothing was left behind.
    case outOfSpace(detail: String)
    /// An fsync failed earlier: the store takes no more writes until the process starts anew.
    case storeFailed(detail: String)
    /// The key that statements are signed with cannot be used.
    case unusableKey(path: String, detail: String)
    /// A system call failed.
    case io(operation: String, path: String, errno: Int32)
    /// `write` or `finish` on a writer that is finished, abandoned or failed.
    case writerClosed
    /// The row is needed by these jobs.
    case inUse(jobs: [String])
    /// A job names a model or a sample set that is not stored (any more).
    case unknownReference(String)
    /// A page cursor that was not made here.
    case invalidCursor(String)
    /// A row that does not decode.
    case corruptRow(table: String, id: String, detail: String)
    /// The database refused or failed, with SQLite's extended result code.
    case database(code: Int32, message: String)
}
