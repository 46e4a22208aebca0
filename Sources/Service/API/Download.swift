import Domain
import Foundation
import HTTP
import Pages
import Storage

/// A stored content as an answer: codings, ranges and conditions of RFC 9110.
///
/// A request with `Range` is answered in the identity coding, always: a client that resumes a download must not get
/// another coding's bytes. Bytes are verified while they are sent; damage aborts the connection.
struct Download: Sendable {
    let shelf: Shelf
    let desk: Desk
    let seats: Seats
    let digest: Digest
    let name: String
    let mediaType: String
    /// Whether a browser should save it rather than show it.
    let asAttachment: Bool
    /// Further fields of the request that chose this content, beside Accept-Encoding.
    var varies: [String] = []

    func response(to request: Request) async throws -> Response {
        let reader = try await desk.run { [shelf, digest] in try shelf.store.reader(digest) }
        let ranged = request.method == .get && request.fields["Range"] != nil
        let coding = ranged ? .identity : Self.coding(reader, Preferences(request.fields))
        var response = Response(.ok, fields: head(reader, coding))
        let tag = Self.tag(digest, coding)
        try request.requireMatch([tag])
        if request.alreadyHas(tag) {
            response.status = .notModified
            response.fields["Content-Type"] = nil
            response.fields["Content-Disposition"] = nil
            return response
        }
        if ranged, mayResume(request, tag), let range = ByteRange(request.fields["Range"] ?? "", size: reader.size) {
            return try partial(response, reader, range)
        }
        response.content = try body(reader, coding)
        return response
    }

    /// The coding that the client likes best, unless it makes nothing smaller: small contents grow by the head and the sum.
    private static func coding(_ reader: any BlobReader, _ preferences: Preferences) -> Coding {
        guard reader.deflateDigest != nil else { return .identity }
        let coding = preferences.coding
        let size = coding == .gzip ? reader.gzipSize : reader.storedSize
        return size >= reader.size && preferences.takesIdentity ? .identity : coding
    }

    private func head(_ reader: any BlobReader, _ coding: Coding) -> Fields {
        var fields: Fields = [
            "Content-Type": mediaType, "ETag": Self.tag(digest, coding), "Accept-Ranges": "bytes",
            "Vary": (["Accept-Encoding"] + varies).joined(separator: ", "), "Cache-Control": "no-cache",
        ]
        let disposition = asAttachment ? "attachment" : "inline"
        fields["Content-Disposition"] = "\(disposition); filename=\"\(FileName.safe(name, or: "download"))\""
        // A page made from a customer's file runs nothing and loads nothing, whatever it says.
        if mediaType.hasPrefix("text/html") {
            fields["Content-Security-Policy"] = Self.pagePolicy
            fields["X-Content-Type-Options"] = "nosniff"
        }
        if coding != .identity { fields["Content-Encoding"] = coding.rawValue }
        let coded =
            switch coding {
            case .identity: reader.digest as Digest?
            case .deflate: reader.deflateDigest
            case .gzip: reader.gzipDigest
            }
        if let coded { fields["Repr-Digest"] = DigestFields.field(coded) }
        return fields
    }

    static let pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

    /// The tags of a content in all codings.
    static func tags(_ digest: Digest) -> [String] { Coding.allCases.map { tag(digest, $0) } }

    private static func tag(_ digest: Digest, _ coding: Coding) -> String {
        "\"sha256-\(digest.hex)\(coding == .identity ? "" : "+" + coding.rawValue)\""
    }

    /// If-Range compares strongly; a date never matches, since no Last-Modified is given out.
    private func mayResume(_ request: Request, _ tag: String) -> Bool {
        request.fields["If-Range"].map { $0.trimmingCharacters(in: .whitespaces) == tag } ?? true
    }

    private func partial(_ whole: Response, _ reader: any BlobReader, _ range: ByteRange) throws -> Response {
        guard case .bytes(let bytes) = range else {
            var problem = Problem(
                .rangeNotSatisfiable, "range-not-satisfiable", "The content has \(Number.count(reader.size, "byte")).")
            problem.fields["Content-Range"] = "bytes */\(reader.size)"
            problem.fields["Accept-Ranges"] = "bytes"
            throw problem
        }
        var response = whole
        response.status = .partialContent
        response.fields["Content-Range"] = "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/\(reader.size)"
        response.content = try stream(reader.bytes(bytes))
        return response
    }

    private func body(_ reader: any BlobReader, _ coding: Coding) throws -> Response.Content {
        switch coding {
        case .identity: try stream(reader.bytes(0..<reader.size))
        case .deflate: try stream(reader.deflated())
        case .gzip: try stream(reader.gzip())
        }
    }

    private func stream(_ bytes: BlobBytes) throws -> Response.Content {
        guard bytes.length > Self.smallBytes else { return Self.stream(bytes, desk) }
        guard let seat = seats.take() else {
            throw Problem(
                .serviceUnavailable, "too-many-downloads", "The server has too many downloads under way; try again.",
                retryAfter: 2)
        }
        return Self.stream(bytes, desk, seat)
    }

    /// Up to here contents need no seat.
    private static let smallBytes: Int64 = 64 << 10

    private static func stream(_ bytes: BlobBytes, _ desk: Desk, _ seat: Seats.Seat? = nil) -> Response.Content {
        .stream(length: bytes.length) {
            // The closure lives as long as the download, and keeps the seat.
            defer { withExtendedLifetime(seat) {} }
            return try await desk.run { try bytes.next() }
        }
    }
}

/// What a Range field asks for. Nil, that is the whole, for other units, several ranges and what does not parse
/// (RFC 9110 §14.2 lets a server ignore them).
enum ByteRange: Equatable {
    case bytes(Range<Int64>)
    case unsatisfiable

    init?(_ field: String, size: Int64) {
        let text = field.filter { $0 != " " && $0 != "\t" }
        guard text.lowercased().hasPrefix("bytes="), !text.contains(",") else { return nil }
        let ends = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else {
            return nil
        }
        let (first, last) = (Self.number(ends[0]), Self.number(ends[1]))
        switch (first, last) {
        case (let first?, let last):
            if let last, last < first { return nil }
            let end = min(last ?? .max, size - 1)
            self = first < size ? .bytes(first..<(end + 1)) : .unsatisfiable
        case (nil, let count?):
            self = count > 0 && size > 0 ? .bytes(max(0, size - count)..<size) : .unsatisfiable
        case (nil, nil): return nil
        }
    }

    /// A number too large for the type is as good as its largest value.
    private static func number(_ digits: Substring) -> Int64? {
        digits.isEmpty ? nil : Int64(digits) ?? .max
    }
}
