import Domain
import Pages

extension TextTable {
    /// The artifacts that were weighed against each other, and the layers that disturb the outputs most.
    mutating func search(_ search: Report.Search?) {
        guard let search else { return }
        heading("Candidates", search.remark)
        let isGated = search.candidates.contains { $0.drop != nil }
        columns(
            [["", "form", "in float", "speed-up", "95 %", "bytes", "SQNR dB"] + (isGated ? ["drop"] : [])]
                + search.candidates.map { $0.row(isGated: isGated) })
        for candidate in search.candidates where !candidate.reason.isEmpty && candidate.form != "float32" {
            sentence("\(candidate.name): \(candidate.reason)", hanging: 4)
        }
        let layers = search.layers.prefix(5).map { layer in
            layer.node + (layer.outputSqnrDb.map { " (\(Number.fixed($0, 1)) dB)" } ?? "")
        }
        if !layers.isEmpty { field("sensitive", layers.joined(separator: ", ")) }
    }
}

extension Report.Search {
    /// What the numbers are, and what the choice was made by.
    var remark: String {
        let aim = objective == .latency ? "the fastest" : "the smallest"
        return "\(candidates.count - 1) and FP32; \(aim) that keeps accuracy"
    }
}

extension Report.Search.Candidate {
    /// "delivered", and whether it lies on the frontier.
    var standing: String {
        if chosen {
            return optimal == false ? "delivered" : optimal == true ? "delivered, on the frontier" : "delivered"
        }
        if met == false { return "fails the gate" }
        return optimal == true ? "on the frontier" : ""
    }

    var likeness: String { identical ? "identical" : sqnrDb.map { Number.fixed($0, 1) } ?? "–" }

    func row(isGated: Bool) -> [String] {
        let interval = speedupInterval.map { "\(Number.fixed($0.low, 2))–\(Number.fixed($0.high, 2))" } ?? "–"
        let mark = chosen ? " ←" : optimal == true ? " ·" : ""
        return [
            name + mark, form, "\(float.count)", speedup.map { Number.fixed($0, 2) + "×" } ?? "–", interval,
            Number.bytes(bytes), likeness,
        ] + (isGated ? [drop.map { Number.percent($0, 2) } ?? "–"] : [])
    }
}
