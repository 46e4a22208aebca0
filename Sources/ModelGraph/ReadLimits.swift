/// What a file may ask for. The defaults are far above real models and far below what would hurt.
package struct ReadLimits: Sendable {
    /// Bytes of the model file, and of each file of external data.
    package var fileBytes = 1 << 40
    /// Files up to this size are read; larger ones are mapped, and must not be written to any more.
    package var mappingThreshold = 64 << 20
    /// Messages inside messages. A graph in a graph takes three levels; protobuf's own libraries stop at 100.
    package var depth = 100
    /// Nodes, attributes, tensors, value infos and other records, together: small ones would otherwise take 50 times
    /// the memory that they have in the file.
    package var records = 4_000_000
    package var nodes = 1_000_000

    package init() {}
    package static let `default` = ReadLimits()
}
