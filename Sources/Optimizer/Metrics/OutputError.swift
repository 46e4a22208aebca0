import Domain
import Glibc

/// Running sums over the values of one output, reference against candidate.
struct OutputError: Sendable {
    private(set) var values = 0
    private var signal = 0.0
    private var noise = 0.0
    private var product = 0.0
    private var candidatePower = 0.0
    private var absoluteSum = 0.0
    private var largest = 0.0
    private var referenceSum = 0.0
    private var candidateSum = 0.0
    /// Cosines of single samples: their sum, how many there are, the lowest.
    private var cosineSum = 0.0
    private var cosines = 0
    private var lowestCosine = 1.0
    private(set) var incomparable = 0
    private(set) var broken = 0

    /// How one sample came out.
    enum Comparison: Equatable {
        /// SQNR in dB: infinite for equal values, minus infinity for noise without signal.
        case measured(Double)
        case incomparable
        /// Only the candidate is not finite.
        case broken
    }

    mutating func add(_ reference: [Float], _ candidate: [Float]) -> Comparison {
        var one = OutputError()
        guard reference.count == candidate.count else {
            incomparable += 1
            return .incomparable
        }
        for (a, b) in zip(reference, candidate) { one.add(Double(a), Double(b)) }
        guard one.signal.isFinite else {
            incomparable += 1
            return .incomparable
        }
        guard one.candidatePower.isFinite else {
            broken += 1
            return .broken
        }
        one.values = reference.count
        if let cosine = one.cosine { (one.cosineSum, one.cosines, one.lowestCosine) = (cosine, 1, cosine) }
        merge(one)
        return .measured(one.decibels)
    }

    /// Two tensors that cannot be compared value by value.
    mutating func addIncomparable() { incomparable += 1 }

    mutating func merge(_ other: OutputError) {
        values += other.values
        signal += other.signal
        noise += other.noise
        product += other.product
        candidatePower += other.candidatePower
        absoluteSum += other.absoluteSum
        largest = max(largest, other.largest)
        referenceSum += other.referenceSum
        candidateSum += other.candidateSum
        cosineSum += other.cosineSum
        cosines += other.cosines
        lowestCosine = min(lowestCosine, other.lowestCosine)
        incomparable += other.incomparable
        broken += other.broken
    }

    func report(_ name: String) -> Report.Fidelity.Output {
        Report.Fidelity.Output(
            name: name, values: values, sqnrDb: decibels.isFinite ? decibels : nil, cosine: cosine,
            correlation: correlation, meanSampleCosine: cosines > 0 ? cosineSum / Double(cosines) : nil,
            worstSampleCosine: cosines > 0 ? lowestCosine : nil, maxAbsError: largest,
            meanAbsError: values > 0 ? absoluteSum / Double(values) : 0,
            identical: noise == 0 && values > 0 && broken == 0,
            incomparable: incomparable, broken: broken)
    }

    private var cosine: Double? {
        let length = (signal * candidatePower).squareRoot()
        return length > 0 ? max(-1, min(1, product / length)) : nil
    }

    /// Pearson's; nil when one side is constant.
    private var correlation: Double? {
        let count = Double(values)
        let (a, b) = (
            signal - referenceSum * referenceSum / count, candidatePower - candidateSum * candidateSum / count
        )
        // Below what rounding leaves of a constant there is no variation.
        guard values > 1, a > signal * 1e-12, b > candidatePower * 1e-12 else { return nil }
        return max(-1, min(1, (product - referenceSum * candidateSum / count) / (a * b).squareRoot()))
    }

    /// 10 log10 of signal power over noise power.
    private var decibels: Double {
        if noise == 0 { return .infinity }
        return signal > 0 ? 10 * log10(signal / noise) : -.infinity
    }

    private mutating func add(_ reference: Double, _ candidate: Double) {
        let error = abs(reference - candidate)
        signal += reference * reference
        noise += error * error
        product += reference * candidate
        candidatePower += candidate * candidate
        absoluteSum += error
        largest = max(largest, error)
        referenceSum += reference
        candidateSum += candidate
    }
}
