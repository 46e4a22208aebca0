/// A job that repeats another one: what is expected of it and, once it has ended, what came of it.
package struct Reproduction: Equatable, Sendable, Codable {
    /// What an artifact's bytes may depend on besides its inputs and its recipe.
    package struct Conditions: Equatable, Sendable, Codable {
        package var octavoVersion: String?
        package var engine: String?
        package var engineVersion: String?
        /// The kernels chosen for the processor.
        package var kernels: String?
        package var processor: String?

        package init(
            octavoVersion: String? = nil, engine: String? = nil, engineVersion: String? = nil, kernels: String? = nil,
            processor: String? = nil
        ) {
            self.octavoVersion = octavoVersion
            self.engine = engine
            self.engineVersion = engineVersion
            self.kernels = kernels
            self.processor = processor
        }

        /// A sentence for each thing that is known to differ.
        func differences(from original: Conditions) -> [String] {
            func difference(_ what: String, _ then: String?, _ now: String?) -> String? {
                guard let then, let now, then != now else { return nil }
                return "\(what) was \(then) and is \(now) now."
            }
            return [
                difference("The version of octavo", original.octavoVersion, octavoVersion),
                difference("The engine", original.engine, engine),
                difference("The engine's version", original.engineVersion, engineVersion),
                difference("The processor", original.processor, processor),
                difference("The choice of kernels", original.kernels, kernels),
            ].compactMap { $0 }
        }
    }
    /// The job that is repeated.
    package var job: String
    /// Digest of its artifact.
    package var expected: Digest
    package var original: Conditions
    /// Digest of the artifact that came out; nil before the end.
    package var digest: Digest?
    package var identical: Bool?
    /// Why the bytes may differ; nil when they do not.
    package var reasons: [String]?

    package init(job: String, expected: Digest, original: Conditions) {
        self.job = job
        self.expected = expected
        self.original = original
    }

    /// With what came of it under the conditions of now.
    package func concluded(_ artifact: Digest, under now: Conditions) -> Reproduction {
        var result = self
        result.digest = artifact
        result.identical = artifact == expected
        guard artifact != expected else { return result }
        let differences = now.differences(from: original)
        result.reasons =
            differences.isEmpty
            ? ["Nothing that is recorded of the two runs differs: the conversion did not repeat itself."] : differences
        return result
    }
}

extension Report {
    /// What this run's artifact may depend on besides its inputs and its recipe.
    package var conditions: Reproduction.Conditions {
        .init(
            octavoVersion: identity.octavoVersion, engine: identity.engine, engineVersion: identity.engineVersion,
            kernels: identity.kernels, processor: environment.processor)
    }
}
