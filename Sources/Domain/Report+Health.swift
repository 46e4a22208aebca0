extension SampleSetSummary {
    /// How far a set can be trusted to show the ranges of its kind.
    package struct Health: Equatable, Sendable, Codable {
        /// What part of the whole range the first `samples` samples span.
        package struct Point: Equatable, Sendable, Codable {
            package var samples: Int
            package var share: Double

            package init(samples: Int, share: Double) {
                self.samples = samples
                self.share = share
            }
        }
        /// Samples that repeat another one byte for byte.
        package var duplicates: Int
        /// Samples whose values are all the same.
        package var constant: Int
        /// For numbers of samples that double, in an order that depends on their content only; of the array whose range
        /// comes last.
        package var convergence: [Point]
        /// By what part of it one more sample can be expected to widen the range: what single samples add to it, over their
        /// number (the jackknife). Nil for fewer than two samples and ranges of no width.
        package var expectedGrowth: Double?

        package init(duplicates: Int, constant: Int, convergence: [Point], expectedGrowth: Double?) {
            self.duplicates = duplicates
            self.constant = constant
            self.convergence = convergence
            self.expectedGrowth = expectedGrowth
        }
    }
}

extension Report.CalibrationHealth {
    /// How the ranges of the model's own tensors settled while calibration went on.
    package struct Convergence: Equatable, Sendable, Codable {
        package struct Point: Equatable, Sendable, Codable {
            package var samples: Int
            /// What part of its final range a tensor had by then, on average and of the tensor that had least.
            package var mean: Double
            package var least: Double

            package init(samples: Int, mean: Double, least: Double) {
                self.samples = samples
                self.mean = mean
                self.least = least
            }
        }
        package var tensors: Int
        package var points: [Point]
        /// Tensors whose range grew by more than 5 % over the second half of the samples.
        package var moving: Int
        /// By what part of it one more sample can be expected to widen a range, on average over the tensors: the growth over
        /// the second half, over its number of samples.
        package var expectedGrowth: Double?

        package init(tensors: Int, points: [Point], moving: Int, expectedGrowth: Double?) {
            self.tensors = tensors
            self.points = points
            self.moving = moving
            self.expectedGrowth = expectedGrowth
        }
    }

    /// How far the evaluation samples lie from the calibration samples, as the model gets them.
    package struct Distance: Equatable, Sendable, Codable {
        /// The array's name in the calibration set.
        package var array: String
        /// Difference of the mean of the samples' means, over the standard deviation of those means (Cohen's d).
        package var meanShift: Double?
        /// Mean of the samples' standard deviations, evaluation over calibration.
        package var spreadRatio: Double?
        /// Share of the evaluation samples with values outside the calibration set's range.
        package var beyond: Double

        package init(array: String, meanShift: Double?, spreadRatio: Double?, beyond: Double) {
            self.array = array
            self.meanShift = meanShift
            self.spreadRatio = spreadRatio
            self.beyond = beyond
        }
    }
}
