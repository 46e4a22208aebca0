extension Report {
    /// Accuracy against labels, of both models on the same samples.
    package struct Accuracy: Equatable, Sendable, Codable {
        /// Share of correct samples with its Wilson interval.
        package struct Score: Equatable, Sendable, Codable {
            package var correct: Int
            package var share: Double
            package var interval: Interval

            package init(
                correct: Int, share: Double, interval: Interval
            ) {
                self.correct = correct
                self.share = share
                self.interval = interval
            }
        }
        /// The output that was read as class scores.
        package var output: String
        package var classes: Int
        package var samples: Int
        package var fp32Top1: Score
        package var int8Top1: Score
        /// Only for more than five classes.
        package var fp32Top5: Score?
        package var int8Top5: Score?
        /// INT8 minus FP32, top-1.
        package var delta: Double
        /// Paired interval of the difference (Agresti and Min 2005: half a count added to each cell of the 2x2 table).
        package var deltaInterval: Interval
        /// Samples that only FP32 gets right.
        package var lost: Int
        /// Samples that only INT8 gets right.
        package var gained: Int
        /// Two-sided exact McNemar test on `lost` and `gained`.
        package var mcnemarP: Double
        /// INT8's top-1 over FP32's; MLPerf asks for 0.99 or 0.999. Nil when FP32 is never right.
        package var kept: Double?

        package init(
            output: String, classes: Int, samples: Int, fp32Top1: Score, int8Top1: Score, fp32Top5: Score? = nil,
            int8Top5: Score? = nil, delta: Double, deltaInterval: Interval, lost: Int, gained: Int, mcnemarP: Double
        ) {
            self.output = output
            self.classes = classes
            self.samples = samples
            self.fp32Top1 = fp32Top1
            self.int8Top1 = int8Top1
            self.fp32Top5 = fp32Top5
            self.int8Top5 = int8Top5
            self.delta = delta
            self.deltaInterval = deltaInterval
            self.lost = lost
            self.gained = gained
            self.mcnemarP = mcnemarP
            kept = fp32Top1.share > 0 ? int8Top1.share / fp32Top1.share : nil
        }
    }

    /// How closely the artifact follows the FP32 model on the same samples.
    package struct Fidelity: Equatable, Sendable, Codable {
        package var samples: Int
        package var outputs: [Output]
        /// For the first output that looks like class scores.
        package var agreement: Agreement?
        /// The samples that suffer most, worst first, at most ten.
        package var worst: [WorstSample]

        package init(
            samples: Int, outputs: [Output], agreement: Agreement? = nil, worst: [WorstSample]
        ) {
            self.samples = samples
            self.outputs = outputs
            self.agreement = agreement
            self.worst = worst
        }

        /// Of the first output with any; distributions go before integers, which may be mere counts.
        package var choices: Choices? {
            let all = outputs.compactMap(\.choices)
            return all.first { $0.axis != nil } ?? all.first
        }

        package struct Output: Equatable, Sendable, Codable {
            package var name: String
            /// Values compared over all samples.
            package var values: Int
            /// 10 log10(sum ref^2 / sum (ref - int8)^2) over all samples; nil when the outputs are equal or the reference is 0.
            package var sqnrDb: Double?
            /// Cosine over all values of all samples; nil when one side is all 0.
            package var cosine: Double?
            /// Pearson's correlation over all values of all samples; nil when one side is constant.
            package var correlation: Double?
            /// Cosine of each sample's output by itself, as embeddings are compared: the mean and the lowest.
            package var meanSampleCosine: Double?
            package var worstSampleCosine: Double?
            package var maxAbsError: Double
            package var meanAbsError: Double
            /// Whether every value is the same.
            package var identical: Bool
            /// Samples left out because the two outputs differ in shape or the reference is not finite.
            package var incomparable: Int
            /// Samples where only the artifact gave NaN or infinity.
            package var broken: Int
            /// For an output that holds a class for each of its places.
            package var choices: Choices?

            package init(
                name: String, values: Int, sqnrDb: Double? = nil, cosine: Double? = nil, correlation: Double? = nil,
                meanSampleCosine: Double? = nil, worstSampleCosine: Double? = nil, maxAbsError: Double,
                meanAbsError: Double, identical: Bool, incomparable: Int, broken: Int
            ) {
                self.name = name
                self.values = values
                self.sqnrDb = sqnrDb
                self.cosine = cosine
                self.correlation = correlation
                self.meanSampleCosine = meanSampleCosine
                self.worstSampleCosine = worstSampleCosine
                self.maxAbsError = maxAbsError
                self.meanAbsError = meanAbsError
                self.identical = identical
                self.incomparable = incomparable
                self.broken = broken
            }
        }

        /// How often the artifact chooses the class that FP32 chooses, over the places of an output: the steps of a sequence,
        /// the pixels of a segmentation.
        package struct Choices: Equatable, Sendable, Codable {
            /// The axis whose largest value is the choice; nil where the values themselves are, being integers.
            package var axis: Int?
            package var classes: Int?
            package var samples: Int
            /// Places over all samples.
            package var places: Int
            /// Share of places with the same choice; the interval takes a sample's places for no independent draws.
            package var same: Double
            package var sameInterval: Interval
            /// Samples with the same choice at every place, and Wilson's interval of their share.
            package var whole: Int
            package var wholeInterval: Interval
            /// Intersection over union of the places of a class, the mean over the classes that either model gives; only where
            /// the places form a picture.
            package var meanIou: Double?

            package init(
                axis: Int? = nil, classes: Int? = nil, samples: Int, places: Int, same: Double, sameInterval: Interval,
                whole: Int, wholeInterval: Interval, meanIou: Double? = nil
            ) {
                self.axis = axis
                self.classes = classes
                self.samples = samples
                self.places = places
                self.same = same
                self.sameInterval = sameInterval
                self.whole = whole
                self.wholeInterval = wholeInterval
                self.meanIou = meanIou
            }
        }

        package struct Agreement: Equatable, Sendable, Codable {
            package var output: String
            package var classes: Int
            package var samples: Int
            /// Share of samples with the same best class, with its Wilson interval.
            package var top1: Double
            package var top1Interval: Interval
            /// Share of samples whose FP32 best class is among the artifact's best five; only for more than five classes.
            package var top5: Double?
            /// Divergence of Kullback and Leibler from FP32's class probabilities to INT8's, in nats, mean over the samples.
            package var klDivergence: Double?
            /// Probability of the best class, mean over the samples: scores that keep their order and are squeezed show here.
            package var fp32Confidence: Double?
            package var int8Confidence: Double?
            /// Among the samples that FP32 itself nearly decides otherwise; nil for fewer than eight samples.
            package var closeCalls: CloseCalls?

            package init(
                output: String, classes: Int, samples: Int, top1: Double, top1Interval: Interval, top5: Double? = nil,
                klDivergence: Double? = nil, fp32Confidence: Double? = nil, int8Confidence: Double? = nil,
                closeCalls: CloseCalls? = nil
            ) {
                self.output = output
                self.classes = classes
                self.samples = samples
                self.top1 = top1
                self.top1Interval = top1Interval
                self.top5 = top5
                self.klDivergence = klDivergence
                self.fp32Confidence = fp32Confidence
                self.int8Confidence = int8Confidence
                self.closeCalls = closeCalls
            }
        }

        /// The quarter of the samples with the least margin: FP32's best score less its second best, as the output has them.
        package struct CloseCalls: Equatable, Sendable, Codable {
            package var samples: Int
            /// The largest margin among them.
            package var margin: Double
            /// Share of them with the same best class, with its Wilson interval.
            package var top1: Double
            package var top1Interval: Interval

            package init(samples: Int, margin: Double, top1: Double, top1Interval: Interval) {
                self.samples = samples
                self.margin = margin
                self.top1 = top1
                self.top1Interval = top1Interval
            }
        }

        package struct WorstSample: Equatable, Sendable, Codable {
            package var index: Int
            /// XXH64 of the sample's bytes, 16 hexadecimal digits.
            package var digest: String?
            /// Lowest SQNR over the outputs; nil when the artifact's outputs are not finite.
            package var sqnrDb: Double?
            /// Whether the best class changed; nil without class scores.
            package var flipped: Bool?

            package init(
                index: Int, digest: String? = nil, sqnrDb: Double? = nil, flipped: Bool? = nil
            ) {
                self.index = index
                self.digest = digest
                self.sqnrDb = sqnrDb
                self.flipped = flipped
            }
        }
    }

    /// What the calibration samples looked like.
    package struct CalibrationHealth: Equatable, Sendable, Codable {
        package var samplesInSet: Int
        package var samplesUsed: Int
        package var duplicates: Int
        package var arrays: [SampleSetSummary.Array]
        package var findings: [Finding]
        package var convergence: Convergence?
        /// Of the evaluation samples, array by array; nil without an evaluation set.
        package var distance: [Distance]?
        /// Nil where nothing was calibrated.
        package var statistics: Statistics?

        package init(
            samplesInSet: Int, samplesUsed: Int, duplicates: Int, arrays: [SampleSetSummary.Array],
            findings: [Finding], convergence: Convergence? = nil, distance: [Distance]? = nil,
            statistics: Statistics? = nil
        ) {
            self.samplesInSet = samplesInSet
            self.samplesUsed = samplesUsed
            self.duplicates = duplicates
            self.arrays = arrays
            self.findings = findings
            self.convergence = convergence
            self.distance = distance
            self.statistics = statistics
        }
    }
}
