/// What one calibration pass saw, as files in the scratch directory, by plain name.
package struct StatisticsFiles: Equatable, Sendable, Codable {
    /// Digest of everything that the statistics depend on: the float graph and its observed tensors, the samples in no
    /// particular order, their preprocessing, the engine, the processor and the observer's version.
    package var key: Digest
    /// The statistics themselves, for a later job.
    package var content: String
    /// The same for a person, as JSON: extremes and counts of each tensor.
    package var summary: String
    package var samples: Int
    package var tensors: Int

    package init(key: Digest, content: String, summary: String, samples: Int, tensors: Int) {
        self.key = key
        self.content = content
        self.summary = summary
        self.samples = samples
        self.tensors = tensors
    }
}

extension Report.CalibrationHealth {
    /// Where the ranges come from.
    package struct Statistics: Equatable, Sendable, Codable {
        package enum Source: String, Codable, Sendable {
            /// A calibration pass of this job.
            case measured
            /// The pass of an earlier job; this one made none.
            case reused
        }
        package var source: Source
        /// As in `StatisticsFiles`.
        package var key: Digest

        package init(source: Source, key: Digest) {
            self.source = source
            self.key = key
        }
    }
}
