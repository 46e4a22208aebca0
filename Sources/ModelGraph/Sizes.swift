extension [Int] {
    /// How many elements a tensor of these sizes has; nil when that overflows, or when a size is negative.
    var product: Int? {
        // A zero anywhere makes the tensor empty, but the other sizes must still be countable in any order.
        var product = 1
        for size in self {
            let (next, overflow) = product.multipliedReportingOverflow(by: Swift.max(1, size))
            guard size >= 0, !overflow else { return nil }
            product = next
        }
        return contains(0) ? 0 : product
    }
}
