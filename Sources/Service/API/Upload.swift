import Domain
import Foundation
import HTTP
import Storage
import Synchronization

/// Takes request bodies onto the shelf, in pieces as they come.
struct Upload: Sendable {
    let shelf: Shelf
    /// Identity bytes of all parts together.
    let limit: Int64
    /// Free bytes that must remain on the disk.
    let reserve: Int64

    /// What can be refused before a byte is read, so that a client that waits for 100 sends nothing.
    func checkHead(_ request: Request) async throws {
        if let coding = request.fields["Content-Encoding"], coding.lowercased() != "identity" {
            var problem = Problem(
                .unsupportedMediaType, "unsupported-coding", "Send the bytes as they are, without Content-Encoding.")
            problem.fields["Accept-Encoding"] = "identity"
            throw problem
        }
        guard !shelf.isBroken else { throw StorageError.storeFailed(detail: "an earlier fsync failed") }
        let length = request.body.length ?? 0
        guard length <= limit else { throw tooLarge }
        let free = try await shelf.desk.run { [store = shelf.store] in try store.freeBytes() }
        // Once in the store and once more, staged, for the inspection.
        guard free - reserve >= 2 * length else {
            throw Problem.outOfDisk(free: free - reserve, for: "an upload of \(Text.size(length))")
        }
    }

    private var tooLarge: Problem {
        Problem(
            .contentTooLarge, "body-too-large",
            "An upload may have at most \(limit) bytes (\(Text.size(limit))). Send a smaller file, or have the limit raised."
        )
    }

    /// The whole body as one blob, pinned. Throws, and keeps nothing, when it is empty, too large or not what `expected`
    /// says. The bytes also go to `copy`, for whoever inspects them next: reading them back from the store would take as long
    /// as receiving them.
    func whole(_ request: Request, expected: Digest?, copy: BlobCopy) async throws -> StoredBlob {
        let writer = try await shelf.makeWriter(.weights, copy: copy)
        do {
            let reception = WholeReception(
                writer: writer, disk: DiskRoom(store: shelf.store, reserve: reserve), limit: limit, tooLarge: tooLarge)
            guard try await request.body.receive(into: reception) > 0 else {
                throw Problem(.badRequest, "empty-body", "The body is empty; send the file's bytes.")
            }
            let blob = try await shelf.finish(writer)
            return try await verified(blob, expected)
        } catch {
            writer.abandon()
            throw error
        }
    }

    private func verified(_ blob: StoredBlob, _ expected: Digest?) async throws -> StoredBlob {
        do {
            try DigestFields.check(blob.digest, against: expected)
            return blob
        } catch {
            await shelf.abandon([blob])
            throw error
        }
    }

    /// The parts of a form: files, pinned, and small texts. Throws, and keeps nothing, when anything is wrong.
    func form(_ request: Request, _ rules: Form.Rules) async throws -> Form {
        let reception = try FormReception(
            contentType: request.fields["Content-Type"] ?? "", rules: rules, limit: limit, tooLarge: tooLarge,
            room: DiskRoom(store: shelf.store, reserve: reserve))
        do {
            _ = try await request.body.forEachChunk { try reception.push($0) }
            try reception.finish()
        } catch {
            reception.abandon()
            throw error
        }
        return try await keep(reception)
    }

    private func keep(_ reception: FormReception) async throws -> Form {
        var form = Form(files: [], texts: reception.texts)
        do {
            for file in reception.files {
                let blob = try await shelf.finish(file.writer)
                form.files.append(.init(field: file.field, name: file.name, blob: blob))
            }
            return form
        } catch {
            reception.abandon()
            await shelf.abandon(form.blobs)
            throw error
        }
    }
}

/// Receives a body into one writer.
private final class WholeReception: BodySink {
    private let writer: any BlobWriter
    private let disk: DiskRoom
    private let limit: Int64
    private let tooLarge: Problem
    private let received = Atomic<Int64>(0)

    init(writer: any BlobWriter, disk: DiskRoom, limit: Int64, tooLarge: Problem) {
        self.writer = writer
        self.disk = disk
        self.limit = limit
        self.tooLarge = tooLarge
    }

    func room() throws -> UnsafeMutableRawBufferPointer? { try writer.room() }

    func filled(_ count: Int) throws {
        try check(count)
        try writer.filled(count)
    }

    func take(_ bytes: UnsafeRawBufferPointer) throws {
        try check(bytes.count)
        try writer.write(bytes)
    }

    private func check(_ count: Int) throws {
        let (before, total) = received.add(Int64(count), ordering: .relaxed)
        guard total <= limit else { throw tooLarge }
        try disk.check(from: before, to: total)
    }
}

