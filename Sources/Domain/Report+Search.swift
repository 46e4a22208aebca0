extension Report {
    /// Which artifacts were tried for the gate, and what each layer does to the outputs. Absent when the first one passed.
    package struct Search: Equatable, Sendable, Codable {
        package struct Candidate: Equatable, Sendable, Codable {
            /// "integer" or "weight-only".
            package var form: String
            /// Nodes put back to float for the gate; as `options.exclude` they give this artifact again.
            package var float: [String]
            package var drop: Double
            package var met: Bool
            /// Speed-up over FP32 in a short race; nil when nothing was timed.
            package var speedup: Double?
            package var bytes: Int64
            package var chosen: Bool

            package init(
                form: String, float: [String], drop: Double, met: Bool, speedup: Double?, bytes: Int64, chosen: Bool
            ) {
                self.form = form
                self.float = float
                self.drop = drop
                self.met = met
                self.speedup = speedup
                self.bytes = bytes
                self.chosen = chosen
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
        /// In the order in which they were tried.
        package var candidates: [Candidate]
        /// Most disturbing for the time it saves first.
        package var layers: [Layer]

        package init(candidates: [Candidate], layers: [Layer]) {
            self.candidates = candidates
            self.layers = layers
        }
    }
}
