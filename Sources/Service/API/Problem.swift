import Domain
import Foundation
import HTTP
import Storage

/// What a client is told when a request does not succeed: `application/problem+json` (RFC 9457). This file is the only
/// place that turns errors into statuses.
struct Problem: Error, Sendable {
    var status: Status
    /// Stable, for programs: "digest-mismatch".
    var code: String
    /// A sentence for a person: what happened and what to do next.
    var detail: String
    var errors: [FieldError] = []
    /// Seconds after which the same request may succeed.
    var retryAfter: Int?
    var fields: Fields = [:]

    init(_ status: Status, _ code: String, _ detail: String, errors: [FieldError] = [], retryAfter: Int? = nil) {
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retryAfter = retryAfter
    }

    /// A request that asks for something impossible; one error for each thing that is wrong.
    static func invalid(_ errors: [FieldError]) -> Problem {
        let first = errors.first.map { "\($0.pointer.isEmpty ? "" : $0.pointer + ": ")\($0.detail)" } ?? ""
        let more = errors.count > 1 ? " (and \(errors.count - 1) more, see errors)" : ""
        return Problem(.unprocessableContent, "invalid-request", first + more, errors: errors)
    }

    static func notFound(_ what: String, _ reference: String) -> Problem {
        let code = what.replacingOccurrences(of: " ", with: "-") + "-not-found"
        return Problem(.notFound, code, "There is no \(what) '\(reference.prefix(200))'.")
    }

    /// `free` bytes of the disk may be used, which is too little for `what`.
    static func outOfDisk(free: Int64, for what: String) -> Problem {
        Problem(
            .insufficientStorage, "out-of-disk",
            "The server has \(Text.size(max(0, free))) of free disk, too little for \(what). Delete models or jobs that are "
                + "not needed, then try again.", retryAfter: 60)
    }

    /// The body's JSON shape.
    private struct Body: Encodable {
        var type: String
        var title: String
        var status: Int
        var detail: String
        var instance: String?
        var code: String
        var errors: [FieldError]?
        var traceId: String
    }

    /// `instance` is the path of the request; `trace` its trace or request identifier.
    func response(instance: String?, trace: String) -> Response {
        let body = Body(
            type: "urn:octavo:problem:\(code)", title: status.reason, status: status.rawValue, detail: detail,
            instance: instance, code: code, errors: errors.isEmpty ? nil : errors, traceId: trace)
        var response = Response(status, fields: fields)
        response.fields["Content-Type"] = "application/problem+json"
        response.fields["Cache-Control"] = "no-store"
        if let retryAfter { response.fields["Retry-After"] = "\(retryAfter)" }
        response.content = .bytes((try? JSON.encode(body)) ?? Array(#"{"status":500}"#.utf8))
        return response
    }
}

extension Problem {
    /// Every error that can come out of a handler.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let failure as Failure: self.init(failure)
        case let error as StorageError: self.init(error)
        case let refusal as Refusal: self.init(refusal)
        case ServiceError.queueFull:
            self.init(.tooManyRequests, "queue-full", Text.sentence("\(error)"), retryAfter: 10)
        case let error as HTTPError: self.init(error)
        case let error as JSONDocument.SyntaxError:
            self.init(.badRequest, "malformed-json", "The body is not valid JSON: \(error).")
        default: self = Self.internalError
        }
    }

    static var internalError: Problem {
        Problem(.internalServerError, "internal", "The server failed to answer this request; its log says more.")
    }

    init(_ refusal: Refusal) {
        self.init(refusal.status, refusal.code, refusal.detail)
        if refusal.status == .serviceUnavailable { retryAfter = 1 }
    }

    private init(_ error: HTTPError) {
        if let refusal = error.refusal { self.init(refusal) } else { self = Self.internalError }
    }

    /// What a worker or a rule found wrong with a model, a set or their fit.
    private init(_ failure: Failure) {
        switch failure.type {
        case .outOfDisk:
            self.init(.insufficientStorage, failure.type.rawValue, failure.detail, retryAfter: 60)
        case .engineMissing: self.init(.serviceUnavailable, failure.type.rawValue, failure.detail, retryAfter: 60)
        case .internal: self.init(.internalServerError, failure.type.rawValue, failure.detail)
        default: self.init(.unprocessableContent, failure.type.rawValue, failure.detail)
        }
        if let pointer = failure.pointer { errors = [FieldError(pointer: pointer, detail: failure.detail)] }
    }

    private init(_ error: StorageError) {
        switch error {
        case .inUse(let jobs):
            let named = jobs.prefix(5).joined(separator: ", ")
            self.init(
                .conflict, "in-use", "It is needed by \(named). Cancel the job or wait for its end, then try again.")
        case .invalidCursor:
            self.init(
                .badRequest, "invalid-cursor", "The cursor in 'after' is not one that was given out. Start without it.")
        case .outOfSpace:
            self.init(
                .insufficientStorage, "out-of-disk",
                "The server's disk is full. Delete models or jobs that are not needed, then try again.", retryAfter: 60)
        case .unknownReference(let reference):
            self.init(
                .unprocessableContent, "unknown-reference", "'\(reference)' was deleted meanwhile. Post it again first."
            )
        case .storeFailed:
            self.init(
                .serviceUnavailable, "storage-failed",
                "The server's disk failed; nothing can be stored until the server is restarted.", retryAfter: 60)
        case .database(let code, _) where code & 0xFF == 5:
            self.init(.serviceUnavailable, "busy", "The catalogue is busy; try again.", retryAfter: 1)
        case .io(_, _, EMFILE), .io(_, _, ENFILE):
            self.init(
                .serviceUnavailable, "too-many-files",
                "The server has as many files and connections open as it may; try again.",
                retryAfter: 2)
        case .missingBlob, .corruptBlob, .corruptRow:
            self.init(.internalServerError, "corrupt-data", "Stored data is damaged: \(error).")
        case .io, .writerClosed, .database, .unusableKey: self = Self.internalError
        }
    }
}

extension Problem {
    /// Whether the server, not the client, has something to look into.
    var isOurs: Bool { status.rawValue >= 500 }
}
