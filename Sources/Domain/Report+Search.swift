extension Report {
    /// Which artifacts were weighed against each other, what was measured of each, and why one of them was delivered. Absent
    /// where the recipe left nothing to choose.
    package struct Search: Equatable, Sendable, Codable {
        package struct Candidate: Equatable, Sendable, Codable {
            package var name: String
            /// "float32" for the model as it came; else as in the plan.
            package var form: String
            /// Nodes put back to float for speed or for the gate, as patterns (`*` and `\` have a backslash before them):
            /// as `options.exclude` they give this artifact again.
            package var float: [String]
            /// Size of the file without what the delivered one says of its origin.
            package var bytes: Int64
            /// Speed-up over FP32 and its 95 % interval, in a short race; nil when it was not timed against FP32.
            package var speedup: Double?
            package var speedupInterval: Interval?
            /// Lowest SQNR of the judged tensors in dB, on `samples` calibration samples; nil when it was not measured, or
            /// when nothing differs.
            package var sqnrDb: Double?
            /// Whether the judged tensors were compared and are FP32's to the bit.
            package var identical: Bool
            /// What the gate measured of it, and whether it passes; nil when it did not.
            package var drop: Double?
            package var met: Bool?
            /// Whether no other is at least as good in speed, size and likeness and better in one; nil when one of the three
            /// was not measured.
            package var optimal: Bool?
            package var chosen: Bool
            /// How the choice fell, in words.
            package var reason: String

            package init(
                name: String, form: String, float: [String] = [], bytes: Int64, speedup: Double? = nil,
                speedupInterval: Interval? = nil, sqnrDb: Double? = nil, identical: Bool = false, drop: Double? = nil,
                met: Bool? = nil, optimal: Bool? = nil, chosen: Bool = false, reason: String = ""
            ) {
                self.name = name
                self.form = form
                self.float = float
                self.bytes = bytes
                self.speedup = speedup
                self.speedupInterval = speedupInterval
                self.sqnrDb = sqnrDb
                self.identical = identical
                self.drop = drop
                self.met = met
                self.optimal = optimal
                self.chosen = chosen
                self.reason = reason
            }
        }

        /// One layer in integers and all others in float.
        package struct Layer: Equatable, Sendable, Codable {
            package var node: String
            /// SQNR of the model's outputs in dB; nil when they do not change, or are no longer finite.
            package var outputSqnrDb: Double?
            package var macs: Int64

            package init(node: String, outputSqnrDb: Double?, macs: Int64) {
                self.node = node
                self.outputSqnrDb = outputSqnrDb
                self.macs = macs
            }
        }
        package var objective: Objective
        /// Calibration samples that the candidates' likeness was measured on.
        package var samples: Int
        /// FP32, then the others in the order in which they were made.
        package var candidates: [Candidate]
        /// Most disturbing for what it saves first; empty when no gate made anyone look.
        package var layers: [Layer]

        package init(objective: Objective, samples: Int, candidates: [Candidate], layers: [Layer]) {
            self.objective = objective
            self.samples = samples
            self.candidates = candidates
            self.layers = layers
        }
    }
}

extension Report.Search {
    /// With the model itself in front, and the frontier marked.
    ///
    /// A delivered artifact that the choice had no need to time has the report's latency.
    package func concluded(modelBytes: Int64, latency: Report.Latency?) -> Report.Search {
        var result = self
        if let place = result.candidates.firstIndex(where: \.chosen) {
            if result.candidates[place].speedup == nil, let latency {
                result.candidates[place].speedup = latency.speedup
                result.candidates[place].speedupInterval = latency.speedupInterval
            }
        }
        let model = Candidate(
            name: "fp32", form: "float32", bytes: modelBytes, speedup: 1, identical: true,
            reason: "the model as it came")
        result.candidates.insert(model, at: 0)
        result.markFrontier()
        return result
    }

    private mutating func markFrontier() {
        let points = candidates.map(\.point)
        for (place, point) in points.enumerated() {
            guard let point else { continue }
            candidates[place].optimal = !points.contains { other in
                guard let other else { return false }
                return other != point && zip(other, point).allSatisfy { $0 >= $1 }
            }
        }
    }
}

extension Report.Search.Candidate {
    /// Speed, smallness and likeness, each the larger the better; nil when one is not known.
    fileprivate var point: [Double]? {
        guard let speedup, let likeness = identical ? .infinity : sqnrDb else { return nil }
        return [speedup, -Double(bytes), likeness]
    }
}