/// Keeps an upload that did not say its length, or others beside it, from taking the disk's reserve.
private struct DiskRoom: Sendable {
    private static let stride: Int64 = 16 << 20
    let store: any BlobStore
    let reserve: Int64

    /// Looks at the disk each time another stride has come.
    func check(from before: Int64, to now: Int64) throws {
        guard before / Self.stride != now / Self.stride, try store.freeBytes() < reserve else { return }
        throw StorageError.outOfSpace(detail: "the reserve is reached")
    }
}

/// A multipart/form-data body that has been taken in.
struct Form: Sendable {
    struct File: Sendable {
        var field: String
        /// A plain file name.
        var name: String
        var blob: StoredBlob
    }
    /// Which parts there may be.
    struct Rules: Sendable {
        /// Fields that carry a file, and how many of each.
        var files: [String: Int]
        /// Fields that carry a short text.
        var texts: [String]
    }
    var files: [File]
    var texts: [String: [UInt8]]

    var blobs: [StoredBlob] { files.map(\.blob) }
}

/// Receives a form part by part. Only touched by one caller at a time: `forEachChunk` never overlaps its calls, and the rest
/// happens before or after it.
private final class FormReception: @unchecked Sendable {
    struct File {
        var field: String
        var name: String
        var writer: any BlobWriter
    }
    private static let textLimit = 64 << 10
    private var reader: MultipartReader
    private let rules: Form.Rules
    private let limit: Int64
    private let tooLarge: Problem
    private let room: DiskRoom
    private var received: Int64 = 0
    private var partBytes: Int64 = 0
    private var openText: String?
    private var openFile: File?
    private(set) var files: [File] = []
    private(set) var texts: [String: [UInt8]] = [:]

    init(contentType: String, rules: Form.Rules, limit: Int64, tooLarge: Problem, room: DiskRoom) throws {
        var limits = MultipartReader.Limits()
        limits.parts = 40
        reader = try MultipartReader(contentType: contentType, limits: limits)
        self.rules = rules
        self.limit = limit
        self.tooLarge = tooLarge
        self.room = room
    }

    func push(_ bytes: UnsafeRawBufferPointer) throws {
        received += Int64(bytes.count)
        // The frame around the parts is small.
        guard received <= limit + (1 << 20) else { throw tooLarge }
        try room.check(from: received - Int64(bytes.count), to: received)
        try reader.push(bytes) { event in
            switch event {
            case .partBegan(let part): try begin(part)
            case .data(let data): try take(data)
            case .partEnded: try end()
            }
        }
    }

    func finish() throws { try reader.finish() }

    func abandon() {
        for file in files { file.writer.abandon() }
        openFile?.writer.abandon()
    }

    private func begin(_ part: MultipartReader.Part) throws {
        partBytes = 0
        if rules.texts.contains(part.name) {
            guard texts[part.name] == nil else { throw refused(part.name, "The part '\(part.name)' is given twice.") }
            texts[part.name] = []
            openText = part.name
            return
        }
        guard let most = rules.files[part.name] else {
            let known = rules.files.keys.sorted() + rules.texts
            throw refused(part.name, Text.unknown(part.name, among: known, what: "part"))
        }
        guard files.filter({ $0.field == part.name }).count < most else {
            throw refused(part.name, "At most \(most) parts named '\(part.name)' can be given.")
        }
        let name = part.fileName ?? part.name
        guard FileName.isPlain(name) else {
            throw refused(
                part.name,
                "The file name '\(name.prefix(100))' may have 1 to \(FileName.longest) letters, digits, '.', '_' or '-', "
                    + "and no path.")
        }
        guard !files.contains(where: { $0.name == name }) else {
            throw refused(part.name, "Two parts have the file name '\(name)'.")
        }
        openFile = File(field: part.name, name: name, writer: try room.store.makeWriter(.weights))
    }

    private func take(_ data: UnsafeRawBufferPointer) throws {
        partBytes += Int64(data.count)
        if let file = openFile { return try file.writer.write(data) }
        guard let name = openText else { return }
        guard partBytes <= Self.textLimit else { throw refused(name, "The part '\(name)' is too long.") }
        texts[name, default: []].append(contentsOf: data)
    }

    private func end() throws {
        if let file = openFile {
            files.append(file)
            guard partBytes > 0 else { throw refused(file.field, "The file '\(file.name)' is empty.", "empty-body") }
        }
        openFile = nil
        openText = nil
    }

    private func refused(_ part: String, _ detail: String, _ code: String = "invalid-part") -> Problem {
        Problem(.badRequest, code, detail, errors: [FieldError(pointer: part, detail: detail)])
    }
}
