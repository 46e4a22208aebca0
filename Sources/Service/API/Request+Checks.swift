import Domain
import Foundation
import HTTP

extension Request {
    /// Refuses query parameters that mean nothing here, and repeated ones.
    func allowOnly(_ known: [String]) throws {
        var seen: Set<String> = []
        for name in query.names {
            guard known.contains(name) else {
                let detail =
                    known.isEmpty
                    ? "The parameter '\(name)' is unknown; there are none here."
                    : Text.unknown(name, among: known, what: "parameter")
                throw Self.badParameter("unknown-parameter", name, detail)
            }
            guard seen.insert(name).inserted else {
                throw Self.badParameter("repeated-parameter", name, "The parameter '\(name)' is given twice.")
            }
        }
    }

    static func badParameter(_ code: String, _ name: String, _ detail: String) -> Problem {
        Problem(.badRequest, code, detail, errors: [FieldError(pointer: name, detail: detail)])
    }

    /// A parameter made of something other than text; nil when it is not given.
    func parameter<V>(_ name: String, _ expected: String, _ parse: (String) -> V?) throws -> V? {
        guard let text = query[name] else { return nil }
        if let value = parse(text) { return value }
        throw Self.badParameter(
            "invalid-parameter", name, "The parameter '\(name)' must be \(expected), not '\(text.prefix(100))'.")
    }

    func flag(_ name: String) throws -> Bool {
        try parameter(name, "true or false") { ["true": true, "1": true, "": true, "false": false, "0": false][$0] }
            ?? false
    }

    func choice<C: RawRepresentable & CaseIterable>(_ name: String, _: C.Type) throws -> C? where C.RawValue == String {
        let known = C.allCases.map(\.rawValue).joined(separator: ", ")
        return try parameter(name, "one of \(known)") { C(rawValue: $0) }
    }

    /// A label for something stored.
    func nameParameter() throws -> String? {
        try parameter("name", "1 to \(FileName.longest) letters, digits, '.', '_' or '-', not starting with a dot") {
            FileName.isPlain($0) ? $0 : nil
        }
    }

    /// A segment of the path that the route names.
    func segment(_ name: String) -> String { parameters[name] ?? "" }

    /// The trace of a `traceparent` field (W3C Trace Context), or this request's own identifier.
    var trace: String {
        let parts = (fields["traceparent"] ?? "").split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[1].utf8.count == 32, parts[1].allSatisfy(\.isHexDigit) else { return id }
        return String(parts[1])
    }

    /// The media type alone, in lower case.
    var mediaType: String? {
        fields["Content-Type"].map { field in
            field.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
        }
    }

    /// A JSON body, whatever curl's -d calls it.
    func json() async throws -> JSONDocument {
        let usual = ["application/json", "application/x-www-form-urlencoded", "text/plain", "application/octet-stream"]
        guard mediaType.map({ usual.contains($0) || $0.hasSuffix("+json") }) ?? true else {
            throw Problem(.unsupportedMediaType, "unsupported-media-type", "The body must be application/json.")
        }
        let bytes = try await body.collect(limit: 1 << 20)
        guard !bytes.isEmpty else { throw Problem(.badRequest, "empty-body", "The body is empty; send a JSON object.") }
        return try JSONDocument(bytes)
    }
}

extension Response {
    /// A JSON answer that must not be kept.
    static func json(_ status: Status, _ value: some Encodable, fields: Fields = [:]) throws -> Response {
        var response = Response(status, fields: fields, content: .bytes(try JSON.encode(value) + [UInt8(ascii: "\n")]))
        response.fields["Content-Type"] = "application/json"
        if response.fields["Cache-Control"] == nil { response.fields["Cache-Control"] = "no-store" }
        return response
    }
}
