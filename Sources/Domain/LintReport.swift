/// Where a quantized model breaks the rules of a target: what `octavo lint` prints and `POST /v1/models/{id}/lint` answers.
package struct LintReport: Equatable, Sendable, Codable {
    package static let schemaVersion = "octavo-lint/1"

    /// A rule that is broken somewhere.
    package struct Rule: Equatable, Sendable, Codable {
        package enum Severity: String, Sendable, Codable { case error, warning }
        /// Stable kebab-case code, such as "weight-axis".
        package var code: String
        package var severity: Severity
        /// What is wrong.
        package var fault: String
        /// What that costs; measured where it says so.
        package var cost: String
        /// What to do about it.
        package var advice: String
        /// Places that break it.
        package var violations: Int

        package init(
            code: String, severity: Severity, fault: String, cost: String, advice: String, violations: Int
        ) {
            self.code = code
            self.severity = severity
            self.fault = fault
            self.cost = cost
            self.advice = advice
            self.violations = violations
        }
    }

    /// A place that breaks a rule.
    package struct Violation: Equatable, Sendable, Codable {
        package var code: String
        /// Its name, or that of what it makes where it has none.
        package var node: String
        /// "Conv", or "domain::Op" outside the default domain.
        package var name: String
        package var tensor: String?
        package var detail: String

        package init(code: String, node: String, name: String, tensor: String? = nil, detail: String) {
            self.code = code
            self.node = node
            self.name = name
            self.tensor = tensor
            self.detail = detail
        }
    }

    package var schema = LintReport.schemaVersion
    package var target: Target
    /// Whether the model carries Q/DQ or integer operators at all; one that does not breaks no rule.
    package var quantized: Bool
    /// Operators looked at, subgraphs included.
    package var nodes: Int
    package var errors: Int
    package var warnings: Int
    /// Errors first, then by how often they are broken.
    package var rules: [Rule]
    /// In the order of the graph, at most `mostListed`.
    package var violations: [Violation]
    /// Violations that are counted, but not listed.
    package var omitted: Int

    package static let mostListed = 1000

    package init(target: Target, quantized: Bool, nodes: Int, rules: [Rule], violations: [Violation], omitted: Int) {
        self.target = target
        self.quantized = quantized
        self.nodes = nodes
        self.rules = rules
        self.violations = violations
        self.omitted = omitted
        func count(_ severity: Rule.Severity) -> Int {
            rules.filter { $0.severity == severity }.reduce(0) { $0 + $1.violations }
        }
        errors = count(.error)
        warnings = count(.warning)
    }

    package var isClean: Bool { rules.isEmpty }
}

extension LintReport {
    /// The report for a terminal: each broken rule with its places.
    package var text: String {
        guard quantized else {
            return "\(target.rawValue): the model is not quantized; there is nothing to check.\n"
        }
        guard !isClean else { return "\(target.rawValue): \(Self.count(nodes, "operator")), no rule is broken.\n" }
        var lines = [
            "\(target.rawValue): "
                + "\(Self.count(nodes, "operator")), \(Self.count(errors, "error")), \(Self.count(warnings, "warning"))"
        ]
        for rule in rules {
            lines += [
                "", "\(rule.severity.rawValue) \(rule.code) (\(rule.violations)): \(rule.fault)",
                "  cost: \(rule.cost)",
                "  to do: \(rule.advice)",
            ]
            let places = violations.filter { $0.code == rule.code }
            lines += places.prefix(Self.mostPrinted).map {
                "  - \(Self.printable($0.name)) '\(Self.printable($0.node))': "
                    + Self.printable($0.detail)
            }
            let left = rule.violations - min(places.count, Self.mostPrinted)
            if left > 0 { lines.append("  … and \(left) more") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func count(_ number: Int, _ one: String) -> String { "\(number) \(one)\(number == 1 ? "" : "s")" }

    private static let mostPrinted = 20

    /// Names come from the customer's file: control characters do not reach a terminal.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 32 || (127..<160).contains($0.value) ? "?" : $0 }))
    }
}
