/// One rule of the runtime that a quantized model can break.
package struct LintRule: Sendable {
    package enum Severity: String, Sendable {
        /// Wrong numbers, much lost accuracy, or a file that does not load.
        case error
        /// Right numbers, but slower than they could be.
        case warning
    }

    /// Stable and kebab-case.
    package let code: String
    package let severity: Severity
    /// What is wrong, as a sentence.
    package let fault: String
    /// What it costs, measured where it says so.
    package let cost: String
    /// What to do.
    package let advice: String
    /// Targets that have the rule.
    let holds: @Sendable (TargetRules) -> Bool
    let check: @Sendable (LintGraph) -> [Hit]

    init(
        _ code: String, _ severity: Severity, _ fault: String, cost: String, advice: String,
        holds: @escaping @Sendable (TargetRules) -> Bool = { _ in true },
        check: @escaping @Sendable (LintGraph) -> [Hit]
    ) {
        self.code = code
        self.severity = severity
        self.fault = fault
        self.cost = cost
        self.advice = advice
        self.holds = holds
        self.check = check
    }

    /// A place where a rule is broken.
    struct Hit {
        let place: Int
        var tensor: String?
        let detail: String

        init(_ place: Int, tensor: String? = nil, _ detail: String) {
            self.place = place
            self.tensor = tensor
            self.detail = detail
        }
    }
}

typealias Hit = LintRule.Hit
