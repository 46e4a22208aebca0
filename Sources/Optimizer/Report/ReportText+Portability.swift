import Domain
import Pages

extension TextTable {
    /// What the artifact computes on other processors, and in which layers it differs there.
    mutating func portability(_ portability: Report.Portability?) {
        guard let portability else { return }
        heading("Other processors", portability.target?.rawValue ?? "")
        sentence(portability.note)
        for processor in portability.processors ?? [] {
            sentence("\(processor.name): \(processor.effect)", hanging: 4)
        }
        guard let layers = portability.layers, !layers.isEmpty else { return }
        columns(
            [["layer", "outputs", "pairs", "expected"]] + layers.prefix(Self.mostLayers).map(\.cells))
        if layers.count > Self.mostLayers { sentence("… and \(layers.count - Self.mostLayers) more") }
        sentence(portability.method ?? "")
    }

    private static let mostLayers = 10
}

extension Report.Portability.Layer {
    /// Name, outputs and pairs that can saturate, share of output values expected to change.
    var cells: [String] {
        [
            node, "\(channels) of \(ofChannels)", repaired ? "repaired" : "\(pairs) of \(ofPairs)",
            repaired ? "none" : expectedShare.map { $0 == 0 ? "0 %" : Number.short($0 * 100) + " %" } ?? "–",
        ]
    }
}
