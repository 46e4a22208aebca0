package typealias Handler = @Sendable (Request) async throws -> Response
/// Runs on a lane: must neither block nor take long.
package typealias InlineHandler = @Sendable (Request) -> Response

/// Methods and patterns to handlers. A HEAD without a handler of its own is answered by GET's.
package struct Router: Sendable {
    private enum Action: Sendable {
        case inline(InlineHandler)
        case suspending(Handler)
    }

    private struct Entry: Sendable {
        let pattern: RoutePattern
        var actions: [(method: Method, action: Action)]

        func action(for method: Method) -> Action? {
            if let own = actions.first(where: { $0.method == method }) { return own.action }
            guard method == .head else { return nil }
            return actions.first { $0.method == .get }?.action
        }

        var allow: String { Router.allow(actions.map(\.method)) }
    }

    private var entries: [Entry] = []
    /// In the order they were added.
    package private(set) var routes: [(Method, String)] = []
    private let miss: @Sendable (Refusal, Request) -> Response
    private let failure: @Sendable (any Error, Request) -> Response

    /// `miss` renders 404 and 405 (the Allow field is added afterwards), `failure` whatever a handler throws.
    package init(
        miss: @escaping @Sendable (Refusal, Request) -> Response,
        failure: @escaping @Sendable (any Error, Request) -> Response
    ) {
        self.miss = miss
        self.failure = failure
    }

    /// With plain-text misses and failures.
    package init() {
        self.init(
            miss: { refusal, _ in .text(refusal.status, refusal.detail + "\n") },
            failure: { error, _ in
                let refusal = (error as? Refusal) ?? (error as? HTTPError)?.refusal
                return .text(refusal?.status ?? .internalServerError, (refusal?.detail ?? "Internal error.") + "\n")
            })
    }

    package mutating func on(_ method: Method, _ pattern: String, _ handler: @escaping Handler) {
        add(method, pattern, .suspending(handler))
    }

    /// For answers that are ready at once: no task, no hop.
    package mutating func onInline(_ method: Method, _ pattern: String, _ handler: @escaping InlineHandler) {
        add(method, pattern, .inline(handler))
    }

    /// The answer of an inline route; nil for every other request. Give it to `Server` to spare those the task.
    package func handleInline(_ request: Request) -> Response? {
        guard let entry = entry(for: request.segments), case .inline(let handler)? = entry.action(for: request.method)
        else { return nil }
        return answer(request, entry, handler)
    }

    package func handle(_ request: Request) async -> Response {
        guard let entry = entry(for: request.segments) else {
            // The target of OPTIONS alone: it asks about the server, not about one path (RFC 9110 §9.3.7).
            if request.path == "*" { return Response(.noContent, fields: ["Allow": Self.allow(routes.map(\.0))]) }
            return miss(Refusal(.notFound, "not-found", "Nothing is at \(request.path)."), request)
        }
        switch entry.action(for: request.method) {
        case .inline(let handler):
            return answer(request, entry, handler)
        case .suspending(let handler):
            var request = request
            request.parameters = entry.pattern.parameters(request.segments)
            var response: Response
            do { response = try await handler(request) } catch { response = failure(error, request) }
            response.route = entry.pattern.description
            return response
        case nil:
            return refuseMethod(request, entry)
        }
    }

    private func answer(_ request: Request, _ entry: Entry, _ handler: InlineHandler) -> Response {
        var request = request
        request.parameters = entry.pattern.parameters(request.segments)
        var response = handler(request)
        response.route = entry.pattern.description
        return response
    }

    private func refuseMethod(_ request: Request, _ entry: Entry) -> Response {
        var response: Response
        if request.method == .options {
            response = Response(.noContent)
        } else {
            let detail = "\(request.path) does not take \(request.method); it takes \(entry.allow)."
            response = miss(Refusal(.methodNotAllowed, "method-not-allowed", detail), request)
        }
        response.fields["Allow"] = entry.allow
        response.route = entry.pattern.description
        return response
    }

    private static func allow(_ methods: [Method]) -> String {
        var names = Set(methods.map(\.rawValue))
        if names.contains("GET") { names.insert("HEAD") }
        names.insert("OPTIONS")
        return names.sorted().joined(separator: ", ")
    }

    private func entry(for path: [String]) -> Entry? { entries.first { $0.pattern.matches(path) } }

    private mutating func add(_ method: Method, _ text: String, _ action: Action) {
        let pattern = RoutePattern(text)
        routes.append((method, text))
        if let index = entries.firstIndex(where: { $0.pattern.hasShape(of: pattern) }) {
            precondition(entries[index].pattern == pattern, "\(text) and \(entries[index].pattern) take the same paths")
            precondition(!entries[index].actions.contains { $0.method == method }, "\(method) \(text) is there twice")
            return entries[index].actions.append((method, action))
        }
        // Kept so that the first match is the most specific one.
        let place = entries.firstIndex { pattern.isMoreSpecific(than: $0.pattern) } ?? entries.endIndex
        entries.insert(Entry(pattern: pattern, actions: [(method, action)]), at: place)
    }
}
