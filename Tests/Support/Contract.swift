import Foundation
import Yams

/// openapi.yaml as tests need it, with a validator for the part of JSON Schema that it uses. A keyword that the validator
/// does not know is a fault, so that nothing passes unseen.
// The parsed document is never changed.
package struct Contract: @unchecked Sendable {
    private let root: [String: Any]

    package init(yaml: String) throws {
        guard let document = try Yams.load(yaml: yaml) as? [String: Any] else {
            throw CocoaError(.fileReadCorruptFile)
        }
        root = document
    }

    private static let methods = ["get", "put", "post", "delete", "patch"]

    private var paths: [String: [String: Any]] { root["paths"] as? [String: [String: Any]] ?? [:] }

    /// "GET /v1/models"
    package var operations: Set<String> {
        Set(
            paths.flatMap { path, item in
                item.keys.filter(Self.methods.contains).map { "\($0.uppercased()) \(path)" }
            })
    }

    package var operationNames: [String] {
        paths.values.flatMap { item in
            Self.methods.compactMap { (item[$0] as? [String: Any])?["operationId"] as? String }
        }
    }

    package func danglingReferences() -> [String] { dangling(root) }

    private func dangling(_ value: Any) -> [String] {
        if let object = value as? [String: Any] {
            let own = (object["$ref"] as? String).flatMap { resolve($0) == nil ? [$0] : nil } ?? []
            return own + object.values.flatMap(dangling)
        }
        return (value as? [Any])?.flatMap(dangling) ?? []
    }

    /// The documented path that a request's path is one of: "/v1/jobs/{id}" for "/v1/jobs/job_1".
    package func route(of path: String) -> String? {
        let segments = path.prefix { $0 != "?" }.split(separator: "/")
        return paths.keys.filter { pattern in
            let parts = pattern.split(separator: "/")
            return parts.count == segments.count
                && zip(parts, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }.min { $0.count { $0 == "{" } < $1.count { $0 == "{" } }
    }

    /// What about the answer is not as documented.
    package func faults(
        status: Int, contentType: String?, body: [UInt8], of method: String, _ path: String
    ) -> [String] {
        guard let operation = paths[path]?[method.lowercased()] as? [String: Any] else {
            return ["\(method) \(path) is not documented"]
        }
        let responses = operation["responses"] as? [String: Any] ?? [:]
        guard let response = followed(responses["\(status)"]) else {
            return ["status \(status) is not documented"]
        }
        guard let content = response["content"] as? [String: Any] else {
            return body.isEmpty ? [] : ["there is a body, which is not documented"]
        }
        let type = (contentType ?? "").prefix { $0 != ";" }
        guard let media = (content[String(type)] ?? content["*/*"]) as? [String: Any] else {
            return ["the media type '\(type)' is not documented"]
        }
        guard type.hasSuffix("json"), let schema = media["schema"] else { return [] }
        guard let value = try? JSONSerialization.jsonObject(with: Data(body)) else {
            return ["the body is no JSON"]
        }
        return validate(value, schema, at: "")
    }

    private func resolve(_ reference: String) -> Any? {
        guard reference.hasPrefix("#/") else { return nil }
        return reference.dropFirst(2).split(separator: "/").reduce(root as Any?) { value, name in
            (value as? [String: Any])?[String(name)]
        }
    }

    private func followed(_ value: Any?) -> [String: Any]? {
        guard let object = value as? [String: Any] else { return nil }
        guard let reference = object["$ref"] as? String else { return object }
        return followed(resolve(reference))
    }

    // MARK: JSON Schema

    private static let annotations: Set = ["description", "default", "example", "format"]

    private func validate(_ value: Any, _ schema: Any, at place: String) -> [String] {
        guard let schema = schema as? [String: Any] else { return ["\(place): the schema is no object"] }
        return schema.flatMap { keyword, rule in
            Self.annotations.contains(keyword) ? [] : check(value, keyword, rule, schema, place)
        }
    }

    private func check(_ value: Any, _ keyword: String, _ rule: Any, _ schema: [String: Any], _ place: String)
        -> [String]
    {
        switch keyword {
        case "$ref":
            return resolve(rule as? String ?? "").map { validate(value, $0, at: place) } ?? ["\(place): \(rule)"]
        case "type":
            let types = rule as? [String] ?? [rule as? String ?? ""]
            return types.contains { Self.isA(value, $0) } ? [] : ["\(place): \(value) is not \(types)"]
        case "enum":
            let known = (rule as? [Any] ?? []).map { "\($0)" }
            return known.contains("\(value)") ? [] : ["\(place): \(value) is not in \(known)"]
        case "const": return "\(value)" == "\(rule)" ? [] : ["\(place): \(value) is not \(rule)"]
        case "pattern":
            guard let text = value as? String, let pattern = rule as? String else { return [] }
            let matches = text.range(of: pattern, options: .regularExpression) != nil
            return matches ? [] : ["\(place): '\(text)' does not match \(pattern)"]
        case "minimum", "maximum", "exclusiveMinimum": return bound(value, keyword, rule, place)
        case "minItems", "maxItems", "minLength", "maxLength": return []
        case "required":
            let missing = (rule as? [String] ?? []).filter { (value as? [String: Any])?[$0] == nil }
            return value is [String: Any] ? missing.map { "\(place)/\($0) is missing" } : []
        case "properties": return properties(value, rule, place)
        case "additionalProperties": return additional(value, rule, schema, place)
        case "items":
            guard let items = value as? [Any] else { return [] }
            return items.enumerated().flatMap { validate($1, rule, at: "\(place)/\($0)") }
        case "oneOf":
            let fitting = (rule as? [Any] ?? []).filter { validate(value, $0, at: place).isEmpty }
            return fitting.count == 1 ? [] : ["\(place): \(value) fits \(fitting.count) of oneOf"]
        default: return ["\(place): the keyword \(keyword) is not known to this validator"]
        }
    }

    private func bound(_ value: Any, _ keyword: String, _ rule: Any, _ place: String) -> [String] {
        guard let number = (value as? NSNumber)?.doubleValue, let limit = Double("\(rule)") else { return [] }
        let holds =
            switch keyword {
            case "minimum": number >= limit
            case "maximum": number <= limit
            default: number > limit
            }
        return holds ? [] : ["\(place): \(number) breaks \(keyword) \(limit)"]
    }

    private func properties(_ value: Any, _ rule: Any, _ place: String) -> [String] {
        guard let object = value as? [String: Any], let schemas = rule as? [String: Any] else { return [] }
        return schemas.flatMap { name, schema in object[name].map { validate($0, schema, at: "\(place)/\(name)") } ?? []
        }
    }

    private func additional(_ value: Any, _ rule: Any, _ schema: [String: Any], _ place: String) -> [String] {
        guard let object = value as? [String: Any] else { return [] }
        let named = (schema["properties"] as? [String: Any] ?? [:]).keys
        let others = object.filter { !named.contains($0.key) }
        if rule as? Bool == false { return others.keys.sorted().map { "\(place)/\($0) is not documented" } }
        return others.flatMap { validate($1, rule, at: "\(place)/\($0)") }
    }

    private static func isA(_ value: Any, _ type: String) -> Bool {
        switch type {
        case "object": return value is [String: Any]
        case "array": return value is [Any]
        case "string": return value is String
        case "boolean": return value is Bool
        case "null": return value is NSNull
        case "number": return value is NSNumber || value is Double || value is Int
        case "integer": return (value as? NSNumber).map { $0.doubleValue.rounded() == $0.doubleValue } ?? (value is Int)
        default: return false
        }
    }
}
