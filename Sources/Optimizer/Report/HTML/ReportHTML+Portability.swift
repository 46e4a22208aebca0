import Domain
import Pages

extension ReportHTML {
    static func portability(_ report: Report, _ page: inout Markup) {
        guard let portability = report.portability else { return }
        page.element("p", portability.note)
        if let processors = portability.processors, !processors.isEmpty {
            page.element("dl") { list in
                for processor in processors {
                    list.element("dt", processor.name)
                    list.element("dd", processor.effect)
                }
            }
        }
        guard let layers = portability.layers, !layers.isEmpty else { return }
        page.table(
            [["layer", "outputs", "pairs that can saturate", "outputs expected to change"]] + layers.map(\.cells))
        if let method = portability.method { page.element("p", ["class": "note"], method) }
    }
}
