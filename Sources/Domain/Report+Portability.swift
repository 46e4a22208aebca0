extension Report {
    /// Whether the artifact computes the same numbers elsewhere.
    package struct Portability: Equatable, Sendable, Codable {
        /// A layer of which some sums saturate, or would have, on x86-64 processors without VNNI.
        package struct Layer: Equatable, Sendable, Codable {
            package var node: String
            /// Output channels with at least one pair of weights that can saturate, of all.
            package var channels: Int
            package var ofChannels: Int
            /// Such pairs, of all that the layer adds.
            package var pairs: Int
            package var ofPairs: Int
            /// Share of output values expected to be changed; nil when the layer's input was not watched.
            package var expectedShare: Double?
            /// Whether those channels were given 7-bit weights, so that nothing saturates.
            package var repaired: Bool

            package init(
                node: String, channels: Int, ofChannels: Int, pairs: Int, ofPairs: Int, expectedShare: Double? = nil,
                repaired: Bool
            ) {
                self.node = node
                self.channels = channels
                self.ofChannels = ofChannels
                self.pairs = pairs
                self.ofPairs = ofPairs
                self.expectedShare = expectedShare
                self.repaired = repaired
            }
        }

        /// What happens on one kind of processor.
        package struct Processor: Equatable, Sendable, Codable {
            package var name: String
            package var effect: String

            package init(name: String, effect: String) {
                self.name = name
                self.effect = effect
            }
        }

        /// Whether this machine has VNNI, where u8·s8 products are summed without saturation.
        package var measuredWithVnni: Bool
        /// Layers whose pair sums can exceed int16 on processors without VNNI; nil when not analysed.
        package var saturatingLayers: Int?
        package var note: String
        package var target: Target?
        /// How the layers were counted.
        package var method: String?
        /// The layers that can saturate and those that were repaired, the worst first.
        package var layers: [Layer]?
        package var processors: [Processor]?

        package init(
            measuredWithVnni: Bool, saturatingLayers: Int? = nil, note: String, target: Target? = nil,
            method: String? = nil, layers: [Layer]? = nil, processors: [Processor]? = nil
        ) {
            self.measuredWithVnni = measuredWithVnni
            self.saturatingLayers = saturatingLayers
            self.note = note
            self.target = target
            self.method = method
            self.layers = layers
            self.processors = processors
        }
    }
}
