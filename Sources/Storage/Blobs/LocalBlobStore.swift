package import Domain

/// Blobs as files of one directory on a local file system.
package final class LocalBlobStore: BlobStore {
    let directory: String

    /// Creates the directory when it is not there.
    package init(directory: String) throws {
        self.directory = directory
    }

    package func makeWriter(_ hint: ContentHint) throws -> any BlobWriter { throw StorageError.storeFailed(detail: "") }
    package func reader(_ digest: Digest) throws -> any BlobReader { throw StorageError.missingBlob(digest) }
    package func contains(_ digest: Digest) -> Bool { false }
    package func delete(_ digest: Digest) throws -> Int64 { 0 }
    package func digests() throws -> [Digest] { [] }
    package func sweepTemporary() throws {}
    package func freeBytes() throws -> Int64 { 0 }
}
