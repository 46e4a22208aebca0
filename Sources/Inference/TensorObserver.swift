package import ModelGraph

/// Sees tensors while a model runs, through the custom operators `Observe` and `Compare` of domain "octavo".
package protocol TensorObserver: AnyObject, Sendable {
    /// Called inside `run`, on the thread that called it: `Observe` shows one tensor, `Compare` two. `slot` is the
    /// operator's attribute, `context` what the caller passed to `run`. The tensors are valid during the call only.
    func observe(slot: Int, context: UnsafeMutableRawPointer?, values: [ObservedTensor])
}

/// A tensor inside the engine.
package struct ObservedTensor {
    package let type: ElementType
    package let shape: [Int]
    package let count: Int
    /// The first element; nil is possible when there is none.
    package let base: UnsafeRawPointer?

    package init(type: ElementType, shape: [Int], count: Int, base: UnsafeRawPointer?) {
        self.type = type
        self.shape = shape
        self.count = count
        self.base = base
    }

    /// The elements as float32, or nil for any other type.
    package var floats: UnsafeBufferPointer<Float>? {
        guard type == .float else { return nil }
        return UnsafeBufferPointer(start: base?.assumingMemoryBound(to: Float.self), count: base == nil ? 0 : count)
    }
}
