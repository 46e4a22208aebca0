package struct SessionOptions: Sendable {
    /// How far the engine may rewrite the graph. `extended` is the last level that does not depend on the processor's
    /// vector width; `all` adds layout changes.
    package enum Optimization: String, Sendable, CaseIterable {
        case none, basic, extended, all
    }

    /// Threads inside one operator. Operators run one after another.
    package var threads = 1
    package var optimization = Optimization.all
    /// Where to write the graph as the engine rewrote it.
    package var optimizedModelPath: String?
    /// Records a trace of every run into a file whose name starts with this; see `Session.endProfiling`.
    package var profilePrefix: String?
    /// Lets idle worker threads burn their core while they wait: faster for one model alone, unfair to everything else.
    package var spinning = false
    /// Plans one block of memory for all tensors of static shape.
    package var memoryPattern = true
    /// Keeps freed memory for the next run.
    package var arena = true
    /// Same input, same bits, where the engine has a choice.
    package var deterministic = false
    /// Sizes for symbolic dimensions, by their name in the model.
    package var dimensions: [String: Int] = [:]
    /// Further settings in the engine's own words.
    package var configuration: [String: String] = [:]
    /// Receives the tensors of `Observe` and `Compare` operators; without one a model that has them does not load.
    package var observer: (any TensorObserver)?

    package init(threads: Int = 1, optimization: Optimization = .all, observer: (any TensorObserver)? = nil) {
        self.threads = threads
        self.optimization = optimization
        self.observer = observer
    }
}
