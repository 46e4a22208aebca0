import Domain
import Pages

extension TextTable {
    /// The artifacts that were tried for the gate, and the layers that disturb the outputs most.
    mutating func search(_ search: Report.Search?) {
        guard let search else { return }
        heading("Search for the gate", "\(search.candidates.count) artifacts")
        columns(
            [["", "layers in float", "drop", "speed-up", "bytes"]]
                + search.candidates.map { candidate in
                    [
                        candidate.chosen ? "delivered" : candidate.met ? "passes" : "fails",
                        candidate.form == "integer" ? "\(candidate.float.count)" : "all, \(candidate.form)",
                        Number.percent(candidate.drop, 2), candidate.speedup.map { Number.times($0) } ?? "-",
                        "\(candidate.bytes)",
                    ]
                })
        let layers = search.layers.prefix(5).map { layer in
            layer.node + (layer.outputSqnrDb.map { " (\(Number.fixed($0, 1)) dB)" } ?? "")
        }
        field("sensitive", layers.joined(separator: ", "))
    }
}
