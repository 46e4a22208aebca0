package import Domain
import ModelGraph
import Quantization

extension LintReport {
    /// Reads a staged model and checks it by the rules of `target`. Throws `Failure` when it is no model.
    package init(_ staged: StagedModel, target: Target) throws {
        let model: Model
        do {
            model = try Model.read(path: staged.path, externalDirectory: staged.directory)
        } catch let error as ModelError {
            throw Failure(error)
        }
        self.init(model, target: target)
    }

    init(_ model: Model, target: Target) {
        let facts = ModelFacts(model)
        let found = facts.isQuantized ? Linter(model, TargetRules(target)).violations() : []
        let counts = Dictionary(grouping: found, by: \.rule.code).mapValues(\.count)
        let broken = LintRule.all.filter { counts[$0.code] != nil }.map { rule in
            Rule(
                code: rule.code, severity: rule.severity == .error ? .error : .warning, fault: rule.fault,
                cost: rule.cost, advice: rule.advice, violations: counts[rule.code] ?? 0)
        }
        var room = Self.mostBytes
        let listed = found.prefix(Self.mostListed).map {
            Violation(
                code: $0.rule.code, node: Self.cut($0.node), name: Self.cut($0.op), tensor: $0.tensor.map(Self.cut),
                detail: Self.cut($0.detail))
        }.prefix { violation in
            room -= violation.mostBytes
            return room >= 0
        }
        self.init(
            target: target, quantized: facts.isQuantized, nodes: facts.nodes,
            rules: broken.sorted {
                ($0.severity == .error ? 0 : 1, -$0.violations, $0.code) < (
                    $1.severity == .error ? 0 : 1, -$1.violations, $1.code
                )
            },
            violations: Array(listed), omitted: found.count - listed.count)
    }

    /// A worker's event is one line of at most 1 MiB, and names in a file have any length.
    private static let mostBytes = 900_000

    private static func cut(_ text: String) -> String {
        text.utf8.count > 300 ? String(decoding: text.utf8.prefix(300), as: UTF8.self) + "…" : text
    }
}

extension LintReport.Violation {
    /// What it takes as JSON when every byte must be escaped.
    fileprivate var mostBytes: Int {
        100
            + [code, node, name, tensor ?? "", detail].reduce(0) { sum, text in
                let plain = text.utf8.count {
                    (32..<127).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
                }
                return sum + plain + 6 * (text.utf8.count - plain)
            }
    }
}
