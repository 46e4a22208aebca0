import Foundation

/// The directory whose files a model may name. A location is one plain file name: nothing in it can lead elsewhere, links
/// are not followed, and only regular files are opened.
final class ExternalDirectory {
    private let path: String
    private let descriptor: Int32
    private let limits: ReadLimits
    private var opened: [String: ByteStore] = [:]

    init(path: String, limits: ReadLimits) throws {
        self.path = path
        self.limits = limits
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ModelError.unreadable(path: path, reason: ByteStore.reason()) }
    }

    deinit { close(descriptor) }

    /// `count` bytes at the reference's offset, still in the file.
    func slice(_ reference: ExternalReference, count: Int, tensor: String) throws -> ByteSlice {
        let store = try store(reference.location, tensor: tensor)
        let (end, overflow) = reference.offset.addingReportingOverflow(count)
        guard !overflow, end <= store.count else {
            throw ModelError.unsafeExternalData(
                tensor: tensor, location: reference.location,
                reason: "bytes \(reference.offset) and \(count) more are asked for, the file has \(store.count)")
        }
        return ByteSlice(store: store, offset: reference.offset, count: count)
    }

    private func store(_ location: String, tensor: String) throws -> ByteStore {
        if let store = opened[location] { return store }
        let file = openat(descriptor, location, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else {
            if errno == ELOOP {
                throw ModelError.unsafeExternalData(
                    tensor: tensor, location: location, reason: "it is a symbolic link")
            }
            if errno == ENOENT { throw ModelError.missingExternalData(tensor: tensor, location: location) }
            throw ModelError.unreadable(path: "\(path)/\(location)", reason: ByteStore.reason())
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ModelError.unsafeExternalData(
                tensor: tensor, location: location, reason: "it is not a regular file")
        }
        let store = try ByteStore(
            descriptor: file, path: "\(path)/\(location)", mappingThreshold: limits.mappingThreshold,
            limit: limits.fileBytes)
        opened[location] = store
        return store
    }
}

extension ExternalReference {
    /// From the entries of a tensor. Throws unless the location is a plain file name and the numbers are plain numbers.
    init(_ entries: [Property], tensor: String) throws {
        var values: [String: String] = [:]
        var others: [Property] = []
        for entry in entries {
            guard ["location", "offset", "length", "checksum"].contains(entry.key) else {
                others.append(entry)
                continue
            }
            guard values.updateValue(entry.value, forKey: entry.key) == nil else {
                throw ModelError.invalidTensor(name: tensor, reason: "its external data has two entries '\(entry.key)'")
            }
        }
        let location = values["location"] ?? ""
        if let reason = Self.danger(in: location) {
            throw ModelError.unsafeExternalData(tensor: tensor, location: location, reason: reason)
        }
        self.location = location
        offset = try Self.number(values["offset"], tensor: tensor, location: location) ?? 0
        length = try Self.number(values["length"], tensor: tensor, location: location)
        checksum = values["checksum"]
        self.others = others
    }

    /// Why this is not a plain file name; nil when it is one.
    package static func danger(in location: String) -> String? {
        if location.isEmpty { return "the file name is empty" }
        if location.utf8.contains(0) { return "the file name contains a zero byte" }
        if location.utf8.contains(UInt8(ascii: "/")) || location.utf8.contains(UInt8(ascii: "\\")) {
            return "only a file beside the model is allowed, not a path"
        }
        if location == "." || location == ".." { return "this is a directory" }
        if location.utf8.count > 255 { return "the file name is too long" }
        return nil
    }

    private static func number(_ text: String?, tensor: String, location: String) throws -> Int? {
        guard let text else { return nil }
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        guard isPlain, let number = Int(text) else {
            throw ModelError.unsafeExternalData(
                tensor: tensor, location: location, reason: "offset and length have to be plain numbers of bytes")
        }
        return number
    }
}
